//! Who may connect and who may call.

use secrecy::{ExposeSecret as _, SecretString};

use super::environment::{self, Environment};
use super::error::{Error, ErrorKind};
use super::identity::{Caller, Identity, Role};
use super::ids::{EntityId, ProjectId};
use super::secret;
use crate::store::{NewKey, Store};

/// An entity's slug may be so many characters long.
const MAX_SLUG_CHARS: usize = 64;

/// What a worker says about itself when it connects.
#[derive(Debug, Clone, Default)]
pub struct Claim {
    /// The bearer token.
    pub secret: Option<SecretString>,
    /// The entity's slug or id. Without one, the secret alone says which entity it is.
    pub entity: Option<String>,
    /// The environment's slug or id.
    pub environment: Option<String>,
}

/// Why a worker is turned away. The text is what the worker is told.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// It brought no secret.
    #[error("missing bearer token: connect with the header `Authorization: Bearer <secret>`")]
    NoBearer,
    /// Its secret is not known, or is not the one of the entity it names. It is never told which.
    #[error("unknown entity or secret")]
    Unknown,
    /// Its entity's project has no such environment.
    #[error("unknown environment")]
    UnknownEnvironment,
    /// The gateway could not tell.
    #[error("the gateway could not check the secret; try again")]
    Unavailable(#[source] Error),
    /// The gateway could not tell in time.
    #[error("the gateway could not check the secret in time; try again")]
    TookTooLong,
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Unavailable(error)
    }
}

/// One entity, for a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entity {
    /// Its id.
    pub id: EntityId,
    /// Its name in URLs.
    pub slug: String,
}

/// Organizations, projects, environments, entities, agents and keys.
#[derive(Debug)]
pub(crate) struct Directory {
    store: Store,
    project: ProjectId,
}

impl Directory {
    /// Opens the directory, and makes what every gateway has.
    pub(crate) async fn open(store: Store) -> Result<Self, Error> {
        let project = store.default_project().await?;
        Ok(Self { store, project })
    }

    /// Finds out who a worker is.
    pub(crate) async fn authenticate_worker(&self, claim: &Claim) -> Result<Identity, Refusal> {
        let secret = claim.secret.as_ref().ok_or(Refusal::NoBearer)?;
        let hash = secret::hash(secret.expose_secret());
        let (stored, entity) = self.store.entity_by_secret(&hash).await?.ok_or(Refusal::Unknown)?;
        let named = claim.entity.as_deref().is_none_or(|name| name == entity.slug || name == entity.id.as_str());
        if !(secret::same(&stored, &hash) && named) {
            return Err(Refusal::Unknown);
        }
        let environments = self.store.environments(&entity.project_id).await?;
        let environment = environment::resolve(&environments, claim.environment.as_deref());
        let environment = environment.ok_or(Refusal::UnknownEnvironment)?;
        Ok(Identity {
            organization_id: entity.organization_id,
            project_id: entity.project_id,
            environment_id: environment.id.clone(),
            environment: environment.slug.clone(),
            entity_id: entity.id,
            entity: entity.slug,
        })
    }

    /// Finds out whose key this is.
    pub(crate) async fn authenticate_caller(&self, key: &SecretString) -> Result<Caller, Error> {
        let unknown = || Error::new(ErrorKind::Unauthenticated, "unknown key");
        let hash = secret::hash(key.expose_secret());
        let row = self.store.key(&hash).await?.filter(|row| secret::same(&row.hash, &hash)).ok_or_else(unknown)?;
        let role = Role::from_name(&row.role).ok_or_else(unknown)?;
        Ok(Caller { key_id: row.id, project_id: row.project_id, role, agent_id: row.agent_id })
    }

    /// Finds the environment a caller means.
    pub(crate) async fn environment(&self, project: &ProjectId, wanted: Option<&str>) -> Result<Environment, Error> {
        let environments = self.store.environments(project).await?;
        environment::resolve(&environments, wanted)
            .cloned()
            .ok_or_else(|| Error::new(ErrorKind::InvalidRequest, "unknown environment"))
    }

    /// Adds an entity that connects with `secret`.
    pub(crate) async fn add_entity(&self, slug: &str, secret: &SecretString) -> Result<(), Error> {
        check_slug(slug)?;
        let hash = secret::hash(secret.expose_secret());
        match self.store.add_entity(&self.project, slug, &hash).await? {
            Some(_) => Ok(()),
            None => Err(Error::new(ErrorKind::AlreadyExists, format!("there is an entity `{slug}` already"))),
        }
    }

    /// The entities, by slug.
    pub(crate) async fn entities(&self) -> Result<Vec<Entity>, Error> {
        let rows = self.store.entities(&self.project).await?;
        Ok(rows.into_iter().map(|row| Entity { id: row.id, slug: row.slug }).collect())
    }

    /// Replaces an entity's secrets. Returns the entity.
    pub(crate) async fn rotate(&self, slug: &str, secret: &SecretString) -> Result<EntityId, Error> {
        let unknown = || Error::new(ErrorKind::NotFound, format!("there is no entity `{slug}`"));
        let entity = self.entities().await?.into_iter().find(|entity| entity.slug == slug).ok_or_else(unknown)?;
        self.store.replace_secrets(&entity.id, &secret::hash(secret.expose_secret())).await?;
        Ok(entity.id)
    }

    /// Adds a key of a role.
    pub(crate) async fn add_key(&self, role: Role, key: &SecretString) -> Result<(), Error> {
        let hash = secret::hash(key.expose_secret());
        self.store.add_key(&self.project, NewKey { hash: &hash, role, agent_id: None }).await?;
        Ok(())
    }

    /// Adds an agent that calls tools with `key`.
    pub(crate) async fn add_agent(&self, slug: &str, key: &SecretString) -> Result<(), Error> {
        check_slug(slug)?;
        let agent = self.store.add_agent(&self.project, slug).await?;
        let hash = secret::hash(key.expose_secret());
        self.store.add_key(&self.project, NewKey { hash: &hash, role: Role::Operator, agent_id: Some(&agent) }).await?;
        Ok(())
    }

    /// Whether the gateway starts for the first time: nobody has a key yet.
    pub(crate) async fn is_new(&self) -> Result<bool, Error> {
        self.store.has_no_keys().await
    }
}

/// Slugs go into URLs and logs: letters, digits, `-`, `_` and `.`, the first a letter or digit.
fn check_slug(slug: &str) -> Result<(), Error> {
    let allowed = |character: char| character.is_ascii_alphanumeric() || "-_.".contains(character);
    let starts_well = slug.starts_with(|first: char| first.is_ascii_alphanumeric());
    if starts_well && slug.len() <= MAX_SLUG_CHARS && slug.chars().all(allowed) {
        return Ok(());
    }
    let rule = "1 to 64 letters, digits, `-`, `_` and `.`, the first a letter or digit";
    Err(Error::new(ErrorKind::InvalidRequest, format!("{slug:?} is not a slug: {rule}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_are_plain() {
        for slug in ["dev", "orders-backend", "a.b_c", "7"] {
            check_slug(slug).unwrap();
        }
        for slug in ["", "-x", "../x", "a b", "ü", &"x".repeat(65)] {
            assert_eq!(check_slug(slug).unwrap_err().kind(), ErrorKind::InvalidRequest, "{slug}");
        }
    }
}
