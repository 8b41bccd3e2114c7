//! [`AgentStore`]: the port that stores agents.

use async_trait::async_trait;

use crate::domain::agent::{Agent, AgentChange};
use crate::domain::error::Error;
use crate::domain::ids::AgentId;

/// Stores agents. No two agents of a project have the same address, whether it was given to them or is their slug.
#[async_trait]
pub(crate) trait AgentStore: std::fmt::Debug + Send + Sync {
    /// Adds an agent, unless the project has `limit` of them. Returns true if its slug was free.
    ///
    /// # Errors
    /// The project has too many, its slug or address is another agent's address, or the database failed.
    async fn add_agent(&self, agent: &Agent, limit: u32) -> Result<bool, Error>;

    /// Changes an agent's names, profile and owner. The profile is read and written in one transaction.
    ///
    /// # Errors
    /// The address is another agent's, or the database failed.
    async fn change_agent(&self, id: &AgentId, change: &AgentChange) -> Result<(), Error>;

    /// Removes an agent, its keys and its conversations.
    async fn remove_agent(&self, agent: &AgentId) -> Result<(), Error>;
}
