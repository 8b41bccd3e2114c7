//! [`Life`]: the state of a call: running, cancelled or over.

use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::task::Waker;

use futures::task::AtomicWaker;
use tokio::sync::Notify;

use super::context::Context;

const CANCELLED: u8 = 1;
const OVER: u8 = 2;
const ABORTED: u8 = 4;

/// The state of one call, shared by everybody who has its context. A call that nobody gives up allocates nothing for it.
#[derive(Debug, Default)]
pub(super) struct Life {
    state: AtomicU8,
    given_up: Notify,
    /// Wakes the task of the call when it is aborted.
    task: AtomicWaker,
    /// Number of times a poll of the handler began or ended; odd during a poll.
    polls: AtomicU32,
}

impl Life {
    /// Gives the call up, unless it is over.
    pub(super) fn cancel(&self) {
        let cancelled = |state| (state & OVER == 0).then_some(state | CANCELLED);
        if self.state.fetch_update(Ordering::AcqRel, Ordering::Acquire, cancelled).is_ok() {
            self.given_up.notify_waiters();
        }
    }

    /// The call is over; nothing changes any more.
    pub(super) fn end(&self) {
        self.state.fetch_or(OVER, Ordering::AcqRel);
    }

    fn abort(&self) {
        self.state.fetch_or(ABORTED, Ordering::AcqRel);
        self.task.wake();
    }

    fn is_aborted(&self) -> bool {
        self.state.load(Ordering::Acquire) & ABORTED != 0
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.state.load(Ordering::Acquire) & CANCELLED != 0
    }

    pub(super) fn is_over(&self) -> bool {
        self.state.load(Ordering::Acquire) & OVER != 0
    }

    /// Waits until the call is given up. Cancel-safe.
    pub(super) async fn cancelled(&self) {
        // Made before the state is read, so that it hears of everything that comes after.
        let given_up = self.given_up.notified();
        if !self.is_cancelled() {
            given_up.await;
        }
    }
}

impl Context {
    /// Waits until the call is given up; for ever, if it ends otherwise. Cancel-safe.
    ///
    /// A call is given up when the platform cancels it, when its timeout is over, when the worker stops without waiting for
    /// it any longer, and when the future of a local call is dropped. After a platform's cancellation the handler has
    /// five seconds: a result it returns in that time is sent, and whatever else it does is answered as a cancelled call. In
    /// the other cases the call has its answer already, and what runs on (a thread of the blocking pool, a task the handler
    /// has started) only has to clean up.
    ///
    /// ```
    /// # use platools::{Context, ToolError, tool};
    /// # async fn build() -> String { String::new() }
    /// # async fn remove_temporary_files() {}
    /// /// Build a report.
    /// #[tool]
    /// async fn report(ctx: &Context) -> Result<String, ToolError> {
    ///     tokio::select! {
    ///         report = build() => Ok(report),
    ///         () = ctx.cancelled() => {
    ///             remove_temporary_files().await;
    ///             Err(ToolError::new("given up"))
    ///         }
    ///     }
    /// }
    /// ```
    pub async fn cancelled(&self) {
        self.0.life.cancelled().await;
    }

    /// True if the call was cancelled, as [`cancelled`](Self::cancelled) has it. A function on the blocking pool asks for it here.
    ///
    /// ```
    /// # use platools::{Context, ToolError, tool};
    /// /// Sum up a million numbers.
    /// #[tool]
    /// fn sum(ctx: &Context) -> Result<u64, ToolError> {
    ///     let mut sum = 0;
    ///     for number in 0..1_000_000 {
    ///         if ctx.is_cancelled() {
    ///             return Err(ToolError::new("given up"));
    ///         }
    ///         sum += number;
    ///     }
    ///     Ok(sum)
    /// }
    /// ```
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.life.is_cancelled()
    }

    /// True if the call is over.
    pub(crate) fn is_over(&self) -> bool {
        self.0.life.is_over()
    }

    /// Gives the call up, unless it is over.
    pub(crate) fn cancel(&self) {
        self.0.life.cancel();
    }

    /// The call is over: it can neither be given up nor report any more.
    pub(crate) fn end(&self) {
        self.0.life.end();
    }

    /// Has the task of the call end at its next poll, which comes soon.
    pub(crate) fn abort(&self) {
        self.0.life.abort();
    }

    /// True if the task of the call is to end.
    pub(crate) fn is_aborted(&self) -> bool {
        self.0.life.is_aborted()
    }

    /// Has this waker called when the call is aborted; the caller asks [`is_aborted`](Self::is_aborted) afterwards.
    pub(crate) fn wake_when_aborted(&self, waker: &Waker) {
        self.0.life.task.register(waker);
    }

    /// Notes that a poll of the handler begins or ends.
    pub(crate) fn note_poll(&self) {
        // One thread polls at a time, so that nothing is lost between the two steps.
        let polls = self.0.life.polls.load(Ordering::Relaxed);
        self.0.life.polls.store(polls.wrapping_add(1), Ordering::Relaxed);
    }

    /// The number of the poll that goes on; `None` between two polls.
    pub(crate) fn poll_going_on(&self) -> Option<u32> {
        Some(self.0.life.polls.load(Ordering::Relaxed)).filter(|polls| polls % 2 == 1)
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[test]
    fn everybody_who_waits_hears_of_the_end_and_so_does_who_comes_late() {
        let life = Life::default();
        let (mut first, mut second) = (Box::pin(life.cancelled()), Box::pin(life.cancelled()));
        assert!(first.as_mut().now_or_never().is_none() && second.as_mut().now_or_never().is_none());
        life.cancel();
        assert!(first.now_or_never().is_some() && second.now_or_never().is_some());
        assert!(life.cancelled().now_or_never().is_some() && life.is_cancelled());
    }

    #[test]
    fn a_call_that_is_over_is_not_given_up() {
        let life = Life::default();
        life.end();
        life.cancel();
        assert!(life.is_over() && !life.is_cancelled());
    }
}
