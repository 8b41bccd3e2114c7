//! The core's errors in the protocol's words.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use rmcp::model::{ErrorCode, ErrorData};
use serde_json::json;

use crate::audit::action;
use crate::core::error::{Error, ErrorKind, causes_of};
use crate::listen::{Unread, http};

/// Whether an error is about the request itself. All others are results: the model that called reads them, and may do better.
pub(super) fn is_of_protocol(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::UnknownTool | ErrorKind::Storage)
}

/// An error as the answer to a request.
pub(super) fn failure(error: &Error) -> ErrorData {
    let message = error.to_string();
    match error.kind() {
        ErrorKind::Storage => {
            tracing::error!(%error, causes = causes_of(error), "a request failed");
            ErrorData::internal_error(message, None)
        }
        _ => ErrorData::invalid_params(message, None),
    }
}

/// An error as the answer to an HTTP request whose message is not answered.
pub(super) fn refusal(error: &Error) -> Response {
    let status = match error.kind() {
        ErrorKind::Unauthenticated => StatusCode::UNAUTHORIZED,
        ErrorKind::Forbidden => StatusCode::FORBIDDEN,
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        ErrorKind::Storage => {
            tracing::error!(%error, causes = causes_of(error), "a request failed");
            StatusCode::INTERNAL_SERVER_ERROR
        }
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
        serde_json::error::Category::Data => {
            (ErrorCode::INVALID_REQUEST, format!("the body must be one JSON-RPC message: {error}"))
        }
        _ => (ErrorCode::PARSE_ERROR, format!("the body is no JSON: {error}")),
    };
    refused(StatusCode::BAD_REQUEST, code, &message)
}

/// An error that belongs to no request.
pub(super) fn refused(status: StatusCode, code: ErrorCode, message: &str) -> Response {
    let body = json!({"jsonrpc": "2.0", "id": null, "error": {"code": code.0, "message": message}});
    (status, Json(body)).into_response()
}
