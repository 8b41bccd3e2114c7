//! The methods `api_keys.*`, which list, add and revoke the keys of callers.

use serde::Deserialize;
use serde_json::json;

use crate::domain::identity::SpeaksFor;
use crate::dto::{KeyDto, KeyWithSecret};
use crate::listen::params::KeyRequest;
use crate::listen::rpc::method_context::MethodContext;
use crate::listen::rpc::params::{PageParams, Params, Reply, reply, unless_empty};

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

pub(super) async fn list(context: &MethodContext<'_>, params: Params) -> Reply {
    let window: PageParams = params.decode()?;
    let keys = context.core.admin.of(&context.caller)?.keys();
    reply(&window.page(keys, |key| key.id.as_str())?.map(KeyDto::from))
}

pub(super) async fn create(context: &MethodContext<'_>, params: Params) -> Reply {
    let NewKeyParams { name, role, tool_roles, agent_id, speaks_for, environments, ttl_seconds } = params.decode()?;
    let new = KeyRequest { name, role, tool_roles, agent_id, speaks_for, environments, ttl_seconds }.read()?;
    reply(&KeyWithSecret::from(context.core.admin.of(&context.caller)?.add_key(new).await?))
}

pub(super) async fn revoke(context: &MethodContext<'_>, params: Params) -> Reply {
    let KeyParams { key_id } = params.decode()?;
    context.core.admin.of(&context.caller)?.revoke_key(&key_id).await?;
    reply(&json!({"revoked": true}))
}
