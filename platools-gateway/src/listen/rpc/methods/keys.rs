//! `api_keys.*`

use std::time::Duration;

use secrecy::ExposeSecret as _;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Params, Reply, reply};
use crate::core::admin::{Key, NewKey};
use crate::core::clock::rfc3339;
use crate::core::identity::Role;
use crate::core::ids::AgentId;
use crate::listen::rpc::errors::invalid;
use crate::listen::rpc::page::{Window, page};
use crate::listen::rpc::session::Session;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wanted {
    role: String,
    #[serde(default)]
    tool_roles: Vec<String>,
    agent_id: Option<String>,
    ttl_seconds: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Which {
    key_id: String,
}

pub(super) async fn list(session: &Session<'_>, params: Params) -> Reply {
    let window: Window = params.decode()?;
    reply(&page(&session.core.admin(&session.caller)?.keys(), window, |key| key.id.as_str(), shown)?)
}

pub(super) async fn create(session: &Session<'_>, params: Params) -> Reply {
    let Wanted { role, tool_roles, agent_id, ttl_seconds } = params.decode()?;
    let role = Role::from_name(&role).ok_or_else(|| invalid("`role` must be viewer, operator or admin"))?;
    let new = NewKey { role, tool_roles, agent: agent_id, ttl: ttl_seconds.map(Duration::from_secs) };
    let added = session.core.admin(&session.caller)?.add_key(new).await?;
    reply(&json!({"key": shown(&added.new), "secret": added.secret.expose_secret()}))
}

pub(super) async fn revoke(session: &Session<'_>, params: Params) -> Reply {
    let Which { key_id } = params.decode()?;
    session.core.admin(&session.caller)?.revoke_key(&key_id).await?;
    reply(&json!({"revoked": true}))
}

fn shown(key: &Key) -> Value {
    json!({
        "id": key.id.as_str(),
        "role": key.role.as_str(),
        "toolRoles": key.tool_roles,
        "agentId": key.agent_id.as_ref().map(AgentId::as_str),
        "createdAt": rfc3339(key.created_ms),
        "expiresAt": key.expires_ms.map(rfc3339),
    })
}
