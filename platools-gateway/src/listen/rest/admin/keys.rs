//! `/v1/keys`

use axum::Json;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::domain::identity::SpeaksFor;
use crate::listen::dto::{Key, KeyRequest, KeyWithSecret, Page, SpeaksForForm};
use crate::listen::http::problem::Problem;
use crate::listen::rest::auth::Administrator;
use crate::listen::rest::body::Body;
use crate::listen::rest::page::PageQuery;
use crate::listen::rest::parts::{Path, Query};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct NewKey {
    /// Its name for people, in 1 to 128 characters. Default: none.
    name: Option<String>,
    /// `viewer`, `operator` or `admin`.
    role: String,
    /// The roles it has in the eyes of tools.
    #[serde(default)]
    tool_roles: Vec<String>,
    /// The agent it belongs to, by slug or id. Default: that of the credential that adds it.
    agent_id: Option<String>,
    /// The users it may speak for: `"nobody"`, `"anybody"`, or a list of them. Default: nobody for viewers and agents, and else
    /// anybody.
    #[schema(value_type = Option<SpeaksForForm>)]
    speaks_for: Option<SpeaksFor>,
    /// The environments it reaches, by slug or id. Default: those of the credential that adds it.
    environments: Option<Vec<String>>,
    /// Its lifetime. Without it, until it is revoked.
    ttl_seconds: Option<u64>,
}

/// List the keys, oldest first.
#[utoipa::path(get, path = "/v1/keys", tag = "directory", params(PageQuery),
    responses((status = 200, body = Page<Key>), (status = "4XX", body = Problem)))]
pub(super) async fn list(
    administrator: Administrator,
    Query(window): Query<PageQuery>,
) -> Result<Json<Page<Key>>, Problem> {
    let page = window.page(administrator.directory()?.keys(), |key| key.id.as_str())?;
    Ok(Json(page.map(Key::from)))
}

/// Add a key. It is shown this once.
#[utoipa::path(post, path = "/v1/keys", tag = "directory", request_body = NewKey,
    responses((status = 201, body = KeyWithSecret), (status = "4XX", body = Problem)))]
pub(super) async fn add(
    administrator: Administrator,
    Body(new): Body<NewKey>,
) -> Result<(StatusCode, Json<KeyWithSecret>), Problem> {
    let NewKey { name, role, tool_roles, agent_id, speaks_for, environments, ttl_seconds } = new;
    let new = KeyRequest { name, role, tool_roles, agent_id, speaks_for, environments, ttl_seconds }.read()?;
    Ok((StatusCode::CREATED, Json(administrator.directory()?.add_key(new).await?.into())))
}

/// Revoke a key, with the tokens that were minted with it.
#[utoipa::path(delete, path = "/v1/keys/{key}", tag = "directory", params(("key", description = "Id")),
    responses((status = 204), (status = "4XX", body = Problem)))]
pub(super) async fn revoke(administrator: Administrator, Path(key): Path<String>) -> Result<StatusCode, Problem> {
    administrator.directory()?.revoke_key(&key).await?;
    Ok(StatusCode::NO_CONTENT)
}
