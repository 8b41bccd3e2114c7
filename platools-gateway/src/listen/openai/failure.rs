//! What a client is told when a request fails: an error as `OpenAI` has them.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::audit::action;
use crate::core::error::causes_of;
use crate::core::error::{Error, ErrorKind};
use crate::listen::{Unread, http};

/// One failed request.
#[derive(Debug)]
pub(super) struct Failure {
    status: StatusCode,
    message: String,
    code: &'static str,
    param: Option<String>,
    /// How long to wait before trying again, in seconds.
    retry_after: Option<u64>,
}

impl Failure {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), code, param: None, retry_after: None }
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
        // Rounded up, so that whoever waits exactly so long is let in.
        let retry_after = error.wait().map(|wait| wait.as_secs() + 1);
        Self { retry_after, ..Self::new(status, code, error.to_string()) }
    }
}

impl From<Unread> for Failure {
    fn from(unread: Unread) -> Self {
        let (status, code) = unread.status_and_code();
        Self { retry_after: unread.retry_after(), ..Self::new(status, code, unread.to_string()) }
    }
}

/// Clients try again by themselves what is answered with 408, 409, 429 or 5xx, so nothing else is answered with those.
fn status(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::Unauthenticated => StatusCode::UNAUTHORIZED,
        ErrorKind::Forbidden => StatusCode::FORBIDDEN,
        ErrorKind::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        ErrorKind::AgentTimeout | ErrorKind::Timeout => StatusCode::GATEWAY_TIMEOUT,
        ErrorKind::AgentFailed => StatusCode::BAD_GATEWAY,
        ErrorKind::Interrupted | ErrorKind::Overloaded => StatusCode::SERVICE_UNAVAILABLE,
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
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if self.status == StatusCode::FORBIDDEN {
            return http::refused(response, action::CALLER_AUTHORIZE, self.message);
        }
        response
    }
}
