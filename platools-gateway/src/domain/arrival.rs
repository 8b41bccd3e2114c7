//! [`Arrival`]: the number that orders the links of a scope, also across restarts of the gateway.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::SystemTime;

/// The generation of a link: the moment when its worker came, before it was known who it is. Of two links of one scope the one
/// with the later arrival stays, however long it took to let either in, and it decides what a tool is declared as.
///
/// It is a hybrid logical clock: milliseconds since 1970 in the upper 48 bits and a counter in the lower 16. Each is later than all
/// before it in this process, and later than those of an earlier run, whatever the wall clock does meanwhile, because a start
/// observes the latest one that is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Arrival(i64);

/// The latest arrival so far.
static LATEST: AtomicI64 = AtomicI64::new(0);

/// Bits of the counter.
const COUNTER_BITS: u32 = 16;

impl Arrival {
    /// Now.
    #[must_use]
    pub fn now() -> Self {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let clock = i64::try_from(since.as_millis() << COUNTER_BITS).unwrap_or(i64::MAX);
        let next = |latest: i64| latest.saturating_add(1).max(clock);
        // The closure always returns a value, so there always was one before.
        let latest = LATEST.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |latest| Some(next(latest)));
        Self(next(latest.unwrap_or_else(|latest| latest)))
    }

    /// An arrival that was stored.
    pub(crate) fn stored(number: i64) -> Self {
        Self(number)
    }

    /// The number to store.
    pub(crate) fn number(self) -> i64 {
        self.0
    }

    /// Makes sure that all further arrivals are later than this one.
    pub(crate) fn observe(self) {
        LATEST.fetch_max(self.0, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_arrival_is_later_than_all_before_it() {
        let arrivals: Vec<_> = (0..200_000).map(|_| Arrival::now()).collect();
        assert!(arrivals.is_sorted_by(|earlier, later| earlier < later));
    }

    #[test]
    fn an_arrival_is_later_than_those_of_an_earlier_run_whose_clock_was_ahead() {
        let ahead = Arrival::stored(Arrival::now().number() + (1000 << COUNTER_BITS));
        assert!(Arrival::now() < ahead);
        ahead.observe();
        assert!(Arrival::now() > ahead);
    }
}
