//! `GET /health`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::core::Core;

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Health {
    status: &'static str,
    /// How many workers are connected.
    connection_count: usize,
}

/// Say that the gateway is up.
#[utoipa::path(get, path = "/health", tag = "operations", security(()), responses((status = 200, body = Health)))]
pub(super) async fn health(State(core): State<Arc<Core>>) -> Json<Health> {
    Json(Health { status: "healthy", connection_count: core.connection_count() })
}
