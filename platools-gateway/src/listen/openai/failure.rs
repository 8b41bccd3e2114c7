//! [`Failure`]: a failed request as an error of `OpenAI`.

use axum::Json;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::domain::error::{Error, ErrorKind};
use crate::listen::BodyError;
use crate::listen::http::ErrorView;

/// The header by which OpenAI's clients know whether to try again, whatever the status is.
const SHOULD_RETRY: &str = "x-should-retry";

/// A failed request.
#[derive(Debug)]
pub(super) struct Failure {
    view: ErrorView,
    param: Option<String>,
    /// True if a client should try again by itself; without a value, the status decides.
    should_retry: Option<bool>,
}

impl Failure {
    /// The error for a request whose member `param` is wrong.
    pub(super) fn invalid(param: impl Into<String>, message: impl Into<String>) -> Self {
        let view = ErrorView::new(StatusCode::BAD_REQUEST, "invalid_request", message);
        Self { param: Some(param.into()).filter(|param| !param.is_empty()), ..view.into() }
    }

    /// The request asks for what agents do not do.
    pub(super) fn unsupported(param: &str, message: impl Into<String>) -> Self {
        let mut failure = Self::invalid(param, message);
        failure.view.code = "unsupported_parameter";
        failure
    }

    /// The error as a client reads it, in an answer of its own or in the middle of one.
    pub(super) fn body(&self) -> Value {
        let kind = match self.view.status {
            StatusCode::UNAUTHORIZED => "authentication_error",
            StatusCode::FORBIDDEN => "permission_error",
            StatusCode::TOO_MANY_REQUESTS => "rate_limit_error",
            status if status.is_server_error() => "server_error",
            _ => "invalid_request_error",
        };
        json!({"error": {"message": self.view.message, "type": kind, "param": self.param, "code": self.view.code}})
    }
}

impl From<ErrorView> for Failure {
    fn from(view: ErrorView) -> Self {
        Self { view, param: None, should_retry: None }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let mut view = ErrorView::from(&error);
        view.status = status(error.kind());
        if error.kind() == ErrorKind::NotFound {
            (view.status, view.code) = (StatusCode::NOT_FOUND, "model_not_found");
        }
        // A second run would call the tools again.
        let should_retry = Some(error.kind().is_retryable() && error.tool_calls() == 0);
        Self { should_retry, ..view.into() }
    }
}

impl From<BodyError> for Failure {
    fn from(unread: BodyError) -> Self {
        ErrorView::from(&unread).into()
    }
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
        let mut response = self.view.respond(Json(self.body()).into_response());
        if let Some(should_retry) = self.should_retry {
            let should_retry = HeaderValue::from_static(if should_retry { "true" } else { "false" });
            response.headers_mut().insert(SHOULD_RETRY, should_retry);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::http::header;

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
