//! [`Path`] and [`Query`]: extractors of the parameters of a URL, which answer mistakes with a `Problem`.

use axum::extract::FromRequestParts;

use crate::listen::http::problem::Problem;

/// The values of the names in a path.
#[derive(Debug, FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(Problem))]
pub(super) struct Path<T>(pub(super) T);

/// The values of a query.
#[derive(Debug, FromRequestParts)]
#[from_request(via(axum::extract::Query), rejection(Problem))]
pub(super) struct Query<T>(pub(super) T);
