//! Functions that write errors of the services as JSON-RPC errors, and as HTTP responses of `/mcp`.

use axum::body::Body;
use axum::http::StatusCode;
use axum::response::Response;
use platools::mcp::http::error_response;
use rmcp::model::{ErrorCode, ErrorData};
use serde_json::json;

use crate::domain::error::{Error, ErrorKind};
use crate::listen::BodyError;
use crate::listen::http::ErrorView;

/// True for an error about the request itself. All others are results: the model that called reads them, and may do better.
pub(super) fn is_of_protocol(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::UnknownTool | ErrorKind::Storage)
}

/// An error as the answer to a request. An error that may be gone later is the gateway's, not the request's, and says so in its data.
pub(super) fn failure(error: &Error) -> ErrorData {
    let view = ErrorView::from(error);
    if !error.kind().is_retryable() {
        return ErrorData::invalid_params(view.message, None);
    }
    let data = json!({"code": view.code, "retryable": true, "retryAfterMs": view.retry_after_ms()});
    ErrorData::internal_error(view.message, Some(data))
}

/// An error as the answer to an HTTP request whose message is not answered.
pub(super) fn refusal(error: &Error) -> Response {
    let mut view = ErrorView::from(error);
    // A client without a session knows few statuses: of the others, one of the gateway's for what may succeed later, and else the client's.
    view.status = match error.kind() {
        ErrorKind::Unauthenticated
        | ErrorKind::Forbidden
        | ErrorKind::NotFound
        | ErrorKind::RateLimited
        | ErrorKind::Storage => view.status,
        kind if kind.is_retryable() => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::BAD_REQUEST,
    };
    respond(&view)
}

/// A body that could not be read.
pub(super) fn unread(unread: BodyError) -> Response {
    respond(&unread.into())
}

fn respond(view: &ErrorView) -> Response {
    view.respond(refused(view.status, ErrorCode::INVALID_REQUEST, &view.message))
}

/// A body that is no message.
pub(super) fn no_message(error: &serde_json::Error) -> Response {
    let (code, message) = match error.classify() {
        serde_json::error::Category::Data => (
            ErrorCode::INVALID_REQUEST,
            format!("the body must be one JSON-RPC message, and no batch of them: {error}"),
        ),
        _ => (ErrorCode::PARSE_ERROR, format!("the body is not JSON: {error}")),
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

    use axum::http::header;

    use super::*;

    #[test]
    fn an_error_that_may_be_gone_later_is_not_the_requests_fault() {
        for kind in ErrorKind::ALL {
            let error = Error::new(kind, "").retry_after(Duration::from_secs(7));
            let told = failure(&error);
            assert_eq!(told.code == ErrorCode::INTERNAL_ERROR, kind.is_retryable(), "{kind:?}");
            assert_eq!(told.code == ErrorCode::INVALID_PARAMS, !kind.is_retryable(), "{kind:?}");
            let data = json!({"code": kind.code(), "retryable": true, "retryAfterMs": 7000});
            assert_eq!(told.data, kind.is_retryable().then_some(data), "{kind:?}");
            let refused = refusal(&error);
            let status = refused.status();
            let invites = status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error();
            assert_eq!(invites, kind.is_retryable(), "{kind:?}: {status}");
            assert_eq!(refused.headers().contains_key(header::RETRY_AFTER), kind.is_retryable(), "{kind:?}");
        }
    }
}
