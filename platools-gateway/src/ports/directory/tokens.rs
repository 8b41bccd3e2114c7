//! [`TokenStore`]: the port that stores the records of signed tokens.

use async_trait::async_trait;

use crate::domain::error::Error;
use crate::domain::identity::Credential;
use crate::domain::ids::ProjectId;
use crate::domain::token::{StoredToken, TokenAddition, TokenPage};

/// Stores the records of signed tokens.
#[async_trait]
pub(crate) trait TokenStore: std::fmt::Debug + Send + Sync {
    /// Records a token, if its parents are valid and the project has fewer than `limit`. Where there is no room, tokens that have
    /// ended make it.
    async fn add_token(&self, token: &StoredToken, parents: &[Credential], limit: i64) -> Result<TokenAddition, Error>;

    /// The valid tokens of a project, latest first.
    async fn tokens(&self, page: TokenPage<'_>) -> Result<Vec<StoredToken>, Error>;

    /// A token of a project.
    async fn token(&self, project: &ProjectId, id: &str) -> Result<Option<StoredToken>, Error>;

    /// Revokes a valid token of a project, with all that it minted. Returns true if there was one.
    async fn revoke_token(&self, project: &ProjectId, id: &str, now_ms: i64) -> Result<bool, Error>;

    /// Forgets some tokens that ended before a moment. Returns how many.
    async fn forget_tokens(&self, ended_before_ms: i64) -> Result<u64, Error>;
}
