//! [`Allowance`]: the number of bytes that the gateway will still read from a connection. At zero it stops reading until it allows more.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

use tokio::sync::watch;

use crate::domain::lock::lock;

/// The value of [`Allowance::left`] that allows everything.
const EVERYTHING: usize = usize::MAX;

/// The bytes that may still be read from a connection. A read may exceed it by what it takes at once.
#[derive(Debug)]
pub(super) struct Allowance {
    left: AtomicUsize,
    /// The reader that waits for more.
    reader: Mutex<Option<Waker>>,
    is_exceeded: watch::Sender<bool>,
}

impl Default for Allowance {
    fn default() -> Self {
        Self { left: AtomicUsize::new(EVERYTHING), reader: Mutex::default(), is_exceeded: watch::Sender::new(false) }
    }
}

impl Allowance {
    /// Allows so many bytes from now on, whatever was left.
    pub(super) fn set(&self, bytes: usize) {
        self.change(|_| bytes);
    }

    /// Allows so many bytes beside those that are left.
    pub(super) fn add(&self, bytes: usize) {
        self.change(|left| left.saturating_add(bytes));
    }

    fn change(&self, allowed: impl FnOnce(usize) -> usize) {
        let mut reader = self.lock();
        self.left.store(allowed(self.left.load(Ordering::Acquire)), Ordering::Release);
        self.is_exceeded.send_replace(false);
        if let Some(reader) = reader.take() {
            reader.wake();
        }
    }

    /// Allows any number of bytes.
    pub(super) fn lift(&self) {
        self.set(EVERYTHING);
    }

    /// Waits until something is allowed.
    pub(super) fn poll_allowed(&self, cx: &Context<'_>) -> Poll<()> {
        if self.left.load(Ordering::Acquire) > 0 {
            return Poll::Ready(());
        }
        let mut reader = self.lock();
        // It may have been set meanwhile.
        if self.left.load(Ordering::Acquire) > 0 {
            return Poll::Ready(());
        }
        *reader = Some(cx.waker().clone());
        self.is_exceeded.send_replace(true);
        Poll::Pending
    }

    /// Notes bytes that were read.
    pub(super) fn note_read(&self, bytes: usize) {
        let left = self.left.load(Ordering::Acquire);
        if left != EVERYTHING {
            self.left.store(left.saturating_sub(bytes), Ordering::Release);
        }
    }

    /// Waits until the peer has sent all that is allowed and more is needed of it. Cancel-safe.
    pub(super) async fn exceeded(&self) {
        // The sender is part of this, so there is one.
        let _ = self.is_exceeded.subscribe().wait_for(|is_exceeded| *is_exceeded).await;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Waker>> {
        lock(&self.reader)
    }
}
