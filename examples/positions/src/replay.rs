//! [`Replay`]: reads the traded tokens and the moves of their prices from two files that `data/generate.py` writes.

use anyhow::Context as _;

const TOKENS: &str = include_str!("../data/tokens.csv");
const PRICES: &str = include_str!("../data/prices.csv");

/// A token.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Token {
    pub(crate) address: String,
    /// Anybody may call a token anything.
    pub(crate) symbol: String,
    /// The price at the start. Some tokens have none, ever.
    pub(crate) price: Option<f64>,
}

/// A price that changes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Move {
    pub(crate) address: String,
    pub(crate) price: f64,
}

/// Tokens, and the moves of each step. After the last step the first one follows.
#[derive(Debug)]
pub(crate) struct Replay {
    pub(crate) tokens: Vec<Token>,
    steps: Vec<Vec<Move>>,
}

impl Replay {
    pub(crate) fn load() -> anyhow::Result<Self> {
        let tokens = rows(TOKENS).map(token).collect::<anyhow::Result<Vec<_>>>()?;
        let mut steps: Vec<Vec<Move>> = Vec::new();
        for row in rows(PRICES) {
            let [step, token, price] = fields(row)?;
            let step: usize = step.parse().with_context(|| format!("no step: {row:?}"))?;
            let token = tokens.get(token.parse::<usize>()?).with_context(|| format!("no such token: {row:?}"))?;
            steps.resize_with(steps.len().max(step + 1), Vec::new);
            steps[step].push(Move { address: token.address.clone(), price: price.parse()? });
        }
        anyhow::ensure!(!steps.is_empty(), "no prices");
        Ok(Self { tokens, steps })
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

fn token(row: &str) -> anyhow::Result<Token> {
    let [address, symbol, price] = fields(row)?;
    let price = if price.is_empty() { None } else { Some(price.parse()?) };
    Ok(Token { address: address.to_owned(), symbol: symbol.to_owned(), price })
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
        assert_eq!((replay.tokens.len(), replay.steps.len()), (200, 120));
        assert!(replay.steps.iter().flatten().all(|change| change.price > 0.0));
        let unpriced: Vec<_> = replay.tokens.iter().filter(|token| token.price.is_none()).collect();
        let moves = || replay.steps.iter().flatten();
        assert!(
            !unpriced.is_empty() && moves().all(|change| unpriced.iter().all(|token| token.address != change.address))
        );
        assert_eq!(replay.step(0), replay.step(120));
        assert_ne!(replay.step(0), replay.step(1));
    }

    #[test]
    fn a_row_that_is_none_is_named() {
        let error = token("abc,1").unwrap_err().to_string();
        assert!(error.contains("abc,1"), "{error}");
    }
}
