//! The methods `agents.*`, which list, add, change and remove agents.

use platools_protocol::rpc::RpcError;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::admin::{self, Agent};
use crate::authority::{Action, Resource, authorize};
use crate::listen::params::{agent_change, text_change};
use crate::listen::rpc::errors::invalid;
use crate::listen::rpc::method_context::MethodContext;
use crate::listen::rpc::params::{PageParams, Params, Reply, reply};
use crate::ports::time::rfc3339;

#[derive(Deserialize)]
struct NewAgentParams {
    slug: String,
    #[serde(default)]
    profile: Value,
    owner: Option<String>,
    title: Option<String>,
    address: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AgentChangeParams {
    agent_id: String,
    profile: Option<Value>,
    owner: Option<String>,
    #[serde(default, deserialize_with = "text_change")]
    title: Option<String>,
    #[serde(default, deserialize_with = "text_change")]
    address: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AgentParams {
    agent_id: String,
}

/// The agents. Their profiles and owners are for admins only.
pub(super) async fn list(context: &MethodContext<'_>, params: Params) -> Reply {
    let window: PageParams = params.decode()?;
    let agents = if context.has_catalog { context.core.directory.agents(&context.caller)? } else { Vec::new() };
    let project = Resource::Project(&context.caller.project_id);
    let is_admin = authorize(&context.caller, Action::Administer, project).is_ok();
    let shown = |agent: Agent| if is_admin { shown(&agent) } else { outline(&agent) };
    reply(&window.page(agents, |agent| &agent.slug)?.map(shown))
}

pub(super) async fn create(context: &MethodContext<'_>, params: Params) -> Reply {
    let NewAgentParams { slug, profile, owner, title, address } = params.decode()?;
    let admin = context.core.admin.of(&context.caller)?;
    let new = admin::NewAgent { profile: read(profile)?, owner, title, address };
    reply(&shown(&admin.add_agent(&slug, new).await?))
}

pub(super) async fn update(context: &MethodContext<'_>, params: Params) -> Reply {
    let AgentChangeParams { agent_id, profile, owner, title, address } = params.decode()?;
    let change = agent_change(profile.map(read).transpose()?, owner, title, address)?;
    reply(&shown(&context.core.admin.of(&context.caller)?.change_agent(&agent_id, change).await?))
}

pub(super) async fn delete(context: &MethodContext<'_>, params: Params) -> Reply {
    let AgentParams { agent_id } = params.decode()?;
    context.core.admin.of(&context.caller)?.remove_agent(&agent_id).await?;
    reply(&json!({"deleted": true}))
}

/// A profile, or a change of one; without it, the default, which is an agent that answers commands or no change.
fn read<P: Default + DeserializeOwned>(profile: Value) -> Result<P, RpcError> {
    match profile {
        Value::Null => Ok(P::default()),
        profile @ Value::Object(_) => {
            serde_json::from_value(profile).map_err(|error| invalid(format!("`profile`: {error}")))
        }
        _ => Err(invalid("`profile` must be an object")),
    }
}

fn shown(agent: &Agent) -> Value {
    let mut shown = outline(agent);
    shown["profile"] = json!(*agent.profile);
    shown["owner"] = json!(agent.owner);
    shown
}

fn outline(agent: &Agent) -> Value {
    json!({
        "id": agent.id.as_str(),
        "slug": agent.slug,
        "title": agent.title,
        "address": agent.address,
        "kind": agent.profile.kind,
        "createdAt": rfc3339(agent.created_ms),
    })
}
