//! [`DirectoryStore`]: the port that stores organizations, projects, environments, entities, agents, keys and tokens.
//!
//! Each change raises the directory's revision and notes the changed parts, in the same transaction. A gateway reads only those parts
//! again, also when another gateway made the change.

mod agents;
mod entities;
mod keys;
mod projects;
mod signing_keys;
mod tokens;

use std::sync::Arc;

use async_trait::async_trait;

pub(crate) use agents::AgentStore;
pub(crate) use entities::EntityStore;
pub(crate) use keys::KeyStore;
pub(crate) use projects::ProjectStore;
pub(crate) use signing_keys::SigningKeyStore;
pub(crate) use tokens::TokenStore;

use crate::domain::audit::AuditEvent;
use crate::domain::directory::{DirectoryContents, DirectoryUpdate};
use crate::domain::error::Error;

/// Observer of the revisions of the directory that this gateway has read. It must neither wait nor panic.
pub(crate) trait DirectoryObserver: std::fmt::Debug + Send + Sync {
    /// The directory has a revision that was not known here.
    fn changed(&self, revision: i64);
}

/// Stores the directory.
#[async_trait]
pub(crate) trait DirectoryStore:
    ProjectStore + EntityStore + AgentStore + KeyStore + TokenStore + SigningKeyStore
{
    /// The same store, whose next change of the directory records the event in its own transaction: either both are stored, or
    /// neither is.
    fn recording(&self, event: &Arc<AuditEvent>) -> Arc<dyn DirectoryStore>;

    /// The revision of the directory.
    async fn directory_revision(&self) -> Result<i64, Error>;

    /// Reads the contents of the directory at one revision.
    async fn directory(&self) -> Result<DirectoryContents, Error>;

    /// The parts of the directory that changed after a revision; none if it is not known which they are.
    async fn directory_since(&self, revision: i64) -> Result<Option<DirectoryUpdate>, Error>;
}
