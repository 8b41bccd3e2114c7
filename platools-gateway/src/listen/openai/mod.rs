//! Agents as models of `OpenAI`'s interface for chat completions: <https://platform.openai.com/docs/api-reference/chat>.
//!
//! Conversations are the client's to keep: it sends all that was said each time.

mod completion;
mod completions;
mod failure;
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
    HttpProtocol { protocol: Protocol::OpenAi, max_body_bytes: usize::MAX, error: failure::failure };

/// The routes of `OpenAI`'s clients.
pub(super) fn router(core: Arc<Core>) -> Router {
    let routes = Router::new()
        .route("/v1/chat/completions", post(completions::complete))
        .route("/v1/models", get(models::list))
        .route("/v1/models/{model}", get(models::show));
    PROTOCOL.serve(routes).with_state(core)
}
