//! [`RpcError`]: tells a caller why the gateway refused a request, by an [`ErrorCode`] and a message.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::open_enum::open_words;
use crate::json_members::millis;

open_words! {
    /// The kind of a failure, for programs to decide on.
    ErrorCode {
        /// The frame, the method or its params make no sense.
        InvalidRequest = "INVALID_REQUEST",
        /// The first request was not a `connect` that was accepted.
        Unauthorized = "UNAUTHORIZED",
        /// The caller's role may not use the method.
        Forbidden = "FORBIDDEN",
        /// The object that the request names does not exist.
        NotFound = "NOT_FOUND",
        /// The object that the request would make exists already.
        AlreadyExists = "ALREADY_EXISTS",
        /// The request cannot be served now, for example because no worker is connected. It may be tried again.
        Unavailable = "UNAVAILABLE",
        /// A limit was reached; may be tried again.
        ResourceExhausted = "RESOURCE_EXHAUSTED",
        /// The request does not fit the present state.
        FailedPrecondition = "FAILED_PRECONDITION",
        /// The agent took too long; may be tried again.
        AgentTimeout = "AGENT_TIMEOUT",
        /// The gateway's own fault.
        Internal = "INTERNAL",
    }
}

impl ErrorCode {
    /// Returns true if the protocol defines the code as retryable: the same request may succeed later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable | Self::ResourceExhausted | Self::AgentTimeout)
    }
}

/// The error of a request, as the gateway sent it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RpcError {
    /// The kind of the failure.
    pub code: ErrorCode,
    /// The message.
    pub message: String,
    /// More about it, for programs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub details: Option<Box<Value>>,
    /// True if the same request may succeed later.
    pub retryable: bool,
    /// The time to wait before trying again, in milliseconds.
    #[serde(rename = "retryAfterMs", skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

impl RpcError {
    /// A failure, retryable if its code is.
    #[must_use]
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        let retryable = code.is_retryable();
        Self { code, message: message.into(), details: None, retryable, retry_after_ms: None }
    }

    /// Adds more about it, for programs.
    #[must_use]
    pub fn with_details(mut self, details: Value) -> Self {
        self.details = Some(Box::new(details));
        self
    }

    /// Sets the time before the next try, and makes the error retryable.
    #[must_use]
    pub fn with_retry_after(mut self, delay: Duration) -> Self {
        self.retryable = true;
        self.retry_after_ms = Some(u64::try_from(delay.as_millis()).unwrap_or(u64::MAX));
        self
    }

    /// Returns the time to wait before trying again, where the gateway names one.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after_ms.map(Duration::from_millis)
    }
}

impl fmt::Display for RpcError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for RpcError {}

impl<'de> Deserialize<'de> for RpcError {
    /// A failure is one however badly it is described: what is missing is filled in.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Described {
            code: Option<ErrorCode>,
            #[serde(default)]
            message: String,
            details: Option<Box<Value>>,
            retryable: Option<bool>,
            #[serde(rename = "retryAfterMs")]
            retry_after_ms: Option<Value>,
        }
        let described = Described::deserialize(deserializer)?;
        let code = described.code.unwrap_or(ErrorCode::Internal);
        Ok(Self {
            retryable: described.retryable.unwrap_or_else(|| code.is_retryable()),
            code,
            message: described.message,
            details: described.details,
            retry_after_ms: described.retry_after_ms.as_ref().and_then(millis),
        })
    }
}
