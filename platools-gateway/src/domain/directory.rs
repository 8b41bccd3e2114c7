//! [`DirectoryContents`]: the whole directory at one revision. [`DirectoryUpdate`]: the changes since a revision.

use super::agent::Agent;
use super::entity::{Entity, EntitySecret};
use super::environment::Environment;
use super::identity::Scope;
use super::ids::{AgentId, EntityId, KeyId, ProjectId};
use super::key::StoredKey;
use super::project::Project;

/// The contents of the directory at one revision.
#[derive(Debug, Default)]
pub(crate) struct DirectoryContents {
    pub(crate) revision: i64,
    pub(crate) projects: Vec<Project>,
    pub(crate) environments: Vec<(ProjectId, Environment)>,
    pub(crate) entities: Vec<Entity>,
    pub(crate) secrets: Vec<EntitySecret>,
    pub(crate) agents: Vec<Agent>,
    pub(crate) keys: Vec<StoredKey>,
    /// The ids of tokens that were revoked, and their projects.
    pub(crate) revoked_tokens: Vec<(String, ProjectId)>,
    /// The tools that are switched off, whether they are declared at the moment or not.
    pub(crate) disabled_tools: Vec<(Scope, String)>,
}

/// The changes of the directory after a revision.
#[derive(Debug)]
pub(crate) struct DirectoryUpdate {
    pub(crate) revision: i64,
    pub(crate) changes: Vec<DirectoryChange>,
}

/// A part of the directory as it is now. Without a value, it is gone.
#[derive(Debug)]
pub(crate) enum DirectoryChange {
    Project(ProjectId, Option<Box<DirectoryContents>>),
    Environments(ProjectId, Vec<Environment>),
    Entity(EntityId, Option<EntityContents>),
    Agent(AgentId, Option<Agent>),
    Key(KeyId, Option<StoredKey>),
    Tokens(ProjectId, Vec<(String, ProjectId)>),
}

/// An entity with everything that belongs to it.
#[derive(Debug)]
pub(crate) struct EntityContents {
    pub(crate) entity: Entity,
    pub(crate) secrets: Vec<EntitySecret>,
    pub(crate) disabled_tools: Vec<(Scope, String)>,
}
