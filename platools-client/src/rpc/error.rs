//! [`RequestError`]: the error of a request to the gateway. The gateway refused the request, its response cannot be read, or the connection
//! or the time ended before the response came.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use serde::Deserialize;

use platools_protocol::ErrorDetails;
use platools_protocol::rpc::{ErrorCode, RpcError};

/// The reason why a request has no result.
///
/// None of these ends the client. Requests are never sent again by themselves: only the caller knows whether one may be
/// carried out twice.
#[derive(Debug)]
pub struct RequestError {
    kind: RequestErrorKind,
    message: String,
    gateway: Option<Box<RpcError>>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// The kind of a [`RequestError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RequestErrorKind {
    /// The gateway answered with an error, which [`RequestError::gateway`] returns.
    Gateway,
    /// The connection was lost before the response came.
    Disconnected,
    /// The gateway did not respond in time.
    TimedOut,
    /// The params cannot be written as a JSON object.
    InvalidParams,
    /// The request is larger than a gateway reads.
    TooLarge,
    /// The response does not fit the expected type.
    InvalidReply,
    /// The client was disconnected, or has given up connecting.
    Closed,
}

impl RequestError {
    pub(super) fn new(kind: RequestErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), gateway: None, source: None }
    }

    pub(super) fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    pub(super) fn invalid_reply(error: serde_json::Error) -> Self {
        Self::new(RequestErrorKind::InvalidReply, "the gateway's response does not fit the expected type")
            .with_source(error)
    }

    pub(super) fn invalid_params(error: serde_json::Error) -> Self {
        Self::new(RequestErrorKind::InvalidParams, "the params cannot be written as JSON").with_source(error)
    }

    pub(super) fn timed_out(limit: Duration) -> Self {
        Self::new(RequestErrorKind::TimedOut, format!("the gateway did not respond within {limit:?}"))
    }

    pub(super) fn closed() -> Self {
        Self::new(RequestErrorKind::Closed, "the client is disconnected")
    }

    /// Returns the kind of the failure.
    #[must_use]
    pub fn kind(&self) -> RequestErrorKind {
        self.kind
    }

    /// Returns the gateway's error, if it answered.
    #[must_use]
    pub fn gateway(&self) -> Option<&RpcError> {
        self.gateway.as_deref()
    }

    /// The gateway's code, if it answered.
    #[must_use]
    pub fn code(&self) -> Option<&ErrorCode> {
        self.gateway().map(|error| &error.code)
    }

    /// The facts that a tool gave with its failure: its own code, whether it may succeed later, and details. `None` if no tool failed, or its
    /// worker gives none.
    ///
    /// `retryable` in there is the tool's word. [`is_retryable`](Self::is_retryable) is the gateway's, and `false` for a tool that ran.
    #[must_use]
    pub fn tool_error(&self) -> Option<ErrorDetails> {
        let told = self.gateway()?.details.as_ref()?.get("toolError")?;
        ErrorDetails::deserialize(told).ok()
    }

    /// The conversation of a chat that failed, to go on with. `None` if nothing began, the conversation is not there, or the gateway does
    /// not say.
    #[must_use]
    pub fn session_id(&self) -> Option<&str> {
        self.detail("sessionId")
    }

    /// The run of a chat that failed, as its events name it. `None` where [`session_id`](Self::session_id) is.
    #[must_use]
    pub fn run_id(&self) -> Option<&str> {
        self.detail("runId")
    }

    fn detail(&self, name: &str) -> Option<&str> {
        self.gateway()?.details.as_ref()?.get(name)?.as_str()
    }

    /// Returns true if the same request may succeed later. If it [`is_in_doubt`](Self::is_in_doubt), it may then be carried out twice.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self.kind {
            RequestErrorKind::Gateway => self.gateway().is_some_and(|error| error.retryable),
            RequestErrorKind::Disconnected | RequestErrorKind::TimedOut => true,
            _ => false,
        }
    }

    /// Returns the time to wait before trying again, where the gateway names one.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.gateway()?.retry_after()
    }

    /// Returns true if the gateway may have done what was asked, although its answer never came or cannot be read.
    #[must_use]
    pub fn is_in_doubt(&self) -> bool {
        use RequestErrorKind::{Disconnected, InvalidReply, TimedOut};
        matches!(self.kind, Disconnected | TimedOut | InvalidReply)
    }
}

impl From<RpcError> for RequestError {
    fn from(error: RpcError) -> Self {
        let gateway = Some(Box::new(error));
        Self { gateway, ..Self::new(RequestErrorKind::Gateway, "the gateway answered with an error") }
    }
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.gateway {
            Some(error) => write!(f, ": {error}"),
            None => Ok(()),
        }
    }
}

impl StdError for RequestError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_facts_of_a_tools_failure_are_read_and_change_nothing_of_the_gateways_word() {
        let facts = json!({"code": "too_few", "retryable": true, "details": {"left": 3}});
        let told = RpcError::new(ErrorCode::Internal, "only 3 are left");
        let error = RequestError::from(told.clone().with_details(json!({"code": "tool_failed", "toolError": facts})));
        let read = error.tool_error().expect("a tool failed");
        assert_eq!(
            (read.code.as_deref(), read.retryable, &read.details),
            (Some("too_few"), Some(true), &Some(json!({"left": 3})))
        );
        assert!(!error.is_retryable());
        assert_eq!(RequestError::from(told).tool_error(), None);
    }
}
