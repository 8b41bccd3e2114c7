//! [`JournalStore`]: the port that stores the calls that ended.

use async_trait::async_trait;

use crate::domain::call::{CallFilter, CallRetention, StoredCall};
use crate::domain::error::Error;
use crate::domain::ids::{CallId, ProjectId};
use crate::domain::page::Listing;

/// Stores the calls that ended.
#[async_trait]
pub(crate) trait JournalStore: std::fmt::Debug + Send + Sync {
    /// Stores calls, all or none. A call that is stored already stays as it is: a write whose end was not seen may be repeated.
    /// Returns the bytes of all calls together.
    async fn add_calls(&self, calls: &[StoredCall]) -> Result<i64, Error>;

    /// Deletes some of the oldest calls, if they may not stay. Returns how many. A store that keeps each day apart deletes calls that are too
    /// old with their day, once all of it is.
    async fn prune_calls(&self, retention: CallRetention) -> Result<u64, Error>;

    /// Calls of a project, newest first, without their arguments and results. A list that looks at too many calls for one page ends
    /// before the page is full, and returns where it goes on.
    async fn calls(
        &self,
        project: &ProjectId,
        filter: &CallFilter,
        limit: i64,
    ) -> Result<Listing<StoredCall, (i64, CallId)>, Error>;

    /// Finds a call of a project.
    async fn call(&self, project: &ProjectId, call_id: &str) -> Result<Option<StoredCall>, Error>;
}
