//! The routes of `/v1/agents`, which list, add, show, change and remove agents.

use axum::Json;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::admin;
use crate::domain::agent_profile::{Profile, ProfileChange};
use crate::dto::{AgentDto, AgentProfileDto};
use crate::listen::Object;
use crate::listen::http::ErrorView;
use crate::listen::http::extract::{Body, Path, Query};
use crate::listen::http::problem::Problem;
use crate::listen::params::{Page, agent_change, text_change};
use crate::listen::rest::auth::Administrator;
use crate::listen::rest::page::PageQuery;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewAgent)]
pub(super) struct AgentRequest {
    slug: String,
    /// The profile, which decides how it answers. Default: commands.
    #[schema(value_type = Option<AgentProfileDto>)]
    profile: Option<Object<Profile>>,
    /// The user whose it is, in 1 to 255 characters. Default: nobody's.
    owner: Option<String>,
    /// Its name for people, in 1 to 128 characters. Default: none.
    title: Option<String>,
    /// Its address for other agents, which no other agent of the project has: 1 to 128 letters, digits and characters of
    /// `-._:@+/~#`. Default: its slug.
    address: Option<String>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AgentChange)]
pub(super) struct AgentChangeRequest {
    /// The members of its profile that change: one that is missing stays as it is, and `null` is its default.
    #[schema(value_type = Option<AgentProfileDto>)]
    profile: Option<Object<ProfileChange>>,
    /// The user whose it is from now on; an empty text is nobody.
    owner: Option<String>,
    /// Its name for people from now on; an empty text or `null` is none.
    #[serde(default, deserialize_with = "text_change")]
    title: Option<String>,
    /// Its address from now on; an empty text or `null` is its slug.
    #[serde(default, deserialize_with = "text_change")]
    address: Option<String>,
}

/// List the agents.
#[utoipa::path(get, path = "/v1/agents", tag = "directory", params(PageQuery),
    responses((status = 200, body = Page<AgentDto>), (status = "4XX", body = Problem)))]
pub(super) async fn list(
    administrator: Administrator,
    Query(window): Query<PageQuery>,
) -> Result<Json<Page<AgentDto>>, ErrorView> {
    let page = window.page(administrator.directory()?.agents(), |agent| &agent.slug)?;
    Ok(Json(page.map(AgentDto::from)))
}

/// Add an agent. It needs a key or a token to call tools.
#[utoipa::path(post, path = "/v1/agents", tag = "directory", request_body = AgentRequest,
    responses((status = 201, body = AgentDto), (status = "4XX", body = Problem)))]
pub(super) async fn add(
    administrator: Administrator,
    Body(new): Body<AgentRequest>,
) -> Result<(StatusCode, Json<AgentDto>), ErrorView> {
    let AgentRequest { slug, profile, owner, title, address } = new;
    let new = admin::NewAgent { profile: profile.unwrap_or_default().0, owner, title, address };
    let added = administrator.directory()?.add_agent(&slug, new).await?;
    Ok((StatusCode::CREATED, Json(added.into())))
}

/// Show one agent.
#[utoipa::path(get, path = "/v1/agents/{agent}", tag = "directory", params(("agent", description = "Slug or id")),
    responses((status = 200, body = AgentDto), (status = "4XX", body = Problem)))]
pub(super) async fn show(administrator: Administrator, Path(agent): Path<String>) -> Result<Json<AgentDto>, ErrorView> {
    Ok(Json(administrator.directory()?.agent(&agent)?.into()))
}

/// Change an agent's names, how it answers, or whose it is.
#[utoipa::path(patch, path = "/v1/agents/{agent}", tag = "directory", request_body = AgentChangeRequest,
    params(("agent", description = "Slug or id")),
    responses((status = 200, body = AgentDto), (status = "4XX", body = Problem)))]
pub(super) async fn change(
    administrator: Administrator,
    Path(agent): Path<String>,
    Body(change): Body<AgentChangeRequest>,
) -> Result<Json<AgentDto>, ErrorView> {
    let AgentChangeRequest { profile, owner, title, address } = change;
    let change = agent_change(profile.map(|Object(profile)| profile), owner, title, address)?;
    Ok(Json(administrator.directory()?.change_agent(&agent, change).await?.into()))
}

/// Remove an agent. Its keys and tokens are good for nothing any more.
#[utoipa::path(delete, path = "/v1/agents/{agent}", tag = "directory", params(("agent", description = "Slug or id")),
    responses((status = 204), (status = "4XX", body = Problem)))]
pub(super) async fn remove(administrator: Administrator, Path(agent): Path<String>) -> Result<StatusCode, ErrorView> {
    administrator.directory()?.remove_agent(&agent).await?;
    Ok(StatusCode::NO_CONTENT)
}
