//! `GET /v1/workers`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::auth::Known;
use super::page::Window;
use super::parts::Query;
use super::problem::Problem;
use crate::core::clock::rfc3339;
use crate::core::{ConnectedWorker, Core};
use crate::listen::forms::Page;

/// One worker that is connected.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Worker {
    connection_id: String,
    entity: String,
    entity_id: String,
    environment: String,
    environment_id: String,
    connected_at: String,
    /// How many calls it has that it has not answered.
    calls_in_flight: usize,
    /// How many of these still wait for its socket.
    calls_queued: usize,
}

/// List the workers that are connected.
#[utoipa::path(get, path = "/v1/workers", tag = "tools", params(Window),
    responses((status = 200, body = Page<Worker>), (status = "4XX", body = Problem)))]
pub(super) async fn list(
    State(core): State<Arc<Core>>,
    Known(caller): Known,
    Query(window): Query<Window>,
) -> Result<Json<Page<Worker>>, Problem> {
    let page = window.page(core.connected_workers(&caller)?, |worker| worker.connection_id.as_str())?;
    Ok(Json(page.map(shown)))
}

fn shown(worker: ConnectedWorker) -> Worker {
    Worker {
        connection_id: worker.connection_id.to_string(),
        entity: worker.identity.entity,
        entity_id: worker.identity.entity_id.to_string(),
        environment: worker.identity.environment,
        environment_id: worker.identity.environment_id.to_string(),
        connected_at: rfc3339(worker.connected_ms),
        calls_in_flight: worker.calls_in_flight,
        calls_queued: worker.calls_queued,
    }
}
