//! What the URL of a request says, or what is wrong with it as a problem.

use axum::extract::FromRequestParts;

use super::problem::Problem;

/// What stands in the place of the names in a path.
#[derive(Debug, FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(Problem))]
pub(super) struct Path<T>(pub(super) T);

/// What follows the question mark.
#[derive(Debug, FromRequestParts)]
#[from_request(via(axum::extract::Query), rejection(Problem))]
pub(super) struct Query<T>(pub(super) T);
