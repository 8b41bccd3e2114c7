//! `/v1/agents`

use axum::Json;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::core::admin;
use crate::core::agent::Profile;
use crate::core::clock::rfc3339;
use crate::listen::rest::auth::Administrator;
use crate::listen::rest::body::Body;
use crate::listen::rest::page::{Page, Window};
use crate::listen::rest::parts::{Path, Query};
use crate::listen::rest::problem::Problem;

/// Whoever calls tools under a name of its own.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Agent {
    id: String,
    /// Its name in URLs.
    slug: String,
    created_at: String,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewAgent {
    slug: String,
}

/// List the agents.
#[utoipa::path(get, path = "/v1/agents", tag = "directory", params(Window),
    responses((status = 200, body = Page<Agent>), (status = "4XX", body = Problem)))]
pub(super) async fn list(
    administrator: Administrator,
    Query(window): Query<Window>,
) -> Result<Json<Page<Agent>>, Problem> {
    let agents = administrator.directory()?.agents().into_iter().map(shown).collect();
    Ok(Json(Page::of(agents, window, |agent: &Agent| &agent.slug)?))
}

/// Add an agent. It needs a key or a token to call tools.
#[utoipa::path(post, path = "/v1/agents", tag = "directory", request_body = NewAgent,
    responses((status = 201, body = Agent), (status = "4XX", body = Problem)))]
pub(super) async fn add(
    administrator: Administrator,
    Body(new): Body<NewAgent>,
) -> Result<(StatusCode, Json<Agent>), Problem> {
    let added = administrator.directory()?.add_agent(&new.slug, Profile::default()).await?;
    Ok((StatusCode::CREATED, Json(shown(added))))
}

/// Remove an agent. Its keys and tokens are good for nothing any more.
#[utoipa::path(delete, path = "/v1/agents/{agent}", tag = "directory", params(("agent", description = "Slug or id")),
    responses((status = 204), (status = "4XX", body = Problem)))]
pub(super) async fn remove(administrator: Administrator, Path(agent): Path<String>) -> Result<StatusCode, Problem> {
    administrator.directory()?.remove_agent(&agent).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn shown(agent: admin::Agent) -> Agent {
    Agent { id: agent.id.to_string(), slug: agent.slug, created_at: rfc3339(agent.created_ms) }
}
