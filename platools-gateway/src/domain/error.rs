//! The one error of the gateway's core. Each protocol maps it once.

use std::fmt;
use std::time::Duration;

use platools_protocol::ErrorDetails;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ids::CallId;

/// A problem with one argument of a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ArgumentProblem {
    /// The place, as a JSON pointer into the arguments.
    pub path: String,
    /// The problem, in words.
    pub message: String,
}

impl From<&platools::tool::ArgumentProblem> for ArgumentProblem {
    fn from(problem: &platools::tool::ArgumentProblem) -> Self {
        Self { path: problem.pointer(), message: problem.message().to_owned() }
    }
}

/// The reason why the gateway did not do what a request asked for.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    call_id: Option<CallId>,
    problems: Vec<ArgumentProblem>,
    wait: Option<Duration>,
    account: Option<Box<ToolAccount>>,
    tool_calls: usize,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// The parts of a tool's failure beside its message. `Debug` does not show the traceback, which is for operators.
#[derive(Default)]
struct ToolAccount {
    details: Option<Box<ErrorDetails>>,
    traceback: Option<Box<str>>,
}

impl fmt::Debug for ToolAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let traceback_bytes = self.traceback.as_deref().map(str::len);
        f.debug_struct("ToolAccount")
            .field("details", &self.details)
            .field("traceback_bytes", &traceback_bytes)
            .finish()
    }
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            call_id: None,
            problems: Vec::new(),
            wait: None,
            account: None,
            tool_calls: 0,
            source: None,
        }
    }

    pub(crate) fn about_call(mut self, call_id: &CallId) -> Self {
        self.call_id = Some(call_id.clone());
        self
    }

    pub(crate) fn with_problems(mut self, problems: Vec<ArgumentProblem>) -> Self {
        self.problems = problems;
        self
    }

    pub(crate) fn retry_after(mut self, wait: Duration) -> Self {
        self.wait = Some(wait);
        self
    }

    /// Adds the facts that the tool gave with its failure, if it gave any.
    pub(crate) fn with_tool_error(mut self, details: Option<Box<ErrorDetails>>) -> Self {
        if details.is_some() {
            self.account.get_or_insert_default().details = details;
        }
        self
    }

    /// Adds the stack of the tool's failure, or its causes. The journal keeps it; callers do not get it.
    pub(crate) fn with_traceback(mut self, traceback: Option<Box<str>>) -> Self {
        if traceback.is_some() {
            self.account.get_or_insert_default().traceback = traceback;
        }
        self
    }

    /// Notes how many tools an agent had called by then.
    pub(crate) fn after_tool_calls(mut self, tool_calls: usize) -> Self {
        self.tool_calls = tool_calls;
        self
    }

    pub(crate) fn caused_by(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The kind of failure, for code to decide on.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The problems with arguments, if the error is about arguments.
    #[must_use]
    pub fn problems(&self) -> &[ArgumentProblem] {
        &self.problems
    }

    /// The time to wait before trying again, if it is known and [trying again](ErrorKind::is_retryable) may help.
    #[must_use]
    pub fn wait(&self) -> Option<Duration> {
        self.wait.filter(|_| self.kind.is_retryable())
    }

    /// The number of tools that an agent had called when its run failed. With any of them, a second run may do their work twice.
    #[must_use]
    pub fn tool_calls(&self) -> usize {
        self.tool_calls
    }

    /// The failure as a JSON object, for readers who see results as JSON: `error` is the message, and the tool's `code`, `retryable`
    /// and `details` stand beside it if they tell something.
    pub(crate) fn to_json(&self) -> Value {
        let mut told = self.tool_error().map(ErrorDetails::telling).unwrap_or_default();
        told.shift_insert(0, "error".to_owned(), self.message.clone().into());
        Value::Object(told)
    }

    /// The facts that the tool gave with its failure: its own code, whether it may succeed later, and details. They are the tool's word: whether
    /// the gateway or its caller may repeat a call is [`ErrorKind::is_retryable`].
    #[must_use]
    pub fn tool_error(&self) -> Option<&ErrorDetails> {
        self.account.as_ref()?.details.as_deref()
    }

    /// The stack of the tool's failure or its causes, if the worker sent any.
    pub(crate) fn traceback(&self) -> Option<&str> {
        self.account.as_ref()?.traceback.as_deref()
    }

    /// The call it happened to, where there was one already.
    #[must_use]
    pub fn call_id(&self) -> Option<&CallId> {
        self.call_id.as_ref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

/// The kinds of [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ErrorKind {
    /// No key, or one that is not known.
    Unauthenticated,
    /// The key's role does not allow it.
    Forbidden,
    /// The request does not say what it must, or says what it must not.
    InvalidRequest,
    /// The arguments do not fit the tool's schema.
    InvalidArguments,
    /// No tool of that name.
    UnknownTool,
    /// Several entities have a tool of that name.
    AmbiguousTool,
    /// The tool is switched off.
    ToolDisabled,
    /// The tool's worker is not connected.
    WorkerOffline,
    /// The tool's worker reads too slowly; the call was not sent.
    WorkerBusy,
    /// The tool did not answer in time. Whether it ran is not known.
    Timeout,
    /// The tool's worker went away while it had the call, and did not come back with the answer. Whether the call ran is not known.
    WorkerLost,
    /// The tool failed.
    ToolFailed,
    /// Somebody cancelled the call. Whether it ran is not known.
    Cancelled,
    /// The gateway stopped while the call ran. Whether it ended is not known.
    Interrupted,
    /// The caller asks for too much at once.
    RateLimited,
    /// The gateway has too much to do at the moment, for whichever callers; or the request takes too long.
    Overloaded,
    /// The idempotency key was used for another call.
    NameTaken,
    /// The call ran already under this idempotency key, and its answer is not kept.
    AnswerNotKept,
    /// There are as many of these as there may be.
    LimitReached,
    /// Something else uses it.
    InUse,
    /// There is one of that name already.
    AlreadyExists,
    /// There is none of that name.
    NotFound,
    /// The call's arguments were not kept as they were, so it cannot be called again.
    NotReplayable,
    /// The conversation is being answered, or another program uses the data.
    Busy,
    /// The agent did not answer in time.
    AgentTimeout,
    /// The agent failed, or its model refused the request for good.
    AgentFailed,
    /// The agent's model takes no more requests at the moment.
    ModelOverloaded,
    /// The agent's model cannot be reached, or failed.
    ModelUnavailable,
    /// The conversation is longer than the agent's model reads.
    ContextLengthExceeded,
    /// The gateway was not told what this needs.
    NotConfigured,
    /// The listening address, what may be listened on, or the certificate to do it with.
    Listen,
    /// The database or its folder.
    Storage,
}

impl ErrorKind {
    /// A name for programs, stable over versions.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Unauthenticated => "unauthenticated",
            Self::Forbidden => "forbidden",
            Self::InvalidRequest => "invalid_request",
            Self::InvalidArguments => "invalid_arguments",
            Self::UnknownTool => "unknown_tool",
            Self::AmbiguousTool => "ambiguous_tool",
            Self::ToolDisabled => "tool_disabled",
            Self::WorkerOffline => "worker_offline",
            Self::WorkerBusy => "worker_busy",
            Self::Timeout => "timeout",
            Self::WorkerLost => "worker_lost",
            Self::ToolFailed => "tool_failed",
            Self::Cancelled => "cancelled",
            Self::Interrupted => "interrupted",
            Self::RateLimited => "rate_limited",
            Self::Overloaded => "overloaded",
            Self::NameTaken => "idempotency_key_reused",
            Self::AnswerNotKept => "answer_not_kept",
            Self::LimitReached => "limit_reached",
            Self::InUse => "in_use",
            Self::AlreadyExists => "already_exists",
            Self::NotFound => "not_found",
            Self::NotReplayable => "not_replayable",
            Self::Busy => "busy",
            Self::AgentTimeout => "agent_timeout",
            Self::AgentFailed => "agent_failed",
            Self::ModelOverloaded => "model_overloaded",
            Self::ModelUnavailable => "model_unavailable",
            Self::ContextLengthExceeded => "context_length_exceeded",
            Self::NotConfigured => "not_configured",
            Self::Listen => "listen",
            Self::Storage => "storage",
        }
    }

    /// True if the same request may succeed later. The tool of a call is certain not to have run; for an agent that called tools before
    /// its model failed see [`Error::tool_calls`].
    ///
    /// A timeout is not: the tool may have run, and only the caller knows whether running it twice does harm.
    #[must_use]
    pub fn is_retryable(self) -> bool {
        matches!(
            self,
            Self::WorkerOffline
                | Self::WorkerBusy
                | Self::RateLimited
                | Self::Overloaded
                | Self::Storage
                | Self::Busy
                | Self::ModelOverloaded
                | Self::ModelUnavailable
        )
    }
}

/// Every kind, for tests that say something of all of them.
#[cfg(test)]
impl ErrorKind {
    pub(crate) const ALL: [Self; 32] = [
        Self::Unauthenticated,
        Self::Forbidden,
        Self::InvalidRequest,
        Self::InvalidArguments,
        Self::UnknownTool,
        Self::AmbiguousTool,
        Self::ToolDisabled,
        Self::WorkerOffline,
        Self::WorkerBusy,
        Self::Timeout,
        Self::WorkerLost,
        Self::ToolFailed,
        Self::Cancelled,
        Self::Interrupted,
        Self::RateLimited,
        Self::Overloaded,
        Self::NameTaken,
        Self::AnswerNotKept,
        Self::LimitReached,
        Self::InUse,
        Self::AlreadyExists,
        Self::NotFound,
        Self::NotReplayable,
        Self::Busy,
        Self::AgentTimeout,
        Self::AgentFailed,
        Self::ModelOverloaded,
        Self::ModelUnavailable,
        Self::ContextLengthExceeded,
        Self::NotConfigured,
        Self::Listen,
        Self::Storage,
    ];
}

/// The causes of an error, outermost first; empty if there are none.
pub(crate) fn causes_of(error: &dyn std::error::Error) -> String {
    let chain = std::iter::successors(error.source(), |&cause| cause.source());
    chain.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_kinds_is_complete() {
        // serde names every variant where it expected one.
        let every = serde_json::from_str::<ErrorKind>("\"none\"").unwrap_err().to_string();
        for kind in ErrorKind::ALL {
            assert!(every.contains(serde_json::to_string(&kind).unwrap().trim_matches('"')), "{kind:?}: {every}");
        }
        let kinds: std::collections::HashSet<_> = ErrorKind::ALL.into();
        let codes: std::collections::HashSet<_> = ErrorKind::ALL.map(ErrorKind::code).into();
        assert_eq!(kinds.len(), every.matches('`').count() / 2 - 1, "{every}");
        assert_eq!(codes.len(), kinds.len(), "codes tell kinds apart");
    }

    #[test]
    fn a_failure_that_trying_again_does_not_mend_says_no_time_to_try_again() {
        for kind in ErrorKind::ALL {
            let wait = Error::new(kind, "").retry_after(Duration::from_secs(1)).wait();
            assert_eq!(wait.is_some(), kind.is_retryable(), "{kind:?}");
        }
    }

    #[test]
    fn every_cause_is_named() {
        let inner = Error::new(ErrorKind::Storage, "b").caused_by(std::io::Error::other("c"));
        assert_eq!(causes_of(&Error::new(ErrorKind::Storage, "a").caused_by(inner)), "b: c");
        assert_eq!(causes_of(&Error::new(ErrorKind::Storage, "a")), "");
    }
}
