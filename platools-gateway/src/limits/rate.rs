//! [`Rate`]: limits how often a request may be made, for each key such as an address or a credential.

use std::hash::Hash;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};

use super::gateway_count::GatewayCount;

/// A rate limit for each key. Several gateways may divide it.
pub(super) struct Rate<K: Hash + Eq + Clone> {
    limiter: RateLimiter<K, HashMapStateStore<K>, DefaultClock>,
    /// The number that may come at once.
    burst: NonZeroU32,
    gateways: GatewayCount,
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
        let (burst, gateways) = (quota.burst_size(), GatewayCount::default());
        Self { limiter: RateLimiter::hashmap(quota), burst, gateways, refused: AtomicU64::new(0) }
    }

    /// The same for a limit that gateways divide: each counts one for all of them.
    pub(super) fn divided(self, gateways: &GatewayCount) -> Self {
        Self { gateways: gateways.clone(), ..self }
    }

    /// Counts one more, or says how long to wait.
    pub(super) fn take(&self, key: &K) -> Result<(), Duration> {
        let gateways = self.gateways.get();
        let taken = if gateways == NonZeroU32::MIN {
            self.limiter.check_key(key)
        } else {
            // With a rate below the number of gateways, each admits one now and then.
            self.limiter.check_key_n(key, gateways.min(self.burst)).unwrap_or(Ok(()))
        };
        taken.map_err(|until| {
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
    use crate::settings::count as number;

    #[test]
    fn gateways_divide_a_rate_and_each_has_some_of_it() {
        let gateways = GatewayCount::default();
        let admitted = |per_second: u32, of: u32| {
            gateways.set(number(of));
            // An hour has to pass for one more, so that a slow test admits no other number.
            let quota = Quota::with_period(Duration::from_secs(3600)).unwrap().allow_burst(number(2 * per_second));
            let rate = Rate::with(quota).divided(&gateways);
            (0..1000).take_while(|_| rate.take(&"key").is_ok()).count()
        };
        assert_eq!([admitted(30, 1), admitted(30, 2), admitted(30, 3)], [60, 30, 20]);
        assert_eq!(admitted(1, 5), 1, "a rate below the number of gateways");
        let alone = Rate::per_second(number(5));
        gateways.set(number(3));
        assert_eq!((0..10).filter(|_| alone.take(&"key").is_ok()).count(), 10, "a rate of one gateway only");
    }

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
