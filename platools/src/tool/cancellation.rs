//! Methods of [`Context`] about the cancellation of a call. A handler asks whether its call was cancelled; the dispatcher cancels the call.

use super::call_state::CallState;
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
        self.0.call_state.cancelled().await;
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
        self.0.call_state.is_cancelled()
    }

    /// The state of the call.
    pub(crate) fn call_state(&self) -> &CallState {
        &self.0.call_state
    }
}
