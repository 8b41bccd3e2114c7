//! [`Call`]: holds a call as the platform sent it. [`AcceptedCall`] holds the same call once the dispatcher has found its tool and may run
//! it.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::caller_deadline::CallerDeadline;
use crate::registry::RegisteredTool;
use crate::tool::{Context, Output, Params, SharedText};

/// A call of a platform, before it is admitted.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub(crate) call_id: SharedText,
    pub(crate) tool_name: &'a str,
    pub(crate) params: Params,
    /// The bytes of the frame that the params are a part of, which a call that waits keeps in memory.
    pub(crate) frame_bytes: usize,
    /// The buffer that the result is written into.
    pub(crate) output: Output,
}

/// A call of a known tool that may run.
#[derive(Debug)]
pub(super) struct AcceptedCall {
    pub(super) context: Context,
    pub(super) tool: Arc<RegisteredTool>,
    pub(super) output: Output,
    /// `None` for a call that has not waited. Looking at the clock is not free, and most calls do not wait.
    pub(super) arrived: Option<Instant>,
    /// The longest wait if its platform does not say how long its caller waits.
    pub(super) max_wait: Duration,
    /// True if the caller gets the causes of an error, or its stack.
    pub(super) shows_errors: bool,
}

impl AcceptedCall {
    /// The time for which the caller waits.
    pub(super) fn caller_deadline(&self) -> CallerDeadline {
        CallerDeadline::new(self.arrived, self.max_wait)
    }
}
