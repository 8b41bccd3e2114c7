//! [`Entity`]: an entity of the directory, and the secrets of its workers.

use super::identity::Policy;
use super::ids::{EntityId, ProjectId, SecretId};

/// An entity.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entity {
    /// Its id.
    pub id: EntityId,
    /// Its project.
    pub project_id: ProjectId,
    /// Its name in URLs.
    pub slug: String,
    /// The rule for several workers of it.
    pub policy: Policy,
    /// Time when it was added, in milliseconds since 1970.
    pub created_ms: i64,
}

#[cfg(test)]
impl Entity {
    /// An entity whose workers are a pool.
    pub(crate) fn sample(project: &ProjectId, slug: &str) -> Self {
        Self {
            id: EntityId::random(),
            project_id: project.clone(),
            slug: slug.to_owned(),
            policy: Policy::Pool,
            created_ms: 0,
        }
    }
}

/// A secret that the workers of an entity connect with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EntitySecret {
    pub(crate) id: SecretId,
    pub(crate) entity_id: EntityId,
    pub(crate) hash: String,
    pub(crate) expires_ms: Option<i64>,
}

#[cfg(test)]
impl EntitySecret {
    /// A secret without an end.
    pub(crate) fn sample(entity_id: &EntityId) -> Self {
        let id = SecretId::random();
        Self { hash: id.to_string(), id, entity_id: entity_id.clone(), expires_ms: None }
    }
}

/// A secret that replaces those of an entity.
#[derive(Debug)]
pub(crate) struct NewSecret<'a> {
    pub(crate) entity_id: &'a EntityId,
    pub(crate) id: &'a SecretId,
    pub(crate) hash: &'a str,
    /// The end of the replaced secrets.
    pub(crate) others_expire_ms: i64,
}
