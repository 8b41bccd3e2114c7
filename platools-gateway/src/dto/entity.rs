//! [`EntityDto`]: the JSON of an entity.

use secrecy::ExposeSecret as _;
use serde::Serialize;
use utoipa::ToSchema;

use crate::admin::WithSecret;
use crate::domain::entity::Entity;
use crate::ports::time::rfc3339;

/// An entity, under which workers connect.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Entity)]
pub struct EntityDto {
    id: String,
    /// Its name in URLs.
    slug: String,
    /// `supersede`: a new worker takes the place of the one before. `pool`: all stay.
    policy: &'static str,
    created_at: String,
}

/// An entity with the secret of its workers, which is shown this once.
#[derive(Debug, Serialize, ToSchema)]
pub struct EntityWithSecret {
    entity: EntityDto,
    secret: String,
}

impl From<Entity> for EntityDto {
    fn from(entity: Entity) -> Self {
        Self {
            id: entity.id.to_string(),
            slug: entity.slug,
            policy: entity.policy.as_str(),
            created_at: rfc3339(entity.created_ms),
        }
    }
}

impl From<WithSecret<Entity>> for EntityWithSecret {
    fn from(added: WithSecret<Entity>) -> Self {
        Self { entity: added.new.into(), secret: added.secret.expose_secret().to_owned() }
    }
}
