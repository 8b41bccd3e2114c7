//! [`Entity`]: the JSON of an entity, and the policy in a request to add one.

use secrecy::ExposeSecret as _;
use serde::Serialize;
use utoipa::ToSchema;

use super::Misfit;
use crate::admin::{self, WithSecret};
use crate::domain::identity::Policy;
use crate::ports::time::rfc3339;

/// An entity, under which workers connect.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::listen) struct Entity {
    id: String,
    /// Its name in URLs.
    slug: String,
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

/// The policy of that name; the default if none is named.
pub(in crate::listen) fn policy_of(name: Option<&str>) -> Result<Policy, Misfit> {
    let policy = name.map_or(Some(Policy::default()), Policy::from_name);
    policy.ok_or(Misfit("`policy` must be supersede or pool"))
}
