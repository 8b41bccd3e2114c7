//! The methods `entities.*`, which list, add and remove entities, and rotate their secrets.

use std::time::Duration;

use serde::Deserialize;
use serde_json::json;

use crate::dto::{EntityDto, EntityWithSecret};
use crate::listen::params::policy_of;
use crate::listen::rpc::method_context::MethodContext;
use crate::listen::rpc::params::{PageParams, Params, Reply, reply};

#[derive(Deserialize)]
struct NewEntityParams {
    slug: String,
    policy: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RotationParams {
    entity_id: String,
    grace_seconds: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EntityParams {
    entity_id: String,
}

pub(super) async fn list(context: &MethodContext<'_>, params: Params) -> Reply {
    let window: PageParams = params.decode()?;
    let entities = context.core.admin.of(&context.caller)?.entities();
    reply(&window.page(entities, |entity| &entity.slug)?.map(EntityDto::from))
}

pub(super) async fn create(context: &MethodContext<'_>, params: Params) -> Reply {
    let NewEntityParams { slug, policy } = params.decode()?;
    let policy = policy_of(policy.as_deref())?;
    reply(&EntityWithSecret::from(context.core.admin.of(&context.caller)?.add_entity(&slug, policy).await?))
}

pub(super) async fn rotate(context: &MethodContext<'_>, params: Params) -> Reply {
    let RotationParams { entity_id, grace_seconds } = params.decode()?;
    let grace = Duration::from_secs(grace_seconds.unwrap_or_default());
    reply(&EntityWithSecret::from(context.core.admin.of(&context.caller)?.rotate_entity(&entity_id, grace).await?))
}

pub(super) async fn delete(context: &MethodContext<'_>, params: Params) -> Reply {
    let EntityParams { entity_id } = params.decode()?;
    context.core.admin.of(&context.caller)?.remove_entity(&entity_id).await?;
    reply(&json!({"deleted": true}))
}
