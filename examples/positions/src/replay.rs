//! [`Replay`]: reads the traded assets and the moves of their prices from two files that `data/generate.py` writes.

use anyhow::Context as _;

const ASSETS: &str = include_str!("../data/assets.csv");
const PRICES: &str = include_str!("../data/prices.csv");

/// An asset.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Asset {
    pub(crate) address: String,
    /// Anybody may call an asset anything.
    pub(crate) symbol: String,
    /// The price at the start. Some assets have none, ever.
    pub(crate) price: Option<f64>,
}

/// A price that changes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Move {
    pub(crate) address: String,
    pub(crate) price: f64,
}

/// Assets, and the moves of each step. After the last step the first one follows.
#[derive(Debug)]
pub(crate) struct Replay {
    pub(crate) assets: Vec<Asset>,
    steps: Vec<Vec<Move>>,
}

impl Replay {
    pub(crate) fn load() -> anyhow::Result<Self> {
        let assets = rows(ASSETS).map(asset).collect::<anyhow::Result<Vec<_>>>()?;
        let mut steps: Vec<Vec<Move>> = Vec::new();
        for row in rows(PRICES) {
            let [step, asset, price] = fields(row)?;
            let step: usize = step.parse().with_context(|| format!("no step: {row:?}"))?;
            let asset = assets.get(asset.parse::<usize>()?).with_context(|| format!("no such asset: {row:?}"))?;
            steps.resize_with(steps.len().max(step + 1), Vec::new);
            steps[step].push(Move { address: asset.address.clone(), price: price.parse()? });
        }
        anyhow::ensure!(!steps.is_empty(), "no prices");
        Ok(Self { assets, steps })
    }

    /// The prices that change in a step, of any number.
    pub(crate) fn step(&self, number: usize) -> &[Move] {
        &self.steps[number % self.steps.len()]
    }
}

/// The rows after the header.
fn rows(csv: &str) -> impl Iterator<Item = &str> {
    csv.lines().skip(1).filter(|row| !row.is_empty())
}

fn asset(row: &str) -> anyhow::Result<Asset> {
    let [address, symbol, price] = fields(row)?;
    let price = if price.is_empty() { None } else { Some(price.parse()?) };
    Ok(Asset { address: address.to_owned(), symbol: symbol.to_owned(), price })
}

/// Three fields, none of which has a comma in it.
fn fields(row: &str) -> anyhow::Result<[&str; 3]> {
    let fields: Vec<_> = row.split(',').collect();
    fields.try_into().map_err(|_| anyhow::anyhow!("three fields were expected: {row:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_have_two_hundred_tokens_and_prices_that_move() {
        let replay = Replay::load().unwrap();
        assert_eq!((replay.assets.len(), replay.steps.len()), (200, 120));
        assert!(replay.steps.iter().flatten().all(|change| change.price > 0.0));
        let unpriced: Vec<_> = replay.assets.iter().filter(|asset| asset.price.is_none()).collect();
        let moves = || replay.steps.iter().flatten();
        assert!(
            !unpriced.is_empty() && moves().all(|change| unpriced.iter().all(|asset| asset.address != change.address))
        );
        assert_eq!(replay.step(0), replay.step(120));
        assert_ne!(replay.step(0), replay.step(1));
    }

    #[test]
    fn a_row_that_is_none_is_named() {
        let error = asset("abc,1").unwrap_err().to_string();
        assert!(error.contains("abc,1"), "{error}");
    }
}
