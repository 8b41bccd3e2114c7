//! A call as the journal knows it.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::super::catalog::Found;
use crate::authority::Resource;
use crate::domain::identity::Caller;
use crate::domain::ids::{AgentId, CallId, EntityId, EnvironmentId, ProjectId};
use crate::ports::time::now_ms;

/// The beginning of a call: the caller, the tool and the time.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallSummary {
    /// The call.
    pub call_id: CallId,
    /// The tool.
    pub tool: String,
    /// The entity of the tool.
    pub entity_id: EntityId,
    /// The slug of the entity, at that time.
    pub entity: String,
    /// The environment.
    pub environment_id: EnvironmentId,
    /// The slug of the environment.
    pub environment: String,
    /// The id of the caller's key or token.
    pub credential: String,
    /// The caller's role.
    pub role: String,
    /// The agent the caller was.
    pub agent_id: Option<AgentId>,
    /// The user the caller spoke for.
    pub user_id: Option<String>,
    /// Time when it began, in milliseconds since 1970.
    pub started_ms: i64,
    /// The length of the arguments.
    pub arguments_bytes: u64,
}

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
    pub(super) fn begin(call_id: &CallId, caller: &Caller, found: &Found, arguments_bytes: usize) -> Self {
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

    /// A call that began at some time.
    #[cfg(test)]
    pub(crate) fn sample(call_id: CallId, started_ms: i64) -> Self {
        Self {
            call_id,
            tool: "t".to_owned(),
            entity_id: "ent".into(),
            entity: "dev".to_owned(),
            environment_id: "env".into(),
            environment: "development".to_owned(),
            credential: "key".to_owned(),
            role: "operator".to_owned(),
            agent_id: None,
            user_id: None,
            started_ms,
            arguments_bytes: 4,
        }
    }
}

/// The end of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallEnd {
    /// `ok`, `abandoned` if the caller went away, or the code of the error.
    pub outcome: Cow<'static, str>,
    /// The time from the request to the answer, in milliseconds.
    pub total_ms: u64,
    /// The time that the worker reports, in milliseconds, if it returned.
    pub worker_ms: Option<u64>,
    /// The length of the result, if there was one.
    pub result_bytes: Option<u64>,
}

/// The treatment of arguments or a result on the way into the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kept {
    /// They are there as they were.
    Kept,
    /// Parts of them are replaced by `"[redacted]"`.
    Redacted,
    /// They are gone.
    Dropped,
}

impl Kept {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Redacted => "redacted",
            Self::Dropped => "dropped",
        }
    }

    /// Reads a stored word. A text with an unknown word is better not shown as if it were whole.
    pub(crate) fn from_name(name: &str) -> Self {
        [Self::Kept, Self::Redacted].into_iter().find(|kept| kept.as_str() == name).unwrap_or(Self::Dropped)
    }
}

/// Arguments or a result, as far as the journal has them.
#[derive(Clone)]
#[non_exhaustive]
pub struct Payload {
    /// The treatment of the text.
    pub kept: Kept,
    /// The text that is kept.
    pub json: Option<Box<RawValue>>,
}

/// Shows the treatment only: the text belongs to the caller.
impl std::fmt::Debug for Payload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Payload").field("kept", &self.kept).finish_non_exhaustive()
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
    /// It is under way.
    Running(Box<CallSummary>),
    /// It ended.
    Past(Box<PastCall>),
}
