//! [`CallState`]: holds the state of one call: running, cancelled or over. `cancellation.rs` has the methods for handlers.

use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::task::Waker;

use futures::task::AtomicWaker;
use tokio::sync::Notify;

/// The state of one call, which all holders of its context share. A call that is not cancelled allocates nothing for it.
#[derive(Debug, Default)]
pub(crate) struct CallState {
    state: AtomicU8,
    cancelled: Notify,
    /// Wakes the task of the call when it is aborted.
    task: AtomicWaker,
    /// Number of times a poll of the handler began or ended; odd during a poll.
    polls: AtomicU32,
}

impl CallState {
    /// Cancels the call, unless it is over.
    pub(crate) fn cancel(&self) {
        let cancelled = |state| (state & OVER == 0).then_some(state | CANCELLED);
        if self.state.fetch_update(Ordering::AcqRel, Ordering::Acquire, cancelled).is_ok() {
            self.cancelled.notify_waiters();
        }
    }

    /// Ends the call; nothing changes any more.
    pub(crate) fn end(&self) {
        self.state.fetch_or(OVER, Ordering::AcqRel);
    }

    /// Cancels and ends the call, unless it is over: its handler is dropped, and code that it has started elsewhere is told so.
    pub(crate) fn abandon(&self) {
        if !self.is_over() {
            self.cancel();
            self.end();
        }
    }

    /// Has the task of the call end at its next poll, which comes soon.
    pub(crate) fn abort(&self) {
        self.state.fetch_or(ABORTED, Ordering::AcqRel);
        self.task.wake();
    }

    pub(crate) fn is_aborted(&self) -> bool {
        self.has(ABORTED)
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.has(CANCELLED)
    }

    pub(crate) fn is_over(&self) -> bool {
        self.has(OVER)
    }

    /// Waits until the call is cancelled. Cancel-safe.
    pub(crate) async fn cancelled(&self) {
        // Made before the state is read, so that it hears of everything that comes after.
        let cancelled = self.cancelled.notified();
        if !self.is_cancelled() {
            cancelled.await;
        }
    }

    /// Has this waker called when the call is aborted.
    pub(crate) fn wake_when_aborted(&self, waker: &Waker) {
        self.task.register(waker);
    }

    /// Notes that a poll of the handler begins or ends.
    pub(crate) fn note_poll(&self) {
        // One thread polls at a time, so that nothing is lost between the two steps.
        let polls = self.polls.load(Ordering::Relaxed);
        self.polls.store(polls.wrapping_add(1), Ordering::Relaxed);
    }

    /// The number of the poll that goes on; `None` between two polls.
    pub(crate) fn poll_going_on(&self) -> Option<u32> {
        Some(self.polls.load(Ordering::Relaxed)).filter(|polls| polls % 2 == 1)
    }

    fn has(&self, state: u8) -> bool {
        self.state.load(Ordering::Acquire) & state != 0
    }
}

const CANCELLED: u8 = 1;
const OVER: u8 = 2;
const ABORTED: u8 = 4;

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[test]
    fn everybody_who_waits_hears_of_the_end_and_so_does_who_comes_late() {
        let state = CallState::default();
        let (mut first, mut second) = (Box::pin(state.cancelled()), Box::pin(state.cancelled()));
        assert!(first.as_mut().now_or_never().is_none() && second.as_mut().now_or_never().is_none());
        state.cancel();
        assert!(first.now_or_never().is_some() && second.now_or_never().is_some());
        assert!(state.cancelled().now_or_never().is_some() && state.is_cancelled());
    }

    #[test]
    fn a_call_that_is_over_is_not_given_up() {
        let state = CallState::default();
        state.end();
        state.cancel();
        assert!(state.is_over() && !state.is_cancelled());
    }
}
