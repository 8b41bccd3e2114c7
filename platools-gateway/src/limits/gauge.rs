//! [`Gauge`]: counts an amount in use, such as open sockets. Dropping a [`HeldAmount`] subtracts its share.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A counter of the present amount. Clones count together.
#[derive(Debug, Clone, Default)]
pub(crate) struct Gauge(Arc<AtomicUsize>);

/// An amount that a gauge counts until this is dropped.
#[derive(Debug)]
pub(crate) struct HeldAmount {
    gauge: Gauge,
    amount: usize,
    before: usize,
}

impl Gauge {
    /// The present value.
    pub(crate) fn value(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// Adds an amount.
    pub(crate) fn hold(&self, amount: usize) -> HeldAmount {
        let before = self.0.fetch_add(amount, Ordering::Relaxed);
        HeldAmount { gauge: self.clone(), amount, before }
    }

    /// Holds some more, however much that is, unless the limit is passed already.
    pub(crate) fn hold_unless_past(&self, amount: usize, limit: usize) -> Option<HeldAmount> {
        let held = self.hold(amount);
        (held.before <= limit).then_some(held)
    }
}

impl Drop for HeldAmount {
    fn drop(&mut self) {
        self.gauge.0.fetch_sub(self.amount, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dropped_counts_no_more() {
        let gauge = Gauge::default();
        let one = gauge.hold(3);
        let other = gauge.clone().hold(4);
        assert_eq!((one.before, other.before, gauge.value()), (0, 3, 7));
        drop(one);
        assert_eq!(gauge.value(), 4);
    }

    #[test]
    fn what_passes_the_limit_is_not_held() {
        let gauge = Gauge::default();
        let first = gauge.hold_unless_past(60, 0);
        assert!(first.is_some() && gauge.hold_unless_past(60, 59).is_none());
        assert_eq!(gauge.value(), 60);
        assert!(gauge.hold_unless_past(60, 60).is_some());
        drop(first);
        assert_eq!(gauge.value(), 0);
    }
}
