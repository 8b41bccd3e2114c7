//! `GET /health`

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;

use super::problem::json;
use crate::core::Core;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Health {
    status: &'static str,
    connection_count: usize,
}

/// Says that the gateway is up, and how many workers are connected.
pub(super) async fn health(State(core): State<Arc<Core>>) -> Response {
    json(&Health { status: "healthy", connection_count: core.connection_count() })
}
