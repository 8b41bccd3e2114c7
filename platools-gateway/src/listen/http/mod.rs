//! The HTTP layers beneath all protocols. [`observe`] is the outermost: it gives a request its id, its line in the log, and the audit
//! record of a refusal. [`Guard`] checks `Host` and `Origin` before any protocol sees the request.
//!
//! A browser lets every web page send requests to every address. It sends the page's origin in `Origin`, so the guard can refuse the page.

mod access_log;
pub(super) mod auth;
pub(super) mod body;
mod browser;
mod cors;
mod error_view;
pub(super) mod extract;
mod guard;
mod host_and_origin;
mod json;
pub(super) mod problem;
mod protocol;
mod refusal_audit;
mod request_id;
mod settings;
mod websocket;

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument as _;

pub(super) use browser::BrowserRequest;
pub(super) use error_view::ErrorView;
pub(super) use guard::Guard;
pub(crate) use guard::Site;
pub(super) use json::json;
pub(super) use protocol::{HttpProtocol, no_such_method};
pub(super) use refusal_audit::{not_a_refusal, refused};
pub(super) use request_id::{RequestContext, address_of, origin_of};
pub(super) use websocket::upgrade_required;

use crate::core::Core;
use access_log::AccessLine;

/// Gives a request its id, serves it, and tells the logs how it ended.
pub(super) async fn observe(State(core): State<Arc<Core>>, mut request: Request, next: Next) -> Response {
    let context = RequestContext::of(&request);
    let line = AccessLine::begin(&request);
    let may_carry_a_secret = !matches!(*request.method(), Method::GET | Method::HEAD);
    request.extensions_mut().insert(context.clone());
    let span = tracing::info_span!("request", request.id = %context.id(), client.address = %context.address());
    let response = next.run(request).instrument(span).await;
    // Of a request outside of all protocols.
    let mut response = HttpProtocol::REST.render(response, Some(context.id()));
    refusal_audit::record(&core.audit, &line, &context, &response);
    line.end(&context, &response);
    context.answer(&mut response);
    if may_carry_a_secret {
        // Secrets, keys, tokens and tickets are only ever made by such requests, and nobody is to keep them on the way.
        response.headers_mut().entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    }
    response
}
