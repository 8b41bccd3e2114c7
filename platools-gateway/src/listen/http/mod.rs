//! What surrounds every HTTP request: its id, its line in the log, and the audit record of a refusal.
//!
//! [`observe`] is the outermost layer, so that it sees every response, whichever layer or handler it comes from.

mod access_log;
mod refusal;
mod request_id;

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument as _;

pub(super) use refusal::{not_a_refusal, refused};
pub(super) use request_id::{RequestContext, origin_of};

use crate::core::Core;
use access_log::AccessLine;

/// Gives a request its id, serves it, and tells the logs how it ended.
pub(super) async fn observe(State(core): State<Arc<Core>>, mut request: Request, next: Next) -> Response {
    let context = RequestContext::of(&request);
    let line = AccessLine::begin(&request);
    let may_carry_a_secret = !matches!(*request.method(), Method::GET | Method::HEAD);
    request.extensions_mut().insert(context.clone());
    let span = tracing::info_span!("request", request.id = %context.id(), client.address = %context.address());
    let mut response = next.run(request).instrument(span).await;
    refusal::record(core.audit(), &line, &context, &response);
    line.end(&context, &response);
    context.answer(&mut response);
    if may_carry_a_secret {
        // Secrets, keys, tokens and tickets are only ever made by such requests, and nobody is to keep them on the way.
        response.headers_mut().entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    }
    response
}
