//! [`JournaledCall`]: a call in a list of the journal, in flight or ended. [`PastCall`] is one that ended, with its arguments and its
//! result.

use serde_json::value::RawValue;

use crate::authority::Resource;
use crate::catalog::FoundTool;
use crate::domain::call::{CallEnd, CallSummary, PayloadState};
use crate::domain::identity::Caller;
use crate::domain::ids::{CallId, ProjectId};
use crate::ports::time::now_ms;

impl CallSummary {
    /// The call as a resource that callers may see or not, in its project.
    pub(crate) fn resource<'a>(&'a self, project: &'a ProjectId) -> Resource<'a> {
        Resource::Call {
            project,
            environment: &self.environment_id,
            user: self.user_id.as_deref(),
            agent: self.agent_id.as_ref(),
        }
    }

    /// A call that begins now.
    pub(super) fn begin(call_id: &CallId, caller: &Caller, found: &FoundTool, arguments_bytes: usize) -> Self {
        let identity = found.identity.clone();
        Self {
            call_id: call_id.clone(),
            tool: found.tool.declaration.name.clone(),
            entity_id: identity.entity_id,
            entity: identity.entity,
            environment_id: identity.environment_id,
            environment: identity.environment,
            credential: caller.credential.to_string(),
            role: caller.role.to_string(),
            agent_id: caller.agent_id.clone(),
            user_id: caller.user_id.clone(),
            started_ms: now_ms(),
            arguments_bytes: arguments_bytes as u64,
        }
    }
}

/// Arguments or a result, as far as the journal has them.
#[derive(Clone)]
#[non_exhaustive]
pub struct Payload {
    /// The treatment of the text.
    pub state: PayloadState,
    /// The text that is kept.
    pub json: Option<Box<RawValue>>,
}

/// Shows the treatment only: the text belongs to the caller.
impl std::fmt::Debug for Payload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Payload").field("state", &self.state).finish_non_exhaustive()
    }
}

/// A call that ended.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PastCall {
    /// The beginning of the call.
    pub summary: CallSummary,
    /// The end of the call.
    pub end: CallEnd,
    /// The arguments.
    pub arguments: Payload,
    /// The result, if the tool returned one.
    pub result: Option<Payload>,
}

/// A call, over or not.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum JournaledCall {
    /// The call is in flight.
    Running(Box<CallSummary>),
    /// The call ended.
    Past(Box<PastCall>),
}
