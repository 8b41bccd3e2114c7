//! [`KeyStore`]: the port that stores the keys of callers.

use async_trait::async_trait;

use crate::domain::error::Error;
use crate::domain::identity::Credential;
use crate::domain::ids::{KeyId, ProjectId};
use crate::domain::key::{KeyRemoval, StoredKey};

/// Stores callers' keys.
#[async_trait]
pub(crate) trait KeyStore: std::fmt::Debug + Send + Sync {
    /// Adds a key, unless a credential that makes it has ended, or the project has `limit` of them. Returns true if it was added.
    async fn add_key(&self, key: &StoredKey, makers: &[Credential], limit: u32) -> Result<bool, Error>;

    /// Adds a key, unless there is any. Returns true if it was added.
    async fn add_first_key(&self, key: &StoredKey) -> Result<bool, Error>;

    /// Removes a key of a project, and its tokens, unless it is the last that administers the project.
    async fn remove_key(&self, project: &ProjectId, key: &KeyId) -> Result<KeyRemoval, Error>;

    /// Stores when keys and tokens were last used. The directory's revision stays.
    async fn store_last_uses(&self, uses: &[(String, i64)]) -> Result<(), Error>;
}
