//! [`Error`]: the error of every service of the gateway, with its [`ErrorKind`]. Each protocol has one function that renders it.

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

/// Declares the kinds of errors, each with its code.
macro_rules! error_kinds {
    ($(#[$meta:meta])* pub enum $name:ident { $($(#[$doc:meta])* $kind:ident = $code:literal,)+ }) => {
        $(#[$meta])*
        pub enum $name {
            $($(#[$doc])* $kind,)+
        }

        impl $name {
            /// Every kind, for tests of all of them.
            #[cfg(test)]
            pub(crate) const ALL: [Self; [$($code),+].len()] = [$(Self::$kind),+];

            /// A name for programs, stable over versions.
            #[must_use]
            pub fn code(self) -> &'static str {
                match self {
                    $(Self::$kind => $code,)+
                }
            }
        }
    };
}

error_kinds! {
    /// The kinds of [`Error`].
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    #[non_exhaustive]
    pub enum ErrorKind {
        /// No key, or one that is not known.
        Unauthenticated = "unauthenticated",
        /// The key's role does not allow it.
        Forbidden = "forbidden",
        /// The request does not say what it must, or says what it must not.
        InvalidRequest = "invalid_request",
        /// The arguments do not fit the tool's schema.
        InvalidArguments = "invalid_arguments",
        /// No tool of that name.
        UnknownTool = "unknown_tool",
        /// Several entities have a tool of that name.
        AmbiguousTool = "ambiguous_tool",
        /// The tool is switched off.
        ToolDisabled = "tool_disabled",
        /// The tool's worker is not connected.
        WorkerOffline = "worker_offline",
        /// The tool's worker reads too slowly; the call was not sent.
        WorkerBusy = "worker_busy",
        /// The tool did not answer in time. Whether it ran is not known.
        Timeout = "timeout",
        /// The tool's worker went away while it had the call, and did not come back with the answer. Whether the call ran is not known.
        WorkerLost = "worker_lost",
        /// The tool failed.
        ToolFailed = "tool_failed",
        /// The call was cancelled. It may have run or not.
        Cancelled = "cancelled",
        /// The gateway stopped while the call ran. Whether it ended is not known.
        Interrupted = "interrupted",
        /// The caller asks for too much at once.
        RateLimited = "rate_limited",
        /// The gateway has too much to do at the moment, for whichever callers; or the request takes too long.
        Overloaded = "overloaded",
        /// The idempotency key was used for another call.
        KeyReused = "idempotency_key_reused",
        /// The call ran already under this idempotency key, and its answer is not kept.
        AnswerNotKept = "answer_not_kept",
        /// There are as many of these as there may be.
        LimitReached = "limit_reached",
        /// The object is in use by another one.
        InUse = "in_use",
        /// There is one of that name already.
        AlreadyExists = "already_exists",
        /// There is none of that name.
        NotFound = "not_found",
        /// The call's arguments were not kept as they were, so it cannot be called again.
        NotReplayable = "not_replayable",
        /// The conversation is being answered, or another program uses the data.
        Busy = "busy",
        /// The agent did not answer in time.
        AgentTimeout = "agent_timeout",
        /// The agent failed, or its model refused the request for good.
        AgentFailed = "agent_failed",
        /// The agent's model takes no more requests at the moment.
        ModelOverloaded = "model_overloaded",
        /// The agent's model cannot be reached, or failed.
        ModelUnavailable = "model_unavailable",
        /// The conversation is longer than the agent's model reads.
        ContextLengthExceeded = "context_length_exceeded",
        /// The gateway was not told what this needs.
        NotConfigured = "not_configured",
        /// The listening address, what may be listened on, or the certificate to do it with.
        Listen = "listen",
        /// The database or its folder.
        Storage = "storage",
    }
}

impl ErrorKind {
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

/// The causes of an error, outermost first; empty if there are none.
pub(crate) fn causes_of(error: &dyn std::error::Error) -> String {
    let chain = std::iter::successors(error.source(), |&cause| cause.source());
    chain.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_tell_kinds_apart() {
        let codes: std::collections::HashSet<_> = ErrorKind::ALL.map(ErrorKind::code).into();
        assert_eq!(codes.len(), ErrorKind::ALL.len());
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
