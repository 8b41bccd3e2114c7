//! [`Prices`]: looks up the prices of traded assets: in a cache, or in a slower source if the cache lacks a price.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::sleep;

use crate::replay::Move;
use crate::store::Store;

/// The price of one SOL in dollars. Good enough for an example.
const SOL_IN_USD: f64 = 150.0;

/// The time that the slower source takes for an answer, as one over the network would.
const ANSWER: Duration = Duration::from_millis(20);

/// A price in both currencies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Price {
    pub(crate) sol: f64,
    pub(crate) usd: f64,
}

impl Price {
    pub(crate) fn of(sol: f64) -> Self {
        Self { sol, usd: sol * SOL_IN_USD }
    }
}

/// Prices of assets. The cache has those that moved or were asked for. The rest comes from a source that takes a while and does not know
/// every asset. Clones share the cache.
#[derive(Debug, Clone)]
pub(crate) struct Prices {
    cache: Arc<Mutex<HashMap<String, Price>>>,
    source: Store,
}

impl Prices {
    pub(crate) fn new(source: Store) -> Self {
        Self { cache: Arc::default(), source }
    }

    /// Notes prices that moved.
    pub(crate) fn note(&self, moves: &[Move]) {
        let mut cache = self.cache();
        cache.extend(moves.iter().map(|change| (change.address.clone(), Price::of(change.price))));
    }

    /// The prices of assets. Those that are missing have none anywhere.
    pub(crate) async fn of(&self, assets: &[&str]) -> anyhow::Result<HashMap<String, Price>> {
        let mut found = self.cached(assets);
        let missing: Vec<_> = assets.iter().copied().filter(|asset| !found.contains_key(*asset)).collect();
        if !missing.is_empty() {
            sleep(ANSWER).await;
            for (asset, price) in self.source.quotes(&missing).await? {
                // A price that moved meanwhile is the newer one.
                let price = *self.cache().entry(asset.clone()).or_insert(Price::of(price));
                found.insert(asset, price);
            }
        }
        Ok(found)
    }

    fn cached(&self, assets: &[&str]) -> HashMap<String, Price> {
        let cache = self.cache();
        assets.iter().filter_map(|asset| Some(((*asset).to_owned(), *cache.get(*asset)?))).collect()
    }

    fn cache(&self) -> MutexGuard<'_, HashMap<String, Price>> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::Asset;

    fn asset(address: &str, price: Option<f64>) -> Asset {
        Asset { address: address.to_owned(), symbol: address.to_owned(), price }
    }

    #[tokio::test]
    async fn prices_come_from_the_cache_then_from_the_source_and_unknown_tokens_have_none() {
        let folder = tempfile::tempdir().unwrap();
        let assets = [asset("MOVED", Some(1.0)), asset("QUOTED", Some(1.0)), asset("UNPRICED", None)];
        let store = Store::open(&folder.path().join("positions.sqlite"), &assets).await.unwrap();
        let prices = Prices::new(store.clone());
        prices.note(&[Move { address: "MOVED".to_owned(), price: 2.0 }]);
        let asked = ["MOVED", "QUOTED", "UNPRICED"];
        let expected = HashMap::from([("MOVED", 2.0), ("QUOTED", 1.0)].map(|(t, p)| (t.to_owned(), Price::of(p))));
        assert_eq!(prices.of(&asked).await.unwrap(), expected);
        // A second time the cache has it.
        store.set_prices(&[Move { address: "QUOTED".to_owned(), price: 9.0 }]).await.unwrap();
        assert_eq!(prices.of(&asked).await.unwrap(), expected);
        store.close().await;
    }
}
