//! The interface's form of a failed request: an error as `OpenAI` has them.

use std::time::Duration;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::audit::action;
use crate::domain::error::causes_of;
use crate::domain::error::{Error, ErrorKind};
use crate::listen::{Unread, http};

/// The header by which OpenAI's clients know whether to try again, whatever the status is.
const SHOULD_RETRY: &str = "x-should-retry";

/// A failed request.
#[derive(Debug)]
pub(super) struct Failure {
    status: StatusCode,
    message: String,
    code: &'static str,
    param: Option<String>,
    /// The time to wait before trying again, in seconds.
    retry_after: Option<u64>,
    /// True if a client should try again by itself; without a value, the status decides.
    should_retry: Option<bool>,
}

impl Failure {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), code, param: None, retry_after: None, should_retry: None }
    }

    /// Something in the request is not as it must be; `param` is where.
    pub(super) fn invalid(param: impl Into<String>, message: impl Into<String>) -> Self {
        let failure = Self::new(StatusCode::BAD_REQUEST, "invalid_request", message);
        Self { param: Some(param.into()).filter(|param| !param.is_empty()), ..failure }
    }

    /// The request asks for what agents do not do.
    pub(super) fn unsupported(param: &str, message: impl Into<String>) -> Self {
        Self { code: "unsupported_parameter", ..Self::invalid(param, message) }
    }

    /// The error as a client reads it, in an answer of its own or in the middle of one.
    pub(super) fn body(&self) -> Value {
        let kind = match self.status {
            StatusCode::UNAUTHORIZED => "authentication_error",
            StatusCode::FORBIDDEN => "permission_error",
            StatusCode::TOO_MANY_REQUESTS => "rate_limit_error",
            status if status.is_server_error() => "server_error",
            _ => "invalid_request_error",
        };
        json!({"error": {"message": self.message, "type": kind, "param": self.param, "code": self.code}})
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        if error.kind() == ErrorKind::Storage {
            tracing::error!(%error, causes = causes_of(&error), "a completion failed");
        }
        let (status, code) = match error.kind() {
            ErrorKind::NotFound => (StatusCode::NOT_FOUND, "model_not_found"),
            kind => (status(kind), kind.code()),
        };
        let retry_after = error.wait().map(in_whole_seconds);
        // A second run would call the tools again.
        let should_retry = Some(error.kind().is_retryable() && error.tool_calls() == 0);
        Self { retry_after, should_retry, ..Self::new(status, code, error.to_string()) }
    }
}

impl From<Unread> for Failure {
    fn from(unread: Unread) -> Self {
        let (status, code) = unread.status_and_code();
        Self { retry_after: unread.retry_after(), ..Self::new(status, code, unread.to_string()) }
    }
}

/// Rounded up, so that a client that waits exactly so long is let in.
fn in_whole_seconds(wait: Duration) -> u64 {
    wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0))
}

/// Clients try again by themselves what is answered with 408, 409, 429 or 5xx, so everything that may succeed later has one of these. Of the
/// others only failures that are not the client's have one, with a [`SHOULD_RETRY`] that says no.
fn status(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::Unauthenticated => StatusCode::UNAUTHORIZED,
        ErrorKind::Forbidden => StatusCode::FORBIDDEN,
        ErrorKind::RateLimited | ErrorKind::ModelOverloaded => StatusCode::TOO_MANY_REQUESTS,
        ErrorKind::AgentTimeout | ErrorKind::Timeout | ErrorKind::WorkerLost => StatusCode::GATEWAY_TIMEOUT,
        ErrorKind::AgentFailed => StatusCode::BAD_GATEWAY,
        ErrorKind::Interrupted
        | ErrorKind::Overloaded
        | ErrorKind::Busy
        | ErrorKind::WorkerBusy
        | ErrorKind::WorkerOffline
        | ErrorKind::ModelUnavailable => StatusCode::SERVICE_UNAVAILABLE,
        ErrorKind::Listen | ErrorKind::Storage => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::BAD_REQUEST,
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.body())).into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        if let Some(should_retry) = self.should_retry {
            let should_retry = HeaderValue::from_static(if should_retry { "true" } else { "false" });
            response.headers_mut().insert(SHOULD_RETRY, should_retry);
        }
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if self.status == StatusCode::FORBIDDEN {
            return http::refused(response, action::CALLER_AUTHORIZE, self.message);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Status and headers of an error that may be tried again after seven seconds.
    fn told(error: Error) -> (u16, String, String) {
        let response = Failure::from(error.retry_after(Duration::from_secs(7))).into_response();
        let header = |name| response.headers().get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
        (response.status().as_u16(), header(SHOULD_RETRY), header(header::RETRY_AFTER.as_str()))
    }

    #[test]
    fn clients_try_again_exactly_what_may_succeed_later() {
        for kind in ErrorKind::ALL {
            let (status, should_retry, retry_after) = told(Error::new(kind, ""));
            assert_eq!(should_retry, kind.is_retryable().to_string(), "{kind:?}");
            assert_eq!(retry_after, if kind.is_retryable() { "7" } else { "" }, "{kind:?}");
            // Other clients know the status only.
            assert!(!kind.is_retryable() || matches!(status, 408 | 409 | 429 | 500..), "{kind:?}: {status}");
        }
    }

    #[test]
    fn failures_of_models_have_the_status_that_clients_expect() {
        for (kind, status) in [
            (ErrorKind::ModelOverloaded, 429),
            (ErrorKind::ModelUnavailable, 503),
            (ErrorKind::AgentTimeout, 504),
            (ErrorKind::AgentFailed, 502),
            (ErrorKind::ContextLengthExceeded, 400),
        ] {
            assert_eq!(told(Error::new(kind, "")).0, status, "{kind:?}");
        }
    }

    #[test]
    fn a_run_that_called_tools_is_not_tried_again_by_itself() {
        let error = Error::new(ErrorKind::ModelUnavailable, "").after_tool_calls(1);
        assert_eq!(told(error), (503, "false".to_owned(), "7".to_owned()));
    }
}
