//! [`Failure`]: the JSON body of a failed HTTP request of the runtime protocol, `{"error": "..."}`.

use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::origin::RequestId;
use crate::listen::http::{ErrorView, json};

/// A failed request.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RuntimeFailure)]
pub(super) struct Failure {
    /// The problem, and the way to solve it.
    error: String,
}

/// Writes a failed request. The protocol has no codes.
pub(super) fn failure(view: &ErrorView, _: Option<&RequestId>) -> Response {
    view.respond(json(&Failure { error: view.message.clone() }))
}
