//! [`CatalogStore`]: the port that stores the declared tools of each scope.

use async_trait::async_trait;

use crate::domain::error::Error;
use crate::domain::generation::Generation;
use crate::domain::identity::{Identity, Scope};
use crate::domain::tool::StoredTool;

/// Stores the declared tools of each scope.
#[async_trait]
pub(crate) trait CatalogStore: std::fmt::Debug + Send + Sync {
    /// Every tool with its owner, in the order in which its worker declared it. A tool that cannot be read is left out, and is back
    /// once its worker declares it again.
    async fn tools(&self) -> Result<Vec<(Identity, StoredTool)>, Error>;

    /// The tools of one entity in one environment, like [`CatalogStore::tools`].
    async fn tools_of(&self, scope: &Scope) -> Result<Vec<(Identity, StoredTool)>, Error>;

    /// The latest generation that tools were written with.
    async fn latest_generation(&self) -> Result<Option<Generation>, Error>;

    /// Replaces the tools of one entity in one environment, unless they were written with a later generation. Returns true if it did.
    async fn replace_tools(&self, scope: &Scope, generation: Generation, tools: &[StoredTool]) -> Result<bool, Error>;
}

/// Observer of the tools that this gateway writes. It must neither wait nor panic.
pub(crate) trait CatalogObserver: std::fmt::Debug + Send + Sync {
    /// The tools of a scope were written with a generation.
    fn written(&self, scope: &Scope, generation: Generation);
}
