//! The JSON of an entity, and of requests to make and change one.

use secrecy::ExposeSecret as _;
use serde::{Deserialize as _, Deserializer, Serialize};
use utoipa::ToSchema;

use super::Misfit;
use crate::admin::{self, EntityChange, NewEntity, WithSecret};
use crate::domain::identity::Policy;
use crate::ports::time::rfc3339;

/// An entity, under which workers connect.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::listen) struct Entity {
    id: String,
    /// Its name in URLs.
    slug: String,
    /// The name for people.
    title: Option<String>,
    /// Its image: an `https:` URL, or a `data:` URI.
    icon: Option<String>,
    /// `supersede`: a new worker takes the place of the one before. `pool`: all stay.
    policy: &'static str,
    created_at: String,
}

/// An entity with the secret of its workers, which is shown this once.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::listen) struct EntityWithSecret {
    entity: Entity,
    secret: String,
}

impl From<admin::Entity> for Entity {
    fn from(entity: admin::Entity) -> Self {
        Self {
            id: entity.id.to_string(),
            slug: entity.slug,
            title: entity.title,
            icon: entity.icon,
            policy: entity.policy.as_str(),
            created_at: rfc3339(entity.created_ms),
        }
    }
}

impl From<WithSecret<admin::Entity>> for EntityWithSecret {
    fn from(added: WithSecret<admin::Entity>) -> Self {
        Self { entity: added.new.into(), secret: added.secret.expose_secret().to_owned() }
    }
}

/// Reads what was said of a title or an icon: `null` takes it back, as an empty text does.
pub(in crate::listen) fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(Some(Option::deserialize(deserializer)?.unwrap_or_default()))
}

/// An entity to be, of the policy of that name; of the usual one if none is named.
pub(in crate::listen) fn new_entity(
    policy: Option<&str>,
    title: Option<String>,
    icon: Option<String>,
) -> Result<NewEntity, Misfit> {
    let policy = policy.map_or(Some(Policy::default()), Policy::from_name);
    Ok(NewEntity { policy: policy.ok_or(Misfit("`policy` must be supersede or pool"))?, title, icon })
}

/// A change of an entity that changes something.
pub(in crate::listen) fn entity_change(title: Option<String>, icon: Option<String>) -> Result<EntityChange, Misfit> {
    if title.is_none() && icon.is_none() {
        return Err(Misfit("say what changes: the `title`, or the `icon`"));
    }
    Ok(EntityChange { title, icon })
}
