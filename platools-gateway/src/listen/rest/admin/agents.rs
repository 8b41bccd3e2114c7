//! `/v1/agents`

use std::sync::Arc;

use axum::Json;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::admin;
use crate::domain::profile;
use crate::listen::Object;
use crate::listen::dto::{Page, agent_change, given};
use crate::listen::http::problem::Problem;
use crate::listen::rest::auth::Administrator;
use crate::listen::rest::body::Body;
use crate::listen::rest::page::PageQuery;
use crate::listen::rest::path_and_query::{Path, Query};
use crate::ports::time::rfc3339;

/// An agent, which answers people and calls tools under a name of its own.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Agent {
    id: String,
    /// Its name in URLs.
    slug: String,
    /// Its name for people: the `displayName` that other agents see.
    title: Option<String>,
    /// Its address for other agents, such as that of its wallet. Without one, its slug.
    address: Option<String>,
    /// The profile, which decides how it answers.
    profile: Profile,
    /// The user whose it is, who may watch it.
    owner: Option<String>,
    created_at: String,
}

/// The profile of an agent, which decides how it answers.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = AgentProfile)]
pub(super) struct Profile {
    /// `command` (default): it calls the tools it is told to. `model`: a language model decides.
    kind: Kind,
    /// The model, by the name that its endpoint knows it by. Default: the gateway's.
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    /// The system prompt of the model. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    system_prompt: Option<String>,
    /// The names of the tools it may call. Default: all that its caller may call.
    #[serde(skip_serializing_if = "Option::is_none")]
    tools: Option<Vec<String>>,
    /// The environment of its tools, by slug or id. Default: development.
    #[serde(skip_serializing_if = "Option::is_none")]
    environment: Option<String>,
}

/// The kind of an agent.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = AgentKind)]
enum Kind {
    #[default]
    Command,
    Model,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewAgent {
    slug: String,
    /// The profile, which decides how it answers. Default: commands.
    #[schema(value_type = Option<Profile>)]
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
pub(super) struct AgentChange {
    /// The members of its profile that change: one that is missing stays as it is, and `null` is its default.
    #[schema(value_type = Option<Profile>)]
    profile: Option<Object<profile::ProfileChange>>,
    /// The user whose it is from now on; an empty text is nobody.
    owner: Option<String>,
    /// Its name for people from now on; an empty text or `null` is none.
    #[serde(default, deserialize_with = "given")]
    title: Option<String>,
    /// Its address from now on; an empty text or `null` is its slug.
    #[serde(default, deserialize_with = "given")]
    address: Option<String>,
}

/// List the agents.
#[utoipa::path(get, path = "/v1/agents", tag = "directory", params(PageQuery),
    responses((status = 200, body = Page<Agent>), (status = "4XX", body = Problem)))]
pub(super) async fn list(
    administrator: Administrator,
    Query(window): Query<PageQuery>,
) -> Result<Json<Page<Agent>>, Problem> {
    let page = window.page(administrator.directory()?.agents(), |agent| &agent.slug)?;
    Ok(Json(page.map(shown)))
}

/// Add an agent. It needs a key or a token to call tools.
#[utoipa::path(post, path = "/v1/agents", tag = "directory", request_body = NewAgent,
    responses((status = 201, body = Agent), (status = "4XX", body = Problem)))]
pub(super) async fn add(
    administrator: Administrator,
    Body(new): Body<NewAgent>,
) -> Result<(StatusCode, Json<Agent>), Problem> {
    let NewAgent { slug, profile, owner, title, address } = new;
    let new = admin::NewAgent { profile: profile.unwrap_or_default().0.into(), owner, title, address };
    let added = administrator.directory()?.add_agent(&slug, new).await?;
    Ok((StatusCode::CREATED, Json(shown(added))))
}

/// Show one agent.
#[utoipa::path(get, path = "/v1/agents/{agent}", tag = "directory", params(("agent", description = "Slug or id")),
    responses((status = 200, body = Agent), (status = "4XX", body = Problem)))]
pub(super) async fn show(administrator: Administrator, Path(agent): Path<String>) -> Result<Json<Agent>, Problem> {
    Ok(Json(shown(administrator.directory()?.agent(&agent)?)))
}

/// Change an agent's names, how it answers, or whose it is.
#[utoipa::path(patch, path = "/v1/agents/{agent}", tag = "directory", request_body = AgentChange,
    params(("agent", description = "Slug or id")),
    responses((status = 200, body = Agent), (status = "4XX", body = Problem)))]
pub(super) async fn change(
    administrator: Administrator,
    Path(agent): Path<String>,
    Body(change): Body<AgentChange>,
) -> Result<Json<Agent>, Problem> {
    let AgentChange { profile, owner, title, address } = change;
    let change = agent_change(profile.map(|Object(profile)| profile), owner, title, address)?;
    Ok(Json(shown(administrator.directory()?.change_agent(&agent, change).await?)))
}

/// Remove an agent. Its keys and tokens are good for nothing any more.
#[utoipa::path(delete, path = "/v1/agents/{agent}", tag = "directory", params(("agent", description = "Slug or id")),
    responses((status = 204), (status = "4XX", body = Problem)))]
pub(super) async fn remove(administrator: Administrator, Path(agent): Path<String>) -> Result<StatusCode, Problem> {
    administrator.directory()?.remove_agent(&agent).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn shown(agent: admin::Agent) -> Agent {
    let created_at = rfc3339(agent.created_ms);
    Agent {
        id: agent.id.to_string(),
        slug: agent.slug,
        title: agent.title,
        address: agent.address,
        profile: Arc::unwrap_or_clone(agent.profile).into(),
        owner: agent.owner,
        created_at,
    }
}

impl From<Profile> for profile::Profile {
    fn from(profile: Profile) -> Self {
        let kind = match profile.kind {
            Kind::Command => profile::Kind::Command,
            Kind::Model => profile::Kind::Model,
        };
        let Profile { model, system_prompt, tools, environment, .. } = profile;
        Self { kind, model, system_prompt, tools, environment }
    }
}

impl From<profile::Profile> for Profile {
    fn from(profile: profile::Profile) -> Self {
        let kind = match profile.kind {
            profile::Kind::Command => Kind::Command,
            profile::Kind::Model => Kind::Model,
        };
        let profile::Profile { model, system_prompt, tools, environment, .. } = profile;
        Self { kind, model, system_prompt, tools, environment }
    }
}
