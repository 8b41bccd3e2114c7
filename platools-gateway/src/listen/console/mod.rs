//! [`router`]: the console at `/console`, a page for people who run tool hosts, and the sessions of browsers that sign in there.

#[cfg(feature = "console")]
mod files;
#[cfg(feature = "console")]
mod pages;
mod session;
mod session_view;

use std::sync::Arc;

use axum::Router;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::http::{HttpProtocol, no_such_method};
use crate::core::Core;

/// The routes of the console, and the description of those for sessions. Without the feature `console` there are no pages.
pub(super) fn router(core: Arc<Core>) -> (Router, OpenApi) {
    let (served, document) =
        OpenApiRouter::new().routes(routes!(session::show, session::open, session::close)).split_for_parts();
    #[cfg(feature = "console")]
    let served = pages::router().merge(served);
    (HttpProtocol::REST.serve(served.method_not_allowed_fallback(no_such_method)).with_state(core), document)
}
