//! `entities.*`

use std::time::Duration;

use secrecy::ExposeSecret as _;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Params, Reply, reply};
use crate::core::admin::{Entity, WithSecret};
use crate::core::clock::rfc3339;
use crate::core::identity::Policy;
use crate::listen::rpc::errors::invalid;
use crate::listen::rpc::page::{Window, page};
use crate::listen::rpc::session::Session;

#[derive(Deserialize)]
struct NewEntity {
    slug: String,
    policy: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rotation {
    entity_id: String,
    grace_seconds: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Which {
    entity_id: String,
}

pub(super) async fn list(session: &Session<'_>, params: Params) -> Reply {
    let window: Window = params.decode()?;
    reply(&page(&session.core.admin(&session.caller)?.entities(), window, |entity| &entity.slug, shown)?)
}

pub(super) async fn create(session: &Session<'_>, params: Params) -> Reply {
    let NewEntity { slug, policy } = params.decode()?;
    let policy = policy.as_deref().map_or(Some(Policy::default()), Policy::from_name);
    let policy = policy.ok_or_else(|| invalid("`policy` must be supersede or pool"))?;
    reply(&with_secret(&session.core.admin(&session.caller)?.add_entity(&slug, policy).await?))
}

pub(super) async fn rotate(session: &Session<'_>, params: Params) -> Reply {
    let Rotation { entity_id, grace_seconds } = params.decode()?;
    let grace = Duration::from_secs(grace_seconds.unwrap_or_default());
    reply(&with_secret(&session.core.admin(&session.caller)?.rotate_entity(&entity_id, grace).await?))
}

pub(super) async fn delete(session: &Session<'_>, params: Params) -> Reply {
    let Which { entity_id } = params.decode()?;
    session.core.admin(&session.caller)?.remove_entity(&entity_id).await?;
    reply(&json!({"deleted": true}))
}

fn shown(entity: &Entity) -> Value {
    json!({
        "id": entity.id.as_str(),
        "slug": entity.slug,
        "policy": entity.policy.as_str(),
        "createdAt": rfc3339(entity.created_ms),
    })
}

fn with_secret(added: &WithSecret<Entity>) -> Value {
    json!({"entity": shown(&added.new), "secret": added.secret.expose_secret()})
}
