//! [`ConcurrencyLimit`]: limits, for each key such as an address, how many requests or connections are open at the same time.
//! [`ConcurrencyPermit`] is the right to one of them; dropping it frees the place.

use std::collections::HashMap;
use std::hash::Hash;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use crate::domain::lock::lock;

/// A concurrency limit for each key.
#[derive(Debug)]
pub(super) struct ConcurrencyLimit<K: Hash + Eq + Clone> {
    limit: u32,
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
        Self { limit: limit.get(), taken: Arc::default(), refused: AtomicU64::new(0) }
    }

    /// Takes a permit, if there is one.
    pub(super) fn take(&self, key: K) -> Option<ConcurrencyPermit<K>> {
        let mut taken = lock(&self.taken);
        let count = taken.entry(key.clone()).or_default();
        if *count >= self.limit {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        *count += 1;
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
