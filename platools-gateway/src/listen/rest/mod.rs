//! [`router`]: the REST interface for callers and admins. `/openapi.json` is made from the descriptions at the handlers.

mod activity;
mod admin;
mod audit;
mod auth;
mod call_tool;
mod calls;
mod cluster;
mod events;
mod health;
mod metrics;
mod page;
mod project;
mod ready;
mod settings;
mod tools;
mod workers;

use std::sync::Arc;

use axum::http::{StatusCode, Uri, header};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::core::Core;
use crate::limits::OverBudget;
use crate::listen::BodyError;
use crate::listen::http::extract::Anonymous;
use crate::listen::http::problem::problem;
use crate::listen::http::{ErrorView, HttpProtocol, no_such_method};

#[derive(OpenApi)]
#[openapi(
    info(title = "platools gateway", description = "Call the tools of connected workers, and say who may."),
    modifiers(&Bearer),
    security(("bearer" = []))
)]
struct ApiDocument;

/// The authentication of callers.
struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("A key or a token")).build();
        document.components.get_or_insert_default().add_security_scheme("bearer", SecurityScheme::Http(bearer));
    }
}

/// The routes of callers and admins, and the fallback. The description of the routes of other protocols is added to the document.
pub(super) fn router(core: Arc<Core>, others: utoipa::openapi::OpenApi) -> Router {
    let (router, mut document) = OpenApiRouter::with_openapi(ApiDocument::openapi())
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
        .routes(routes!(workers::drain))
        .routes(routes!(workers::disconnect))
        .routes(routes!(activity::show))
        .routes(routes!(events::follow))
        .routes(routes!(project::show))
        .routes(routes!(cluster::show))
        .routes(routes!(settings::list))
        .routes(routes!(audit::list))
        .merge(admin::router())
        .split_for_parts();
    document.merge(others);
    let routes = router
        .route("/openapi.json", get(async |_: Anonymous| Json(document)))
        .fallback(no_such_route)
        .method_not_allowed_fallback(no_such_method);
    HttpProtocol::REST.serve(routes).with_state(core)
}

/// The router for addresses with too many connections.
pub(super) fn over_limit() -> Router {
    Router::new().fallback(async || {
        let message = "there are too many connections from this address; close some, or try again later";
        let error = ErrorView::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", message);
        ([(header::CONNECTION, "close")], error.retry_after(OverBudget::RETRY_AFTER)).into_response()
    })
}

/// The response to a request whose response does not fit among those that wait to be read.
pub(super) fn busy() -> Router {
    Router::new().fallback(async || problem(&BodyError::Busy(OverBudget).into(), None))
}

async fn no_such_route(uri: Uri) -> ErrorView {
    ErrorView::new(StatusCode::NOT_FOUND, "no_such_route", format!("there is nothing at {}", uri.path()))
}
