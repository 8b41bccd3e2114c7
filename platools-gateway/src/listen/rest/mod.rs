//! Callers over HTTP.

mod auth;
mod call;
mod health;
mod problem;
mod tools;

use std::sync::Arc;

use axum::Router;
use axum::http::{Method, StatusCode, Uri};
use axum::routing::{get, post};

use crate::core::Core;
use problem::Problem;

/// The routes of callers, and the answer to what no route matches.
pub(super) fn router(core: Arc<Core>) -> Router {
    Router::new()
        .route("/health", get(health::health))
        .route("/v1/tools", get(tools::list))
        .route("/v1/tools/{name}/call", post(call::call))
        .fallback(no_such_route)
        .method_not_allowed_fallback(no_such_method)
        .with_state(core)
}

async fn no_such_route(uri: Uri) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "no_such_route", format!("there is nothing at {}", uri.path()))
}

async fn no_such_method(method: Method, uri: Uri) -> Problem {
    let detail = format!("{} does not take {method}", uri.path());
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail)
}
