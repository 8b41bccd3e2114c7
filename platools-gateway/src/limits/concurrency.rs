//! [`ConcurrencyLimit`]: limits, for each key such as an address, how many requests or connections are open at the same time.
//! [`ConcurrencyPermit`] is the right to one of them; dropping it frees the place.

use std::collections::HashMap;
use std::hash::Hash;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use super::gateway_count::GatewayCount;
use crate::domain::lock::lock;

/// A concurrency limit for each key. Several gateways may divide it.
#[derive(Debug)]
pub(super) struct ConcurrencyLimit<K: Hash + Eq + Clone> {
    limit: u32,
    gateways: GatewayCount,
    taken: Arc<Mutex<HashMap<K, u32>>>,
    refused: AtomicU64,
}

/// A permit of a limit. Dropping it gives it back.
#[derive(Debug)]
pub(crate) struct ConcurrencyPermit<K: Hash + Eq + Clone> {
    key: K,
    taken: Arc<Mutex<HashMap<K, u32>>>,
}

impl<K: Hash + Eq + Clone> ConcurrencyLimit<K> {
    pub(super) fn new(limit: NonZeroU32) -> Self {
        let gateways = GatewayCount::default();
        Self { limit: limit.get(), gateways, taken: Arc::default(), refused: AtomicU64::new(0) }
    }

    /// The same for a limit that gateways divide: each has its share, at least one.
    pub(super) fn divided(self, gateways: &GatewayCount) -> Self {
        Self { gateways: gateways.clone(), ..self }
    }

    /// Takes a permit, if there is one.
    pub(super) fn take(&self, key: K) -> Option<ConcurrencyPermit<K>> {
        self.take_beside(key, 0)
    }

    /// Takes a permit, if there is one beside so many at other gateways.
    pub(super) fn take_beside(&self, key: K, elsewhere: usize) -> Option<ConcurrencyPermit<K>> {
        let limit = self.limit.div_ceil(self.gateways.get().get());
        let mut taken = lock(&self.taken);
        let count = taken.get(&key).copied().unwrap_or_default();
        if (count as usize).saturating_add(elsewhere) >= limit as usize {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        taken.insert(key.clone(), count + 1);
        drop(taken);
        Some(ConcurrencyPermit { key, taken: Arc::clone(&self.taken) })
    }

    /// Takes a permit even if the limit is reached.
    pub(super) fn take_beyond(&self, key: K) -> ConcurrencyPermit<K> {
        *lock(&self.taken).entry(key.clone()).or_default() += 1;
        ConcurrencyPermit { key, taken: Arc::clone(&self.taken) }
    }

    /// The number of permits that are taken, of all keys together.
    pub(super) fn taken(&self) -> usize {
        lock(&self.taken).values().map(|count| *count as usize).sum()
    }

    /// The number of refusals.
    pub(super) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
}

impl<K: Hash + Eq + Clone> Drop for ConcurrencyPermit<K> {
    fn drop(&mut self) {
        let mut taken = lock(&self.taken);
        if let Some(count) = taken.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gateways_divide_the_places_and_each_has_one_at_least() {
        let gateways = GatewayCount::default();
        let places = ConcurrencyLimit::new(NonZeroU32::new(4).unwrap()).divided(&gateways);
        let taken = |of: u32| {
            gateways.set(NonZeroU32::new(of).unwrap());
            (0..9).map_while(|_| places.take("a")).collect::<Vec<_>>().len()
        };
        assert_eq!([taken(1), taken(2), taken(3), taken(9)], [4, 2, 2, 1]);
        gateways.set(NonZeroU32::MIN);
        let _all: Vec<_> = (0..4).map_while(|_| places.take("a")).collect();
        gateways.set(NonZeroU32::new(2).unwrap());
        assert!(places.take("a").is_none(), "what is taken stays, and no more is admitted");
    }

    #[test]
    fn places_at_other_gateways_count_and_a_refusal_leaves_nothing_behind() {
        let places = ConcurrencyLimit::new(NonZeroU32::new(2).unwrap());
        assert!(places.take_beside("a", 2).is_none());
        assert!(lock(&places.taken).is_empty());
        let _first = places.take_beside("a", 1).unwrap();
        assert!(places.take_beside("a", 1).is_none() && places.take_beside("a", 0).is_some());
    }

    #[test]
    fn a_place_that_is_given_back_is_there_for_another() {
        let places = ConcurrencyLimit::new(NonZeroU32::new(2).unwrap());
        let first = places.take("a").unwrap();
        let _second = places.take("a").unwrap();
        assert!(places.take("a").is_none());
        assert_eq!((places.taken(), places.refused()), (2, 1));
        let other = places.take("b").unwrap();
        drop(first);
        places.take("a").unwrap();
        drop(other);
        assert_eq!(lock(&places.taken).keys().collect::<Vec<_>>(), [&"a"], "nothing is kept of those without a place");
    }
}
