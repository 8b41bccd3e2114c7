//! [`QueueBounds`]: counts the waiting calls of a worker and their bytes, and refuses a call beyond the limits. It does not store the
//! calls: each is a `QueuedJob` on a task of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Counts the calls that wait, whether for their tool or for the worker.
#[derive(Debug)]
pub(super) struct QueueBounds {
    max_calls: usize,
    max_bytes: usize,
    taken: Arc<TakenSpots>,
}

impl QueueBounds {
    pub(super) fn new(max_calls: usize, max_bytes: usize) -> Self {
        Self { max_calls, max_bytes, taken: Arc::default() }
    }

    /// Takes a spot for a call of so many bytes; `None` if there is no room for it.
    pub(super) fn enter(&mut self, bytes: usize) -> Option<QueueSpot> {
        let has_room = self.calls() < self.max_calls
            && self.taken.bytes.load(Ordering::Acquire).saturating_add(bytes) <= self.max_bytes;
        has_room.then(|| {
            self.taken.calls.fetch_add(1, Ordering::AcqRel);
            self.taken.bytes.fetch_add(bytes, Ordering::AcqRel);
            QueueSpot(Arc::new(SharedSpot { has_left: AtomicBool::new(false), bytes, taken: Arc::clone(&self.taken) }))
        })
    }

    /// The calls that wait.
    pub(super) fn calls(&self) -> usize {
        self.taken.calls.load(Ordering::Acquire)
    }
}

/// The dispatcher adds a call; the spot of the call subtracts it.
#[derive(Debug, Default)]
struct TakenSpots {
    calls: AtomicUsize,
    bytes: AtomicUsize,
}

/// The spot of one call in the queue, shared by its task and the dispatcher. The first of them to leave decides how the wait ends.
#[derive(Debug, Clone)]
pub(super) struct QueueSpot(Arc<SharedSpot>);

#[derive(Debug)]
struct SharedSpot {
    has_left: AtomicBool,
    bytes: usize,
    taken: Arc<TakenSpots>,
}

impl QueueSpot {
    /// Leaves the queue; `false` if that was done before.
    pub(super) fn leave(&self) -> bool {
        self.0.leave()
    }
}

impl SharedSpot {
    fn leave(&self) -> bool {
        let is_first = !self.has_left.swap(true, Ordering::AcqRel);
        if is_first {
            self.taken.calls.fetch_sub(1, Ordering::AcqRel);
            self.taken.bytes.fetch_sub(self.bytes, Ordering::AcqRel);
        }
        is_first
    }
}

impl Drop for SharedSpot {
    fn drop(&mut self) {
        self.leave();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spots_are_bounded_in_number_and_in_bytes_and_are_free_again() {
        let mut queue = QueueBounds::new(2, 100);
        let first = queue.enter(60).expect("there is room");
        assert!(queue.enter(41).is_none(), "too many bytes");
        let second = queue.enter(40).expect("there is room");
        assert!(queue.enter(0).is_none(), "too many calls");
        assert!(first.leave() && !first.clone().leave());
        drop(second);
        assert_eq!(queue.calls(), 0, "a spot that is dropped is left");
        assert!(queue.enter(101).is_none() && queue.enter(100).is_some());
    }
}
