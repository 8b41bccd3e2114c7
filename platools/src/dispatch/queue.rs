//! [`Queue`] counts the calls that wait for their turn and their bytes, and refuses one too many. It holds no calls.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Counts the calls that wait, whether for their tool or for the worker.
#[derive(Debug)]
pub(super) struct Queue {
    max_calls: usize,
    max_bytes: usize,
    taken: Arc<Taken>,
}

impl Queue {
    pub(super) fn new(max_calls: usize, max_bytes: usize) -> Self {
        Self { max_calls, max_bytes, taken: Arc::default() }
    }

    /// Takes a place for a call of so many bytes; `None` if there is no room for it.
    pub(super) fn enter(&mut self, bytes: usize) -> Option<Place> {
        let has_room = self.calls() < self.max_calls
            && self.taken.bytes.load(Ordering::Acquire).saturating_add(bytes) <= self.max_bytes;
        has_room.then(|| {
            self.taken.calls.fetch_add(1, Ordering::AcqRel);
            self.taken.bytes.fetch_add(bytes, Ordering::AcqRel);
            Place(Arc::new(Inner { has_left: AtomicBool::new(false), bytes, taken: Arc::clone(&self.taken) }))
        })
    }

    /// The calls that wait.
    pub(super) fn calls(&self) -> usize {
        self.taken.calls.load(Ordering::Acquire)
    }
}

/// The dispatcher adds a call; the place of the call subtracts it.
#[derive(Debug, Default)]
struct Taken {
    calls: AtomicUsize,
    bytes: AtomicUsize,
}

/// The place of one call, shared by its task and the dispatcher. The first of them to leave decides how the wait ends.
#[derive(Debug, Clone)]
pub(super) struct Place(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    has_left: AtomicBool,
    bytes: usize,
    taken: Arc<Taken>,
}

impl Place {
    /// Leaves the queue; `false` if that was done before.
    pub(super) fn leave(&self) -> bool {
        self.0.leave()
    }
}

impl Inner {
    fn leave(&self) -> bool {
        let is_first = !self.has_left.swap(true, Ordering::AcqRel);
        if is_first {
            self.taken.calls.fetch_sub(1, Ordering::AcqRel);
            self.taken.bytes.fetch_sub(self.bytes, Ordering::AcqRel);
        }
        is_first
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.leave();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_bounded_in_number_and_in_bytes_and_are_free_again() {
        let mut queue = Queue::new(2, 100);
        let first = queue.enter(60).expect("there is room");
        assert!(queue.enter(41).is_none(), "too many bytes");
        let second = queue.enter(40).expect("there is room");
        assert!(queue.enter(0).is_none(), "too many calls");
        assert!(first.leave() && !first.clone().leave());
        drop(second);
        assert_eq!(queue.calls(), 0, "a place that is dropped is left");
        assert!(queue.enter(101).is_none() && queue.enter(100).is_some());
    }
}
