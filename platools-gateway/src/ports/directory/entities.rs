//! [`EntityStore`]: the port that stores entities, their secrets, and which of their tools are switched off.

use async_trait::async_trait;

use crate::domain::entity::{Entity, EntitySecret, NewSecret};
use crate::domain::error::Error;
use crate::domain::identity::Scope;
use crate::domain::ids::EntityId;

/// Stores entities, their secrets, and their tools that are switched off.
#[async_trait]
pub(crate) trait EntityStore: std::fmt::Debug + Send + Sync {
    /// Adds an entity with its first secret, unless the project has `limit` of them. Returns true if its slug was free.
    async fn add_entity(&self, entity: &Entity, secret: &EntitySecret, limit: u32) -> Result<bool, Error>;

    /// Gives an entity another secret. Its other ones end at the time that the new one names.
    async fn rotate_secret(&self, new: &NewSecret<'_>) -> Result<(), Error>;

    /// Removes an entity, its secrets and its tools.
    async fn remove_entity(&self, entity: &EntityId) -> Result<(), Error>;

    /// Switches a tool off.
    async fn disable_tool(&self, scope: &Scope, name: &str) -> Result<(), Error>;

    /// Switches a tool on again.
    async fn enable_tool(&self, scope: &Scope, name: &str) -> Result<(), Error>;
}
