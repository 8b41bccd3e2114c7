//! [`SigningKeyStore`]: the port that stores the id of the signing key in use. The keys themselves are in a file.

use async_trait::async_trait;

use crate::domain::error::Error;

/// Stores the id of the signing key in use, and erases keys that earlier versions kept in the database.
#[async_trait]
pub(crate) trait SigningKeyStore: std::fmt::Debug + Send + Sync {
    /// The signing key that an earlier version kept in the database, if it is still there.
    async fn stored_signing_key(&self) -> Result<Option<String>, Error>;

    /// Removes the signing keys of earlier versions, also from the pages they were on.
    async fn erase_stored_signing_keys(&self) -> Result<(), Error>;

    /// The id of the key that signs, as it was last noted.
    async fn signing_key_in_use(&self) -> Result<Option<String>, Error>;

    /// Notes the id of the key that signs. It is a change of the directory, so that other processes look at their keys.
    async fn note_signing_key(&self, id: &str) -> Result<(), Error>;
}
