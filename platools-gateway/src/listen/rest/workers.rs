//! The route `GET /v1/workers`, which lists the connected workers with the health of their tools.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use platools_protocol::tool_sync::WorkerInstance;
use serde::Serialize;
use utoipa::ToSchema;

use super::page::PageQuery;
use crate::core::Core;
use crate::dto::ToolHealthDto;
use crate::links::ConnectedWorker;
use crate::links::tool_health::WorkerHealth;
use crate::listen::http::ErrorView;
use crate::listen::http::extract::{Authenticated, Query};
use crate::listen::http::problem::Problem;
use crate::listen::params::Page;
use crate::ports::time::rfc3339;

/// A connected worker.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Worker {
    connection_id: String,
    entity: String,
    entity_id: String,
    environment: String,
    environment_id: String,
    connected_at: String,
    /// The number of calls that it has not answered.
    calls_in_flight: usize,
    /// The number of calls that still wait for its socket.
    calls_queued: usize,
    /// The address it connects from.
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    /// The process that it says it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<Instance>,
    /// The number of times that workers of the entity and environment took each other's place within the last ten minutes. More than two or three mean
    /// that several connect although the entity is no pool.
    takeovers: usize,
    /// The health of its tools, as it reports it.
    health: ToolsHealth,
}

/// The process of a worker.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Instance {
    /// An id that no other process has.
    id: String,
    /// The name of its machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<String>,
    /// The id that its operating system gave it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pid: Option<u32>,
}

impl From<WorkerInstance> for Instance {
    fn from(instance: WorkerInstance) -> Self {
        Self { id: instance.id, host: instance.host, pid: instance.pid }
    }
}

/// The health of the tools of one worker.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ToolsHealth {
    /// Tools that the worker has said something of; the others may work or not.
    reported: usize,
    /// Tools that are not healthy, by name.
    unwell: Vec<UnwellTool>,
}

/// A tool that does not work as it should.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct UnwellTool {
    tool: String,
    #[serde(flatten)]
    health: ToolHealthDto,
}

impl From<WorkerHealth> for ToolsHealth {
    fn from(WorkerHealth { reported, unwell, .. }: WorkerHealth) -> Self {
        let unwell = unwell.into_iter().map(|(tool, health)| UnwellTool { tool, health: health.into() });
        Self { reported, unwell: unwell.collect() }
    }
}

/// List the workers that are connected.
#[utoipa::path(get, path = "/v1/workers", tag = "tools", params(PageQuery),
    responses((status = 200, body = Page<Worker>), (status = "4XX", body = Problem)))]
pub(super) async fn list(
    State(core): State<Arc<Core>>,
    Authenticated(caller): Authenticated,
    Query(window): Query<PageQuery>,
) -> Result<Json<Page<Worker>>, ErrorView> {
    let page = window.page(core.tools.connected_workers(&caller)?, |worker| worker.link_id.as_str())?;
    Ok(Json(page.map(|worker| shown(core.health.of_worker(&caller, &worker), worker))))
}

fn shown(health: WorkerHealth, worker: ConnectedWorker) -> Worker {
    Worker {
        connection_id: worker.link_id.to_string(),
        entity: worker.identity.entity,
        entity_id: worker.identity.entity_id.to_string(),
        environment: worker.identity.environment,
        environment_id: worker.identity.environment_id.to_string(),
        connected_at: rfc3339(worker.connected_ms),
        calls_in_flight: worker.calls_in_flight,
        calls_queued: worker.calls_queued,
        address: worker.address.map(|address| address.to_string()),
        instance: worker.instance.map(Instance::from),
        takeovers: worker.takeovers,
        health: health.into(),
    }
}
