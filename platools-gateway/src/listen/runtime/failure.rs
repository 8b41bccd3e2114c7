//! The protocol's form of a failed request: `{"error": "..."}`.

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::audit::action;
use crate::domain::error::causes_of;
use crate::domain::error::{Error, ErrorKind};
use crate::listen::dto::query_error;
use crate::listen::{Unread, http};

/// A failed request.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RuntimeFailure)]
pub(super) struct Failure {
    #[serde(skip)]
    status: StatusCode,
    /// The problem, and the way to solve it.
    error: String,
    /// The time to wait before trying again, in seconds.
    #[serde(skip)]
    retry_after: Option<u64>,
}

impl Failure {
    pub(super) fn new(status: StatusCode, error: impl Into<String>) -> Self {
        Self { status, error: error.into(), retry_after: None }
    }

    /// The request does not say what it must, or says what it must not.
    pub(super) fn invalid(error: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        if error.kind() == ErrorKind::Storage {
            tracing::error!(%error, causes = causes_of(&error), "an agent's request failed");
        }
        // Rounded up, so that whoever waits exactly so long is let in.
        let retry_after = error.wait().map(|wait| wait.as_secs() + 1);
        Self { retry_after, ..Self::new(status(error.kind()), error.to_string()) }
    }
}

fn status(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::Unauthenticated => StatusCode::UNAUTHORIZED,
        ErrorKind::Forbidden => StatusCode::FORBIDDEN,
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::AlreadyExists | ErrorKind::LimitReached => StatusCode::CONFLICT,
        ErrorKind::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        ErrorKind::Interrupted | ErrorKind::Overloaded => StatusCode::SERVICE_UNAVAILABLE,
        ErrorKind::Listen | ErrorKind::Storage => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::BAD_REQUEST,
    }
}

impl From<Unread> for Failure {
    fn from(unread: Unread) -> Self {
        let (status, _) = unread.status_and_code();
        Self { retry_after: unread.retry_after(), ..Self::new(status, unread.to_string()) }
    }
}

impl From<QueryRejection> for Failure {
    fn from(rejection: QueryRejection) -> Self {
        Self::invalid(query_error(&rejection))
    }
}

impl From<PathRejection> for Failure {
    fn from(rejection: PathRejection) -> Self {
        Self::invalid(rejection.body_text())
    }
}

impl From<WebSocketUpgradeRejection> for Failure {
    fn from(rejection: WebSocketUpgradeRejection) -> Self {
        Self::new(rejection.status(), rejection.body_text())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let (status, retry_after, reason) = (self.status, self.retry_after, self.error.clone());
        let mut response = (status, Json(self)).into_response();
        let headers = response.headers_mut();
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if status == StatusCode::FORBIDDEN {
            return http::refused(response, action::CALLER_AUTHORIZE, reason);
        }
        response
    }
}
