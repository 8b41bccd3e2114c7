//! The routes of `/v1/workers`: list the connected workers with the health of their tools, drain them, and disconnect them.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use platools_protocol::tool_sync::WorkerInstance;
use serde::Serialize;
use utoipa::ToSchema;

use super::auth::Administrator;
use super::page::PageQuery;
use crate::core::Core;
use crate::domain::identity::Policy;
use crate::domain::ids::GatewayNumber;
use crate::dto::ToolHealthDto;
use crate::links::ConnectedWorker;
use crate::links::tool_health::WorkerHealth;
use crate::listen::http::ErrorView;
use crate::listen::http::extract::{Authenticated, Path, Query};
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
    /// `supersede` or `pool`.
    #[schema(value_type = String)]
    policy: Policy,
    /// The number of the gateway that it is connected to, where there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    gateway: Option<u16>,
    connected_at: String,
    /// The time since its last heartbeat, or since it connected, in milliseconds. Workers send one every 30 seconds. It is known to the gateway that the
    /// worker is connected to.
    #[serde(skip_serializing_if = "Option::is_none")]
    heartbeat_age_ms: Option<u64>,
    /// True if it takes no more calls: it stops, or an admin drained it.
    is_draining: bool,
    /// The number of tools that it declared.
    tools: usize,
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
    let this = core.cluster.as_ref().map(|_| core.installation.this());
    Ok(Json(page.map(|worker| shown(core.health.of_worker(&caller, &worker), worker, this))))
}

/// Send a worker no more calls. Its running ones end; it takes calls again once it connects again.
#[utoipa::path(post, path = "/v1/workers/{connection}/drain", tag = "tools",
    params(("connection" = String, Path, description = "The `connectionId` of the worker")),
    responses((status = 204), (status = "4XX", body = Problem)))]
pub(super) async fn drain(
    administrator: Administrator,
    Path(connection): Path<String>,
) -> Result<StatusCode, ErrorView> {
    administrator.directory()?.drain_worker(&connection).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Close the connection of a worker. Workers connect again by themselves.
#[utoipa::path(delete, path = "/v1/workers/{connection}", tag = "tools",
    params(("connection" = String, Path, description = "The `connectionId` of the worker")),
    responses((status = 204), (status = "4XX", body = Problem)))]
pub(super) async fn disconnect(
    administrator: Administrator,
    Path(connection): Path<String>,
) -> Result<StatusCode, ErrorView> {
    administrator.directory()?.disconnect_worker(&connection).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn shown(health: WorkerHealth, worker: ConnectedWorker, this: Option<GatewayNumber>) -> Worker {
    Worker {
        connection_id: worker.link_id.to_string(),
        entity: worker.identity.entity,
        entity_id: worker.identity.entity_id.to_string(),
        environment: worker.identity.environment,
        environment_id: worker.identity.environment_id.to_string(),
        policy: worker.policy,
        gateway: worker.gateway.or(this).map(GatewayNumber::get),
        connected_at: rfc3339(worker.connected_ms),
        heartbeat_age_ms: worker.heartbeat_age.map(|age| u64::try_from(age.as_millis()).unwrap_or(u64::MAX)),
        is_draining: worker.is_draining,
        tools: worker.tool_count,
        calls_in_flight: worker.calls_in_flight,
        calls_queued: worker.calls_queued,
        address: worker.address.map(|address| address.to_string()),
        instance: worker.instance.map(Instance::from),
        takeovers: worker.takeovers,
        health: health.into(),
    }
}
