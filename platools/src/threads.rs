//! `HeldThread`: a thread of the runtime's blocking pool that a handler holds.

use std::sync::atomic::{AtomicUsize, Ordering};

/// The threads that handlers hold in this process. A runtime that ends waits for all of them.
static HELD: AtomicUsize = AtomicUsize::new(0);

/// Counts a thread as held for as long as it lives.
pub(crate) struct HeldThread(());

impl HeldThread {
    /// Begins to count a thread.
    pub(crate) fn new() -> Self {
        HELD.fetch_add(1, Ordering::Relaxed);
        Self(())
    }

    /// The number of threads that are held.
    pub(crate) fn count() -> usize {
        HELD.load(Ordering::Relaxed)
    }
}

impl Drop for HeldThread {
    fn drop(&mut self) {
        HELD.fetch_sub(1, Ordering::Relaxed);
    }
}
