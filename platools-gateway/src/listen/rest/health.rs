//! The route `GET /health`, which tells whether the gateway runs or stops.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::core::Core;

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Health {
    /// `healthy`, or `unhealthy` while the gateway stops.
    status: &'static str,
    /// The number of open WebSockets: of dashboards, callers, agents with sessions, and workers.
    connection_count: usize,
}

/// Say whether the gateway is up.
#[utoipa::path(get, path = "/health", tag = "operations", security(()),
    responses((status = 200, body = Health), (status = 503, body = Health)))]
pub(super) async fn health(State(core): State<Arc<Core>>) -> (StatusCode, Json<Health>) {
    let (code, status) = match core.readiness.is_stopping() {
        false => (StatusCode::OK, "healthy"),
        true => (StatusCode::SERVICE_UNAVAILABLE, "unhealthy"),
    };
    (code, Json(Health { status, connection_count: core.figures.open_sockets().total() }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;

    #[tokio::test]
    async fn a_gateway_that_stops_is_not_healthy() {
        let folder = tempfile::tempdir().unwrap();
        let core = Arc::new(Core::open(folder.path(), &Limits::default()).await.unwrap());
        assert_eq!(health(State(Arc::clone(&core))).await.1.status, "healthy");
        core.begin_drain();
        let (code, Json(told)) = health(State(core)).await;
        assert_eq!((code, told.status), (StatusCode::SERVICE_UNAVAILABLE, "unhealthy"));
    }
}
