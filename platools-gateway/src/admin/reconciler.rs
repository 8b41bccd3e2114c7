//! [`Reconciler`]: applies changes of the directory to open links, sockets and dashboards, and to the catalog.

use std::sync::Arc;

use crate::catalog::Catalog;
use crate::connections::Callers;
use crate::directory::Directory;
use crate::domain::error::Error;
use crate::domain::identity::{Credential, Identity};
use crate::feed::Dashboards;
use crate::links::{Closing, Links};
use crate::ports::time::now_ms;
use crate::ports::tool_changes::ToolChanges;

/// Applies changes of the directory, also those of other processes, to links, sockets, dashboards, and the catalog.
#[derive(Debug)]
pub(crate) struct Reconciler {
    pub(crate) directory: Arc<Directory>,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) tool_changes: Arc<dyn ToolChanges>,
    pub(crate) links: Arc<Links>,
    pub(crate) callers: Arc<Callers>,
    pub(crate) dashboards: Arc<Dashboards>,
}

impl Reconciler {
    /// Reads the directory again, and applies its changes. If the database fails, credentials still end by the present directory.
    ///
    /// # Errors
    /// The database failed.
    pub(crate) async fn reconcile(&self) -> Result<(), Error> {
        // The keys are read also while the database does not answer.
        let (refreshed, _) = tokio::join!(self.directory.refresh(), self.directory.refresh_signing_keys());
        let snapshot = self.directory.snapshot();
        let gone = self.catalog.retain(|scope| snapshot.has(scope));
        gone.iter().for_each(|scope| self.tool_changes.notify(scope));
        self.dashboards.apply_directory();
        self.end_credentials();
        refreshed
    }

    /// Ends links and sockets whose credential has ended. Never waits.
    pub(crate) fn end_credentials(&self) {
        let (snapshot, now_ms) = (self.directory.snapshot(), now_ms());
        let has_ended = |link: &Identity, credential: &Credential| {
            // A token of an earlier version stays good by itself when its entity is gone, and any when its environment is.
            !snapshot.has(&link.scope()) || !snapshot.is_good(credential, now_ms)
        };
        self.links.close_where(has_ended, Closing::SecretRotated);
        self.callers.dismiss_ended();
    }
}
