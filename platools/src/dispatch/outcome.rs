//! [`Outcome`]: holds the result or the error with which a call ends.

use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use super::call_table::CallKey;
use crate::tool::{Context, Output, SharedText, ToolError, UnsentReports};

/// The end of one call.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) key: CallKey,
    pub(crate) call_id: SharedText,
    pub(crate) result: Result<Output, Failure>,
    /// The time that the tool's function took; zero for a call that did not run.
    pub(crate) latency: Duration,
    pub(crate) ended: Instant,
    /// The last reports and log entries of the call, which are to be sent before its reply.
    pub(crate) reports: Option<Box<UnsentReports>>,
    /// The slot of a call that ran, held until its outcome is dealt with: results that wait count as calls that run.
    pub(super) slot: Option<OwnedSemaphorePermit>,
}

impl Outcome {
    /// The end of a call that did not run.
    pub(crate) fn refusal(key: CallKey, call_id: SharedText, error: ToolError) -> Self {
        let result = Err(Failure::hidden(error));
        Self { key, call_id, result, latency: Duration::ZERO, ended: Instant::now(), reports: None, slot: None }
    }

    /// The end of a call that the dispatcher ends.
    pub(super) fn given_up(key: CallKey, context: &Context, error: ToolError) -> Self {
        Self { reports: context.take_last_reports(), ..Self::refusal(key, context.shared_call_id(), error) }
    }

    /// The end of a call that ran.
    pub(super) fn of(key: CallKey, context: &Context, RunEnd { result, latency, ended, slot }: RunEnd) -> Self {
        let (call_id, reports) = (context.shared_call_id(), context.take_last_reports());
        Self { key, call_id, result, latency, ended, reports, slot }
    }
}

/// The end of a call that ran.
#[derive(Debug)]
pub(super) struct RunEnd {
    pub(super) result: Result<Output, Failure>,
    /// The time that the handler took.
    pub(super) latency: Duration,
    pub(super) ended: Instant,
    /// The call's slot, which is free again once the outcome is dealt with.
    pub(super) slot: Option<OwnedSemaphorePermit>,
}

/// The reason why a call failed, for its caller.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) error: ToolError,
    /// The causes and the stack, if the platform gets them.
    pub(crate) traceback: Option<String>,
}

impl Failure {
    /// A failure whose causes stay with the worker.
    pub(crate) fn hidden(error: ToolError) -> Self {
        Self { error, traceback: None }
    }
}
