//! `/v1/keys`

use axum::Json;
use axum::http::StatusCode;
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{role, seconds};
use crate::core::admin;
use crate::core::clock::rfc3339;
use crate::listen::rest::auth::Administrator;
use crate::listen::rest::body::Body;
use crate::listen::rest::page::{Page, Window};
use crate::listen::rest::parts::{Path, Query};
use crate::listen::rest::problem::Problem;

/// A caller's key, without the key itself.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Key {
    id: String,
    /// `viewer`, `operator` or `admin`.
    role: &'static str,
    /// The roles it has in the eyes of tools.
    tool_roles: Vec<String>,
    agent_id: Option<String>,
    created_at: String,
    expires_at: Option<String>,
}

/// A key with what its holder sends, which is shown this once.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct KeyWithSecret {
    key: Key,
    secret: String,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct NewKey {
    /// `viewer`, `operator` or `admin`.
    role: String,
    /// The roles it has in the eyes of tools.
    #[serde(default)]
    tool_roles: Vec<String>,
    /// The agent it belongs to, by slug or id.
    agent_id: Option<String>,
    /// How long it is good. Without it, until it is revoked.
    ttl_seconds: Option<u64>,
}

/// List the keys, oldest first.
#[utoipa::path(get, path = "/v1/keys", tag = "directory", params(Window),
    responses((status = 200, body = Page<Key>), (status = "4XX", body = Problem)))]
pub(super) async fn list(
    administrator: Administrator,
    Query(window): Query<Window>,
) -> Result<Json<Page<Key>>, Problem> {
    let keys = administrator.directory()?.keys().into_iter().map(shown).collect();
    Ok(Json(Page::of(keys, window, |key: &Key| &key.id)?))
}

/// Add a key. It is shown this once.
#[utoipa::path(post, path = "/v1/keys", tag = "directory", request_body = NewKey,
    responses((status = 201, body = KeyWithSecret), (status = "4XX", body = Problem)))]
pub(super) async fn add(
    administrator: Administrator,
    Body(new): Body<NewKey>,
) -> Result<(StatusCode, Json<KeyWithSecret>), Problem> {
    let new = admin::NewKey {
        role: role(&new.role)?,
        tool_roles: new.tool_roles,
        agent: new.agent_id,
        ttl: new.ttl_seconds.map(seconds),
    };
    let added = administrator.directory()?.add_key(new).await?;
    let secret = added.secret.expose_secret().to_owned();
    Ok((StatusCode::CREATED, Json(KeyWithSecret { key: shown(added.new), secret })))
}

/// Revoke a key.
#[utoipa::path(delete, path = "/v1/keys/{key}", tag = "directory", params(("key", description = "Id")),
    responses((status = 204), (status = "4XX", body = Problem)))]
pub(super) async fn revoke(administrator: Administrator, Path(key): Path<String>) -> Result<StatusCode, Problem> {
    administrator.directory()?.revoke_key(&key).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn shown(key: admin::Key) -> Key {
    Key {
        id: key.id.to_string(),
        role: key.role.as_str(),
        tool_roles: key.tool_roles,
        agent_id: key.agent_id.map(|id| id.to_string()),
        created_at: rfc3339(key.created_ms),
        expires_at: key.expires_ms.map(rfc3339),
    }
}
