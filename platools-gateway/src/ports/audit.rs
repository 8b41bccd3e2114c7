//! [`AuditStore`]: the port that stores audit events.

use async_trait::async_trait;

use crate::domain::audit::{AuditEvent, AuditFilter, AuditRetention, AuditScope};
use crate::domain::error::Error;

/// Stores audit events. The event of a change of the directory is stored with the change; see
/// [`recording`](super::directory::DirectoryStore::recording).
#[async_trait]
pub(crate) trait AuditStore: std::fmt::Debug + Send + Sync {
    /// Stores events, all or none. An event that is stored already stays as it is: a write whose end was not seen may be
    /// repeated.
    async fn add_audit_events(&self, events: &[AuditEvent]) -> Result<(), Error>;

    /// Events of a scope, newest first.
    async fn audit_events(
        &self,
        scope: &AuditScope,
        filter: &AuditFilter,
        limit: i64,
    ) -> Result<Vec<AuditEvent>, Error>;

    /// Deletes some of the events that are too old or too many. Returns how many.
    async fn prune_audit_events(&self, retention: AuditRetention) -> Result<u64, Error>;
}
