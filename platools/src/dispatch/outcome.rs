//! [`Outcome`]: the one end of a call.

use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use super::in_flight::CallKey;
use super::run::Ran;
use crate::tool::{Context, Output, SharedText, ToolError, Unsent};

/// The end of one call.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) key: CallKey,
    pub(crate) call_id: SharedText,
    pub(crate) result: Result<Output, Failure>,
    /// The time that the tool's function took; zero for a call that did not run.
    pub(crate) latency: Duration,
    pub(crate) ended: Instant,
    /// What the call said last, which is to be sent before its reply.
    pub(crate) said: Option<Box<Unsent>>,
    /// The slot of a call that ran, held until its outcome is dealt with: results that wait count as calls that run.
    pub(super) slot: Option<OwnedSemaphorePermit>,
}

/// Why a call failed.
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

impl Outcome {
    /// The end of a call that did not run.
    pub(crate) fn refusal(key: CallKey, call_id: SharedText, error: ToolError) -> Self {
        let result = Err(Failure::hidden(error));
        Self { key, call_id, result, latency: Duration::ZERO, ended: Instant::now(), said: None, slot: None }
    }

    /// The end of a call that the dispatcher ends.
    pub(super) fn given_up(key: CallKey, context: &Context, error: ToolError) -> Self {
        Self { said: context.take_last_said(), ..Self::refusal(key, context.shared_call_id(), error) }
    }

    /// The end of a call that ran.
    pub(super) fn of(key: CallKey, context: &Context, Ran { result, latency, ended, slot }: Ran) -> Self {
        let (call_id, said) = (context.shared_call_id(), context.take_last_said());
        Self { key, call_id, result, latency, ended, said, slot }
    }
}
