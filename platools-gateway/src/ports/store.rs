//! [`Storage`]: the trait that combines all store ports. [`StoreFailure`]: the reason why a store failed.

use std::error::Error as _;
use std::fmt;

use async_trait::async_trait;

use super::audit::AuditStore;
use super::catalog::CatalogStore;
use super::channels::ChannelStore;
use super::conversations::ConversationStore;
use super::directory::DirectoryStore;
use super::idempotency::IdempotencyStore;
use super::journal::JournalStore;
use super::retention_clock::RetentionClockStore;
use super::sessions::SessionStore;
use crate::domain::error::Error;

/// All stores of a gateway, which one database implements. A service takes the one it needs.
///
/// A method is one transaction: either all of it is stored, or nothing is. Dropped before its end, it stores nothing or all of it.
#[async_trait]
pub(crate) trait Storage:
    DirectoryStore
    + CatalogStore
    + JournalStore
    + ConversationStore
    + SessionStore
    + ChannelStore
    + IdempotencyStore
    + AuditStore
    + RetentionClockStore
{
    /// True if the database was made when it was opened.
    fn is_made(&self) -> bool;

    /// Closes the database, and waits until it is or took too long.
    async fn close(&self);

    /// Keeps everybody from writing, as a slow disk does, until the guard is dropped.
    #[cfg(test)]
    async fn hold_writes(&self) -> Box<dyn Send>;
}

/// The cause of an error of a store, in the database's words.
#[derive(Debug)]
pub(crate) struct StoreFailure {
    text: String,
    extent: FailureExtent,
}

/// The part of the database's work that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FailureExtent {
    /// The database as a whole, so that the same write may succeed later.
    Database,
    /// A transaction that the database ended in favor of another. The same write may succeed at once.
    Transaction,
    /// A statement that the database refused. It may take others.
    Statement,
}

impl StoreFailure {
    /// A failure of the database or of one statement.
    pub(crate) fn new(text: String, extent: FailureExtent) -> Self {
        Self { text, extent }
    }
}

impl fmt::Display for StoreFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for StoreFailure {}

/// True if the same write may succeed later. Otherwise the database refused a statement.
pub(crate) fn is_database_failure(error: &Error) -> bool {
    extent(error) != FailureExtent::Statement
}

/// True if the database ended the transaction in favor of another, so that the same write may succeed at once.
pub(crate) fn is_conflict(error: &Error) -> bool {
    extent(error) == FailureExtent::Transaction
}

/// The part that failed. An error that says nothing of it is one of the database.
fn extent(error: &Error) -> FailureExtent {
    let failure = error.source().and_then(|source| source.downcast_ref::<StoreFailure>());
    failure.map_or(FailureExtent::Database, |failure| failure.extent)
}
