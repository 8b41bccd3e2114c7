//! The chat completions interface of OpenAI, with agents as models: <https://platform.openai.com/docs/api-reference/chat>.
//!
//! The gateway stores no conversation for it: a client sends all messages with each request.

mod completion_json;
mod completions;
mod errors;
mod messages;
mod models;
mod request;
mod stream;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

use crate::core::Core;
use crate::domain::origin::Protocol;
use crate::listen::http::HttpProtocol;

/// The interface over HTTP.
const PROTOCOL: HttpProtocol =
    HttpProtocol { protocol: Protocol::OpenAi, max_body_bytes: usize::MAX, error: errors::failure };

/// The routes of `OpenAI`'s clients.
pub(super) fn router(core: Arc<Core>) -> Router {
    let routes = Router::new()
        .route("/v1/chat/completions", post(completions::complete))
        .route("/v1/models", get(models::list))
        .route("/v1/models/{model}", get(models::show));
    PROTOCOL.serve(routes).with_state(core)
}
