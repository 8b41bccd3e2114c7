//! [`Rate`]: limits how often a request may be made, for each key such as an address or a credential.

use std::hash::Hash;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};

/// A rate limit for each key.
pub(super) struct Rate<K: Hash + Eq + Clone> {
    limiter: RateLimiter<K, HashMapStateStore<K>, DefaultClock>,
    refused: AtomicU64,
}

impl<K: Hash + Eq + Clone> Rate<K> {
    /// Allows this number in a second, and twice as many at once.
    pub(super) fn per_second(number: NonZeroU32) -> Self {
        let twice = number.saturating_mul(NonZeroU32::MIN.saturating_add(1));
        Self::with(Quota::per_second(number).allow_burst(twice))
    }

    /// Allows this number in a minute, and as many at once.
    pub(super) fn per_minute(number: NonZeroU32) -> Self {
        Self::with(Quota::per_minute(number))
    }

    fn with(quota: Quota) -> Self {
        Self { limiter: RateLimiter::hashmap(quota), refused: AtomicU64::new(0) }
    }

    /// Counts one more, or says how long to wait.
    pub(super) fn take(&self, key: &K) -> Result<(), Duration> {
        self.limiter.check_key(key).map_err(|until| {
            self.refused.fetch_add(1, Ordering::Relaxed);
            until.wait_time_from(DefaultClock::default().now())
        })
    }

    /// The number of refusals.
    pub(super) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Forgets keys that were not used for a while.
    pub(super) fn sweep(&self) {
        self.limiter.retain_recent();
        self.limiter.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_kept_of_those_that_have_not_come_for_a_while() {
        let rate = Rate::per_second(NonZeroU32::MAX);
        for key in 0..1000 {
            rate.take(&key).unwrap();
        }
        // At this rate a key that was used once counts as new after a nanosecond.
        let begun = std::time::Instant::now();
        while !rate.limiter.is_empty() {
            rate.sweep();
            assert!(begun.elapsed() < Duration::from_secs(60), "{} are kept", rate.limiter.len());
        }
    }
}
