//! [`Generation`]: the number that tells which of two links of a scope is newer. The newer link stays, and its tools count.
//! [`GenerationClock`]: the source of the generations of one gateway, each greater than all before it.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::ids::GatewayNumber;

/// The generation of a link: the moment when its worker came, before it was known who it is. Of two links of one scope the one
/// with the later generation stays, however long it took to let either in, and it decides what a tool is declared as.
///
/// The sessions of an agent and the dashboards that watch it have generations by the same rule.
///
/// It is a hybrid logical clock with the number of its gateway: milliseconds since 1970 in the upper 48 bits, a counter in the next six, and
/// the gateway in the lower ten. Generations are in a total order, also those of several gateways, and no two are equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Generation(i64);

impl Generation {
    /// A generation that was stored.
    pub(crate) const fn stored(number: i64) -> Self {
        Self(number)
    }

    /// The number to store.
    pub(crate) fn number(self) -> i64 {
        self.0
    }

    /// The gateway that made it.
    pub(crate) fn gateway(self) -> GatewayNumber {
        u16::try_from(self.0 & GATEWAY_MASK).ok().and_then(GatewayNumber::new).unwrap_or(GatewayNumber::ALONE)
    }

    /// The next generation of a clock that all tests share.
    #[cfg(test)]
    pub(crate) fn now() -> Self {
        static CLOCK: GenerationClock = GenerationClock::new(GatewayNumber::ALONE);
        CLOCK.next()
    }
}

/// The clock of one gateway. Each generation is later than all before it, and later than those of an earlier run, whatever the wall clock does
/// meanwhile, because a start observes the latest one that is stored.
#[derive(Debug)]
pub(crate) struct GenerationClock {
    gateway: GatewayNumber,
    latest: AtomicI64,
}

impl GenerationClock {
    /// The clock of a gateway, which has made no generation yet.
    pub(crate) const fn new(gateway: GatewayNumber) -> Self {
        Self { gateway, latest: AtomicI64::new(0) }
    }

    /// The generation of this moment.
    pub(crate) fn next(&self) -> Generation {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let wall = i64::try_from(since.as_millis() << MS_SHIFT).unwrap_or(i64::MAX);
        let next = |latest: i64| latest.saturating_add(1 << GatewayNumber::BITS).max(wall) & !GATEWAY_MASK;
        // The closure always returns a value, so there always was one before.
        let latest = self.latest.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |latest| Some(next(latest)));
        Generation(next(latest.unwrap_or_else(|latest| latest)) | i64::from(self.gateway.get()))
    }

    /// Makes sure that all further generations are later than this one.
    pub(crate) fn observe(&self, generation: Generation) {
        self.latest.fetch_max(generation.0, Ordering::Relaxed);
    }
}

/// Bits below the milliseconds: those of the counter and of the gateway.
const MS_SHIFT: u32 = 16;

/// The bits of the gateway.
const GATEWAY_MASK: i64 = (1 << GatewayNumber::BITS) - 1;

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn gateway(number: u16) -> GenerationClock {
        GenerationClock::new(GatewayNumber::new(number).unwrap())
    }

    #[test]
    fn each_generation_is_later_than_all_before_it() {
        for clock in [gateway(0), gateway(1023)] {
            let generations: Vec<_> = (0..200_000).map(|_| clock.next()).collect();
            assert!(generations.is_sorted_by(|earlier, later| earlier < later));
        }
    }

    #[test]
    fn a_generation_is_later_than_those_of_an_earlier_run_whose_clock_was_ahead() {
        let clock = gateway(0);
        let ahead = Generation::stored(clock.next().number() + (1000 << MS_SHIFT));
        assert!(clock.next() < ahead);
        clock.observe(ahead);
        assert!(clock.next() > ahead);
    }

    #[test]
    fn no_two_gateways_make_the_same_generation_and_each_is_later_than_one_it_observed() {
        let clocks = [gateway(1), gateway(2), gateway(3)];
        let mut seen = HashSet::new();
        for _ in 0..10_000 {
            assert!(clocks.iter().all(|clock| seen.insert(clock.next())));
        }
        let latest = clocks[0].next();
        clocks[2].observe(latest);
        assert!(clocks[2].next() > latest);
        // The one with the lower number, too.
        let latest = clocks[2].next();
        clocks[0].observe(latest);
        assert!(clocks[0].next() > latest);
    }
}
