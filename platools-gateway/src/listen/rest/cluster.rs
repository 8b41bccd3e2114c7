//! The route `GET /v1/cluster`, which shows the gateways of an installation, and the gateway of each worker of an entity.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::cluster::Member;
use crate::core::Core;
use crate::domain::ids::GatewayNumber;
use crate::links::ConnectedWorker;
use crate::listen::http::ErrorView;
use crate::listen::http::extract::{Authenticated, Query};
use crate::listen::http::problem::Problem;
use crate::ports::time::rfc3339;

/// The gateways of an installation, as the gateway sees them that was asked.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Installation {
    /// The number of the gateway that was asked; 0 if it is alone.
    gateway: u16,
    /// The gateways that are alive. There are none for a gateway that is alone.
    gateways: Vec<GatewayMember>,
    /// The workers of the entity in `worker`.
    #[serde(skip_serializing_if = "Option::is_none")]
    workers: Option<Vec<WorkerPlace>>,
}

/// A gateway that is alive.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct GatewayMember {
    /// Its number.
    gateway: u16,
    version: String,
    /// The number of workers that are connected to it.
    workers: usize,
    /// The time since its last heartbeat, in milliseconds. It sends one every second.
    seen_ms: u64,
    /// True while its database answers.
    has_database: bool,
    /// True if it stops, and takes no more calls.
    stopping: bool,
}

impl From<Member> for GatewayMember {
    fn from(member: Member) -> Self {
        Self {
            gateway: member.number.get(),
            version: member.version,
            workers: member.links,
            seen_ms: u64::try_from(member.seen.elapsed().as_millis()).unwrap_or(u64::MAX),
            has_database: member.has_database,
            stopping: member.is_stopping,
        }
    }
}

/// The gateway that has the link of a worker.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct WorkerPlace {
    connection_id: String,
    entity: String,
    environment: String,
    /// The number of the gateway.
    gateway: u16,
    connected_at: String,
}

impl WorkerPlace {
    fn of(worker: ConnectedWorker, this: GatewayNumber) -> Self {
        Self {
            connection_id: worker.link_id.to_string(),
            gateway: worker.gateway.unwrap_or(this).get(),
            entity: worker.identity.entity,
            environment: worker.identity.environment,
            connected_at: rfc3339(worker.connected_ms),
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct InstallationQuery {
    /// An entity of the default project, whose workers are listed, too.
    worker: Option<String>,
}

/// Show the gateways that are alive. Only for admins of the default project.
#[utoipa::path(get, path = "/v1/cluster", tag = "operations", params(InstallationQuery),
    responses((status = 200, body = Installation), (status = "4XX", body = Problem)))]
pub(super) async fn show(
    State(core): State<Arc<Core>>,
    Authenticated(caller): Authenticated,
    Query(query): Query<InstallationQuery>,
) -> Result<Json<Installation>, ErrorView> {
    let (this, members) = (core.installation.this(), core.installation.members(&caller)?);
    let workers = match query.worker {
        None => None,
        Some(entity) => {
            let workers = core.tools.connected_workers(&caller)?.into_iter();
            let of_entity = workers.filter(|worker| worker.identity.entity == entity);
            Some(of_entity.map(|worker| WorkerPlace::of(worker, this)).collect())
        }
    };
    Ok(Json(Installation { gateway: this.get(), gateways: members.into_iter().map(Into::into).collect(), workers }))
}
