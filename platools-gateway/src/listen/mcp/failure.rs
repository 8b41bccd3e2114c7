//! The core's errors in the protocol's words.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use platools::mcp::http::error_response;
use rmcp::model::{ErrorCode, ErrorData};
use serde_json::json;

use crate::audit::action;
use crate::domain::error::{Error, ErrorKind, causes_of};
use crate::listen::{Unread, http};

/// True for an error about the request itself. All others are results: the model that called reads them, and may do better.
pub(super) fn is_of_protocol(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::UnknownTool | ErrorKind::Storage)
}

/// An error as the answer to a request. One that trying again may mend is the gateway's, not the request's, and says so in its data.
pub(super) fn failure(error: &Error) -> ErrorData {
    log(error);
    if !error.kind().is_retryable() {
        return ErrorData::invalid_params(error.to_string(), None);
    }
    let wait_ms = error.wait().map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).saturating_add(1));
    let data = json!({"code": error.kind().code(), "retryable": true, "retryAfterMs": wait_ms});
    ErrorData::internal_error(error.to_string(), Some(data))
}

fn log(error: &Error) {
    if error.kind() == ErrorKind::Storage {
        tracing::error!(%error, causes = causes_of(error), "a request failed");
    }
}

/// An error as the answer to an HTTP request whose message is not answered.
pub(super) fn refusal(error: &Error) -> Response {
    log(error);
    let status = match error.kind() {
        ErrorKind::Unauthenticated => StatusCode::UNAUTHORIZED,
        ErrorKind::Forbidden => StatusCode::FORBIDDEN,
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        ErrorKind::Storage => StatusCode::INTERNAL_SERVER_ERROR,
        kind if kind.is_retryable() => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::BAD_REQUEST,
    };
    let mut response = refused(status, ErrorCode::INVALID_REQUEST, &error.to_string());
    if let Some(wait) = error.wait() {
        // Rounded up, so that whoever waits exactly so long is let in.
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait.as_secs() + 1));
    }
    if status == StatusCode::FORBIDDEN {
        return http::refused(response, action::CALLER_AUTHORIZE, error.to_string());
    }
    response
}

/// A body that could not be read.
pub(super) fn unread(unread: &Unread) -> Response {
    let mut response = refused(unread.status_and_code().0, ErrorCode::INVALID_REQUEST, &unread.to_string());
    if let Some(seconds) = unread.retry_after() {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// A body that is no message.
pub(super) fn no_message(error: &serde_json::Error) -> Response {
    let (code, message) = match error.classify() {
        serde_json::error::Category::Data => (
            ErrorCode::INVALID_REQUEST,
            format!("the body must be one JSON-RPC message, and no batch of them: {error}"),
        ),
        _ => (ErrorCode::PARSE_ERROR, format!("the body is no JSON: {error}")),
    };
    refused(StatusCode::BAD_REQUEST, code, &message)
}

/// A JSON-RPC error that belongs to no request.
fn refused(status: StatusCode, code: ErrorCode, message: &str) -> Response {
    error_response(status, code, message).map(Body::new)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn an_error_that_may_be_gone_later_is_not_the_requests_fault() {
        for kind in ErrorKind::ALL {
            let error = Error::new(kind, "").retry_after(Duration::from_secs(7));
            let told = failure(&error);
            assert_eq!(told.code == ErrorCode::INTERNAL_ERROR, kind.is_retryable(), "{kind:?}");
            assert_eq!(told.code == ErrorCode::INVALID_PARAMS, !kind.is_retryable(), "{kind:?}");
            let data = json!({"code": kind.code(), "retryable": true, "retryAfterMs": 7001});
            assert_eq!(told.data, kind.is_retryable().then_some(data), "{kind:?}");
            let refused = refusal(&error);
            let status = refused.status();
            let invites = status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error();
            assert_eq!(invites, kind.is_retryable(), "{kind:?}: {status}");
            assert_eq!(refused.headers().contains_key(header::RETRY_AFTER), kind.is_retryable(), "{kind:?}");
        }
    }
}
