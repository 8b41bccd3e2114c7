//! The route `POST /v1/agents/{agent}/events`, which sends an event to the sockets of an agent.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::core::Core;
use crate::listen::http::ErrorView;
use crate::listen::http::extract::{AuthenticatedForCall, Body, Path};
use crate::listen::http::problem::Problem;

/// An event for an agent.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewAgentEvent {
    /// Its type, in 1 to 128 bytes. `error`, `heartbeat`, and types that begin with `channel.`, `connection.`, `presence.` or `tool.` are
    /// the gateway's own.
    r#type: String,
    /// Its data, any JSON of at most 256 KiB. Default: an empty object.
    #[schema(value_type = Option<serde_json::Value>)]
    data: Option<Box<RawValue>>,
}

/// The sockets that an event was sent to.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ToldAgent {
    /// Their number; 0 if the agent is not connected. Nothing is kept for it then.
    sockets: usize,
}

/// Send an event to all sockets of an agent with a session. It takes an operator's key or token that belongs to no user and no agent, or
/// an admin's, and counts as a call.
#[utoipa::path(post, path = "/v1/agents/{agent}/events", tag = "runtime", request_body = NewAgentEvent,
    params(("agent", description = "Slug or id")),
    responses((status = 200, body = ToldAgent), (status = "4XX", body = Problem)))]
pub(super) async fn tell(
    AuthenticatedForCall(caller): AuthenticatedForCall,
    State(core): State<Arc<Core>>,
    Path(agent): Path<String>,
    Body(new): Body<NewAgentEvent>,
) -> Result<Json<ToldAgent>, ErrorView> {
    let data = new.data.as_deref().unwrap_or_else(|| serde_json::from_str("{}").expect("it is JSON"));
    Ok(Json(ToldAgent { sockets: core.sessions.tell_agent(&caller, &agent, &new.r#type, data)? }))
}
