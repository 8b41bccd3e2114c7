//! Functions that write errors of the services in OpenAI's form: [`failure`] makes the whole response to a failed request, and [`body`]
//! only its JSON, which also ends a stream that fails.

use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use serde_json::{Value, json};

use crate::domain::error::ErrorKind;
use crate::domain::origin::RequestId;
use crate::listen::http::{self, ErrorView};

/// The header by which OpenAI's clients know whether to try again, whatever the status is.
const SHOULD_RETRY: &str = "x-should-retry";

/// Writes a failed request.
pub(super) fn failure(view: &ErrorView, _: Option<&RequestId>) -> Response {
    let mut response = adapted(view).respond(http::json(&body(view)));
    if let Some(error) = &view.cause {
        // A second run would call the tools again.
        let should_retry = error.kind().is_retryable() && error.tool_calls() == 0;
        let should_retry = HeaderValue::from_static(if should_retry { "true" } else { "false" });
        response.headers_mut().insert(SHOULD_RETRY, should_retry);
    }
    response
}

/// The error as a client reads it, in a response of its own or in the middle of one.
pub(super) fn body(view: &ErrorView) -> Value {
    let ErrorView { status, code, message, param, .. } = adapted(view);
    let kind = match status {
        StatusCode::UNAUTHORIZED => "authentication_error",
        StatusCode::FORBIDDEN => "permission_error",
        StatusCode::TOO_MANY_REQUESTS => "rate_limit_error",
        status if status.is_server_error() => "server_error",
        _ => "invalid_request_error",
    };
    json!({"error": {"message": message, "type": kind, "param": param, "code": code}})
}

/// A mistake in a request; `param` is its place.
pub(super) fn invalid(param: impl Into<String>, message: impl Into<String>) -> ErrorView {
    ErrorView { param: Some(param.into()), ..ErrorView::invalid(message) }
}

/// The request asks for what agents do not do.
pub(super) fn unsupported(param: &str, message: impl Into<String>) -> ErrorView {
    ErrorView { code: "unsupported_parameter", ..invalid(param, message) }
}

/// The error with the status and the code that this interface has for its kind.
fn adapted(view: &ErrorView) -> ErrorView {
    let (status, code) = match view.cause.as_ref().map(|error| error.kind()) {
        Some(ErrorKind::NotFound) => (StatusCode::NOT_FOUND, "model_not_found"),
        Some(kind) => (status(kind), view.code),
        None => (view.status, view.code),
    };
    ErrorView { status, code, ..view.clone() }
}

/// Clients try again by themselves what is answered with 408, 409, 429 or 5xx, so everything that may succeed later has one of these. Of
/// the others only failures that are not the client's have one, with a [`SHOULD_RETRY`] that says no.
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::http::header;

    use super::*;
    use crate::domain::error::Error;

    /// Status and headers of an error that may be tried again after seven seconds.
    fn told(error: Error) -> (u16, String, String) {
        let response = failure(&error.retry_after(Duration::from_secs(7)).into(), None);
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
