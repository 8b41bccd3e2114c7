//! [`PruneSchedule`]: the scopes with tools that no live link declares, and the time at which these tools leave the catalog.

use std::collections::HashMap;
use std::sync::Mutex;

use tokio::time::Instant;

use crate::catalog::GRACE;
use crate::domain::identity::Scope;
use crate::domain::lock::lock;

/// The scopes whose last registration kept tools that no live link declared, and when these are pruned.
#[derive(Debug, Default)]
pub(crate) struct PruneSchedule(Mutex<HashMap<Scope, Instant>>);

impl PruneSchedule {
    /// Has the tools pruned that no link of a scope declares when their grace is over.
    pub(crate) fn prune_later(&self, scope: Scope) {
        lock(&self.0).insert(scope, Instant::now() + GRACE);
    }

    /// Takes out the scopes whose grace is over.
    pub(super) fn take_due(&self, now: Instant) -> Vec<Scope> {
        lock(&self.0).extract_if(|_, due| *due <= now).map(|(scope, _)| scope).collect()
    }
}
