//! [`BlockingThread`]: counts the threads of the runtime's blocking pool that run handlers. A worker that stops reads the count, because a
//! runtime that ends waits for these threads.

use std::sync::atomic::{AtomicUsize, Ordering};

/// The threads that handlers hold in this process. A runtime that ends waits for all of them.
static HELD: AtomicUsize = AtomicUsize::new(0);

/// Counts a thread as held for as long as it lives.
pub(crate) struct BlockingThread(());

impl BlockingThread {
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

impl Drop for BlockingThread {
    fn drop(&mut self) {
        HELD.fetch_sub(1, Ordering::Relaxed);
    }
}
