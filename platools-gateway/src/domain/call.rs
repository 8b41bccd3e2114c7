//! `StoredCall`: a call that ended, with all that the journal stores of it. `CallFilter` selects the calls of a list.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::ids::{AgentId, CallId, EntityId, EnvironmentId, ProjectId};

/// The beginning of a call: the caller, the tool and the time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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

#[cfg(test)]
impl CallSummary {
    /// A call that began at some time.
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

/// The state of arguments or a result in the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PayloadState {
    /// The text is stored as it was.
    Kept,
    /// Parts of them are replaced by `"[redacted]"`.
    Redacted,
    /// The text was dropped.
    Dropped,
}

impl PayloadState {
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

/// A call that ended.
#[derive(Clone)]
pub(crate) struct StoredCall {
    pub(crate) project_id: ProjectId,
    pub(crate) summary: CallSummary,
    pub(crate) end: CallEnd,
    pub(crate) arguments: StoredText,
    /// The result, if the tool returned one.
    pub(crate) result: Option<StoredText>,
}

#[cfg(test)]
impl StoredCall {
    /// A call with arguments of four bytes; its number is in its id, and is the time when it began.
    pub(crate) fn sample(number: i64) -> Self {
        Self {
            project_id: "prj".into(),
            summary: CallSummary::sample(format!("call_{number}").into(), number),
            end: CallEnd { outcome: "ok".into(), total_ms: 1, worker_ms: None, result_bytes: None },
            arguments: StoredText { state: PayloadState::Kept, text: Some("{  }".to_owned()) },
            result: None,
        }
    }
}

/// Arguments or a result, as far as they are stored.
#[derive(Clone)]
pub(crate) struct StoredText {
    pub(crate) state: PayloadState,
    pub(crate) text: Option<String>,
}

/// The calls that a caller may see. A condition that is `None` does not narrow.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct CallScope {
    /// Made for this user only.
    pub(crate) user: Option<String>,
    /// Made by this agent only.
    pub(crate) agent: Option<AgentId>,
    /// The environments whose calls match.
    pub(crate) environments: Option<Vec<EnvironmentId>>,
}

/// Filter for calls. A field without a value matches everything.
#[derive(Debug, Clone, Default)]
pub(crate) struct CallFilter {
    pub(crate) tool: Option<String>,
    pub(crate) entity_id: Option<String>,
    pub(crate) environment_id: Option<String>,
    pub(crate) agent_id: Option<String>,
    /// The calls that the caller may see.
    pub(crate) scope: CallScope,
    pub(crate) user_id: Option<String>,
    pub(crate) outcome: Option<String>,
    pub(crate) since_ms: Option<i64>,
    /// The first moment that is too late.
    pub(crate) until_ms: Option<i64>,
    /// The last call of the previous page.
    pub(crate) after: Option<(i64, CallId)>,
}

impl CallFilter {
    /// True if a call under way meets the conditions, apart from what the caller may see. It has no outcome.
    pub(crate) fn matches_running(&self, call: &CallSummary) -> bool {
        let is = |wanted: &Option<String>, value: &str| wanted.as_deref().is_none_or(|wanted| wanted == value);
        let is_some = |wanted: &Option<String>, value: Option<&str>| wanted.is_none() || wanted.as_deref() == value;
        let is_before = |(at_ms, id): &(i64, CallId)| (call.started_ms, &call.call_id) < (*at_ms, id);
        self.outcome.is_none()
            && is(&self.tool, &call.tool)
            && is(&self.entity_id, call.entity_id.as_str())
            && is(&self.environment_id, call.environment_id.as_str())
            && is_some(&self.agent_id, call.agent_id.as_ref().map(AgentId::as_str))
            && is_some(&self.user_id, call.user_id.as_deref())
            && self.since_ms.is_none_or(|since_ms| call.started_ms >= since_ms)
            && self.until_ms.is_none_or(|until_ms| call.started_ms < until_ms)
            && self.after.as_ref().is_none_or(is_before)
    }
}

/// Limits on the calls that stay in the journal.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CallRetention {
    /// Calls that began before this time are deleted.
    pub(crate) oldest_ms: i64,
    /// The bytes of all calls together.
    pub(crate) max_bytes: i64,
    /// The largest number of calls that one step deletes.
    pub(crate) batch: i64,
}
