//! Agents as models of `OpenAI`'s interface for chat completions: <https://platform.openai.com/docs/api-reference/chat>.
//!
//! Conversations are the client's to keep: it sends all that was said each time.

mod auth;
mod completion_json;
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

/// The routes of `OpenAI`'s clients.
pub(super) fn router(core: Arc<Core>) -> Router {
    Router::new()
        .route("/v1/chat/completions", post(completions::complete))
        .route("/v1/models", get(models::list))
        .route("/v1/models/{model}", get(models::show))
        .with_state(core)
}
