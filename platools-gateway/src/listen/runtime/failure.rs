//! [`Failure`]: a failed request as `{"error": "..."}`.

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::error::Error;
use crate::listen::BodyError;
use crate::listen::http::ErrorView;
use crate::listen::params::query_error;

/// A failed request.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RuntimeFailure)]
pub(super) struct Failure {
    /// The problem, and the way to solve it.
    error: String,
    #[serde(skip)]
    view: Box<ErrorView>,
}

impl Failure {
    pub(super) fn new(status: StatusCode, error: impl Into<String>) -> Self {
        // The protocol has no codes.
        ErrorView::new(status, "", error).into()
    }

    /// The request does not say what it must, or says what it must not.
    pub(super) fn invalid(error: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error)
    }
}

impl From<ErrorView> for Failure {
    fn from(view: ErrorView) -> Self {
        Self { error: view.message.clone(), view: Box::new(view) }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        ErrorView::from(&error).into()
    }
}

impl From<BodyError> for Failure {
    fn from(unread: BodyError) -> Self {
        ErrorView::from(&unread).into()
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
        let response = Json(&self).into_response();
        self.view.respond(response)
    }
}
