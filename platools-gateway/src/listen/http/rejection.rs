//! [`Rejection`]: the answer to a request that no protocol gets to see, as problem details of RFC 9457.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// Answer to a request that is refused before a protocol reads it.
#[derive(Debug)]
pub(in crate::listen) struct Rejection {
    status: StatusCode,
    pub(super) code: &'static str,
    pub(super) detail: String,
    retry_after: Option<u64>,
}

impl Rejection {
    /// A refusal with a code for programs, and a sentence that says what to do.
    pub(in crate::listen) fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into(), retry_after: None }
    }

    /// The same request may succeed after so many seconds.
    pub(in crate::listen) fn retry_after(self, seconds: Option<u64>) -> Self {
        Self { retry_after: seconds, ..self }
    }

    fn body(&self) -> String {
        let mut body = json!({
            "type": format!("urn:platools:problem:{}", self.code),
            "title": self.status.canonical_reason().unwrap_or("Error"),
            "status": self.status.as_u16(),
            "detail": self.detail,
            "error": self.detail,
            "code": self.code,
            "retryable": self.retry_after.is_some(),
        });
        if let Some(seconds) = self.retry_after {
            body["retryAfter"] = seconds.into();
        }
        body.to_string()
    }
}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        let kind = [(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"))];
        let mut response = (self.status, kind, self.body()).into_response();
        let headers = response.headers_mut();
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
