//! The methods `api_keys.*`, which list, add and revoke the keys of callers.

use serde::Deserialize;
use serde_json::json;

use crate::domain::identity::SpeaksFor;
use crate::dto::{KeyDto, KeyWithSecret};
use crate::listen::params::KeyRequest;
use crate::listen::rpc::params::{PageParams, Params, Reply, reply, unless_empty};
use crate::listen::rpc::session::Session;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewKeyParams {
    name: Option<String>,
    role: String,
    #[serde(default)]
    tool_roles: Vec<String>,
    #[serde(default, deserialize_with = "unless_empty")]
    agent_id: Option<String>,
    speaks_for: Option<SpeaksFor>,
    environments: Option<Vec<String>>,
    ttl_seconds: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct KeyParams {
    key_id: String,
}

pub(super) async fn list(session: &Session<'_>, params: Params) -> Reply {
    let window: PageParams = params.decode()?;
    let keys = session.core.admin.of(&session.caller)?.keys();
    reply(&window.page(keys, |key| key.id.as_str())?.map(KeyDto::from))
}

pub(super) async fn create(session: &Session<'_>, params: Params) -> Reply {
    let NewKeyParams { name, role, tool_roles, agent_id, speaks_for, environments, ttl_seconds } = params.decode()?;
    let new = KeyRequest { name, role, tool_roles, agent_id, speaks_for, environments, ttl_seconds }.read()?;
    reply(&KeyWithSecret::from(session.core.admin.of(&session.caller)?.add_key(new).await?))
}

pub(super) async fn revoke(session: &Session<'_>, params: Params) -> Reply {
    let KeyParams { key_id } = params.decode()?;
    session.core.admin.of(&session.caller)?.revoke_key(&key_id).await?;
    reply(&json!({"revoked": true}))
}
