//! [`router`]: the REST interface for callers and admins. `/openapi.json` is made from the descriptions at the handlers.

mod admin;
mod audit;
mod auth;
mod body;
mod call_tool;
mod calls;
mod health;
mod metrics;
mod page;
mod path_and_query;
mod project;
mod ready;
mod tools;
mod workers;

use std::sync::Arc;

use axum::http::{Method, StatusCode, Uri, header};
use axum::middleware::from_fn;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::core::Core;
use crate::limits::OverBudget;
use crate::listen::BodyError;
use crate::listen::http::ErrorView;
use crate::listen::http::problem::{self, Problem};
use auth::Visitor;

#[derive(OpenApi)]
#[openapi(
    info(title = "platools gateway", description = "Call the tools of connected workers, and say who may."),
    modifiers(&Bearer),
    security(("bearer" = []))
)]
struct Document;

/// The authentication of callers.
struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("A key or a token")).build();
        document.components.get_or_insert_default().add_security_scheme("bearer", SecurityScheme::Http(bearer));
    }
}

/// The routes of callers and admins, and the answer to what no route matches. What others serve over HTTP is described as well.
pub(super) fn router(core: Arc<Core>, others: utoipa::openapi::OpenApi) -> Router {
    let (router, mut document) = OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(health::health))
        .routes(routes!(ready::ready))
        .routes(routes!(metrics::metrics))
        .routes(routes!(tools::list))
        .routes(routes!(tools::show, tools::change))
        .routes(routes!(tools::schema))
        .routes(routes!(call_tool::call))
        .routes(routes!(call_tool::cancel))
        .routes(routes!(calls::list))
        .routes(routes!(calls::show))
        .routes(routes!(calls::replay))
        .routes(routes!(workers::list))
        .routes(routes!(project::show))
        .routes(routes!(audit::list))
        .merge(admin::router())
        .split_for_parts();
    document.merge(others);
    router
        .route("/openapi.json", get(async |_: Visitor| Json(document)))
        .fallback(no_such_route)
        .method_not_allowed_fallback(no_such_method)
        .layer(from_fn(problem::with_request_id))
        .with_state(core)
}

/// The router for addresses with too many connections.
pub(super) fn over_limit() -> Router {
    let router = Router::new().fallback(async || {
        let detail = "there are too many connections from this address; close some, or try again later";
        let view = ErrorView::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", detail);
        ([(header::CONNECTION, "close")], Problem::from(view.retry_after(OverBudget::RETRY_AFTER)))
    });
    router.layer(from_fn(problem::with_request_id))
}

/// The response to a request whose response does not fit among those that wait to be read.
pub(super) fn busy() -> Router {
    Router::new().fallback(async || Problem::from(BodyError::Busy(OverBudget)))
}

async fn no_such_route(uri: Uri) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "no_such_route", format!("there is nothing at {}", uri.path()))
}

/// The response of a path to a method that it does not take.
pub(super) async fn no_such_method(method: Method, uri: Uri) -> Response {
    let detail = format!("{} does not take {method}", uri.path());
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail).into_response()
}
