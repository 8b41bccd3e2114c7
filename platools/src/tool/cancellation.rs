//! The cancellation of a call, as methods of [`Context`]: for handlers, and for the dispatcher.

use std::task::Waker;

use super::context::Context;

impl Context {
    /// Waits until the call is cancelled; for ever, if it ends otherwise. Cancel-safe.
    ///
    /// The platform may cancel a call. So do its timeout, a worker that stops, and the future of a local call when it is
    /// dropped. After a platform's cancellation the handler has five seconds: a result that it returns in that time is sent,
    /// and anything else is answered as a cancelled call. In the other cases the call has its answer already, and code that
    /// still runs (a thread of the blocking pool, a task the handler has started) only has to clean up.
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
    ///             Err(ToolError::new("cancelled"))
    ///         }
    ///     }
    /// }
    /// ```
    pub async fn cancelled(&self) {
        self.0.life.cancelled().await;
    }

    /// Returns true if the call was cancelled, see [`cancelled`](Self::cancelled). A function on the blocking pool asks for it here.
    ///
    /// ```
    /// # use platools::{Context, ToolError, tool};
    /// /// Sum up a million numbers.
    /// #[tool]
    /// fn sum(ctx: &Context) -> Result<u64, ToolError> {
    ///     let mut sum = 0;
    ///     for number in 0..1_000_000 {
    ///         if ctx.is_cancelled() {
    ///             return Err(ToolError::new("cancelled"));
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

    /// Returns true if the call is over.
    pub(crate) fn is_over(&self) -> bool {
        self.0.life.is_over()
    }

    /// Cancels the call, unless it is over.
    pub(crate) fn cancel(&self) {
        self.0.life.cancel();
    }

    /// Ends the call: it can neither be cancelled nor report any more.
    pub(crate) fn end(&self) {
        self.0.life.end();
    }

    /// Has the task of the call end at its next poll, which comes soon.
    pub(crate) fn abort(&self) {
        self.0.life.abort();
    }

    /// Returns true if the task of the call is to end.
    pub(crate) fn is_aborted(&self) -> bool {
        self.0.life.is_aborted()
    }

    /// Has this waker called when the call is aborted; the caller asks [`is_aborted`](Self::is_aborted) afterwards.
    pub(crate) fn wake_when_aborted(&self, waker: &Waker) {
        self.0.life.wake_when_aborted(waker);
    }

    /// Notes that a poll of the handler begins or ends.
    pub(crate) fn note_poll(&self) {
        self.0.life.note_poll();
    }

    /// The number of the poll that goes on; `None` between two polls.
    pub(crate) fn poll_going_on(&self) -> Option<u32> {
        self.0.life.poll_going_on()
    }
}
