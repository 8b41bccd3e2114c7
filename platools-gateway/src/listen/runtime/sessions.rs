//! The routes of `/v1/runtime`, which begin, keep alive, show and end the session of an agent, and of `/v1/ws/ticket`, which makes a
//! ticket.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::auth::AuthenticatedAgent;
use super::errors::Failure;
use super::metadata::{metadata, stored};
use super::page::OffsetQuery;
use crate::core::Core;
use crate::domain::ids::SessionId;
use crate::listen::http::ErrorView;
use crate::listen::http::extract::{Authenticated, OptionalBody, Query};
use crate::ports::time::rfc3339;
use crate::sessions::{AgentNames, PresentAgent, StoredSession};

/// The response to a request without other data.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Done {
    success: bool,
}

impl Done {
    pub(super) const DONE: Json<Self> = Json(Self { success: true });
}

/// The request with which an agent connects.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct RuntimeConnect {
    /// The program the agent runs in.
    client_name: Option<String>,
    /// Its version.
    client_version: Option<String>,
    /// Whatever is to be kept with the session, up to 8 KiB.
    #[schema(value_type = Option<Object>)]
    metadata: Option<Box<RawValue>>,
}

/// A session that has begun.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct RuntimeConnected {
    session_id: String,
    agent_id: String,
    /// The agent's address for others.
    address: String,
    connected_at: String,
    gateway_version: &'static str,
}

/// Begin a session, in the place of an older one of the agent's.
#[utoipa::path(post, path = "/v1/runtime/connect", tag = "runtime", request_body = Option<RuntimeConnect>,
    responses((status = 201, body = RuntimeConnected), (status = "4XX", body = Failure)))]
pub(super) async fn connect(
    AuthenticatedAgent(peer): AuthenticatedAgent,
    State(core): State<Arc<Core>>,
    OptionalBody(body): OptionalBody<RuntimeConnect>,
) -> Result<(StatusCode, Json<RuntimeConnected>), ErrorView> {
    let metadata = metadata(body.metadata)?.unwrap_or_else(|| "{}".to_owned());
    let session = core.sessions.begin(&peer, metadata).await?;
    tracing::info!(
        agent.id = %peer.id, agent.slug = peer.slug, client.name = body.client_name.as_deref().map(cut),
        client.version = body.client_version.as_deref().map(cut), "agent session began"
    );
    let connected = RuntimeConnected {
        session_id: session.id.to_string(),
        agent_id: peer.id.to_string(),
        address: peer.names.address,
        connected_at: rfc3339(session.connected_ms),
        gateway_version: env!("CARGO_PKG_VERSION"),
    };
    Ok((StatusCode::CREATED, Json(connected)))
}

/// Cuts a client's description of itself for a line in the log.
fn cut(text: &str) -> String {
    text.chars().take(64).filter(|character| !character.is_control()).collect()
}

/// A heartbeat was noted.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Beat {
    success: bool,
    last_heartbeat: String,
}

/// Keep the session going.
#[utoipa::path(post, path = "/v1/runtime/heartbeat", tag = "runtime",
    responses((status = 200, body = Beat), (status = "4XX", body = Failure)))]
pub(super) async fn heartbeat(
    AuthenticatedAgent(peer): AuthenticatedAgent,
    State(core): State<Arc<Core>>,
) -> Result<Json<Beat>, ErrorView> {
    let last_heartbeat = rfc3339(core.sessions.beat(&peer)?);
    Ok(Json(Beat { success: true, last_heartbeat }))
}

/// The status of an agent.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct RuntimeStatus {
    agent_id: String,
    address: String,
    display_name: Option<String>,
    /// `active` with a session, `inactive` without.
    status: &'static str,
    session: Option<RuntimeSession>,
}

/// A session, which only its own agent sees.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct RuntimeSession {
    session_id: String,
    connected_at: String,
    last_heartbeat: String,
    #[schema(value_type = Object)]
    metadata: Box<RawValue>,
}

impl From<StoredSession> for RuntimeSession {
    fn from(session: StoredSession) -> Self {
        Self {
            session_id: session.id.to_string(),
            connected_at: rfc3339(session.connected_ms),
            last_heartbeat: rfc3339(session.heartbeat_ms),
            metadata: stored(session.metadata),
        }
    }
}

/// Show the agent that asks, and its session.
#[utoipa::path(get, path = "/v1/runtime/status", tag = "runtime",
    responses((status = 200, body = RuntimeStatus), (status = "4XX", body = Failure)))]
pub(super) async fn status(
    AuthenticatedAgent(peer): AuthenticatedAgent,
    State(core): State<Arc<Core>>,
) -> Json<RuntimeStatus> {
    let session = core.sessions.session_of(&peer).map(RuntimeSession::from);
    let status = if session.is_some() { "active" } else { "inactive" };
    let AgentNames { address, title: display_name } = peer.names;
    Json(RuntimeStatus { agent_id: peer.id.to_string(), address, display_name, status, session })
}

/// The agents that have a session.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RuntimePresence {
    agents: Vec<RuntimePresent>,
    /// The number of all of them.
    total: usize,
    limit: usize,
    offset: usize,
}

/// An agent with a session.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct RuntimePresent {
    agent_id: String,
    address: String,
    display_name: Option<String>,
    connected_at: String,
    last_heartbeat: String,
}

impl From<PresentAgent> for RuntimePresent {
    fn from(agent: PresentAgent) -> Self {
        Self {
            agent_id: agent.agent_id.to_string(),
            address: agent.names.address,
            display_name: agent.names.title,
            connected_at: rfc3339(agent.connected_ms),
            last_heartbeat: rfc3339(agent.heartbeat_ms),
        }
    }
}

/// List the project's agents that have a session, in the order they came. For agents and admins.
#[utoipa::path(get, path = "/v1/runtime/presence", tag = "runtime", params(OffsetQuery),
    responses((status = 200, body = RuntimePresence), (status = "4XX", body = Failure)))]
pub(super) async fn presence(
    Authenticated(caller): Authenticated,
    State(core): State<Arc<Core>>,
    Query(window): Query<OffsetQuery>,
) -> Result<Json<RuntimePresence>, ErrorView> {
    let (limit, offset) = (window.limit(), window.offset());
    let present = core.sessions.present(&caller, limit, offset)?;
    let agents = present.agents.into_iter().map(RuntimePresent::from).collect();
    Ok(Json(RuntimePresence { agents, total: present.total, limit, offset }))
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct RuntimeDisconnect {
    /// The session. Default: the agent's own.
    session_id: Option<String>,
}

/// End the session, and the agent's sockets with it.
#[utoipa::path(post, path = "/v1/runtime/disconnect", tag = "runtime", request_body = Option<RuntimeDisconnect>,
    responses((status = 200, body = Done), (status = "4XX", body = Failure)))]
pub(super) async fn disconnect(
    AuthenticatedAgent(peer): AuthenticatedAgent,
    State(core): State<Arc<Core>>,
    OptionalBody(body): OptionalBody<RuntimeDisconnect>,
) -> Result<Json<Done>, ErrorView> {
    let session = body.session_id.map(SessionId::from);
    core.sessions.end(&peer, session.as_ref()).await?;
    tracing::info!(agent.id = %peer.id, agent.slug = peer.slug, "agent session ended");
    Ok(Done::DONE)
}

/// A ticket, with which a socket is opened once and soon.
#[derive(Serialize, ToSchema)]
pub(super) struct RuntimeTicket {
    ticket: String,
}

/// Issue a ticket, which opens one socket at `/ws/runtime?ticket=...` within a minute.
#[utoipa::path(post, path = "/v1/ws/ticket", tag = "runtime",
    responses((status = 200, body = RuntimeTicket), (status = "4XX", body = Failure)))]
pub(super) async fn ticket(
    AuthenticatedAgent(peer): AuthenticatedAgent,
    State(core): State<Arc<Core>>,
) -> Result<Json<RuntimeTicket>, ErrorView> {
    Ok(Json(RuntimeTicket { ticket: core.sessions.issue_ticket(&peer)?.expose_secret().to_owned() }))
}
