//! [`Departures`]: pools that lost tools with a link, and when these leave the catalogue.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::registration::Registrations;
use crate::catalog::{GRACE, Rest, Settled};
use crate::domain::identity::Scope;

/// The time between two looks for tools whose grace is over, which is not exact.
const LOOK: Duration = Duration::from_secs(1);

/// The scopes whose last registration kept tools that no live link declared, and when these are pruned.
#[derive(Debug, Default)]
pub(crate) struct Departures(Mutex<HashMap<Scope, Instant>>);

impl Departures {
    /// Has the tools pruned that no link of a scope declares when their grace is over.
    pub(crate) fn prune_later(&self, scope: Scope) {
        self.lock().insert(scope, Instant::now() + GRACE);
    }

    /// Takes out the scopes whose grace is over.
    fn take_due(&self, now: Instant) -> Vec<Scope> {
        self.lock().extract_if(|_, due| *due <= now).map(|(scope, _)| scope).collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Scope, Instant>> {
        // Every section leaves the table whole, so a panic in another task spoils nothing.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Registrations {
    /// Keeps the catalogues of pools right when links end. Never returns.
    pub(crate) async fn settle_departures(self: Arc<Self>) {
        loop {
            // Both arms are cancel-safe.
            tokio::select! {
                departed = self.workers.departed() => {
                    for scope in departed {
                        self.settle(&scope, Rest::Kept).await;
                    }
                }
                () = sleep(LOOK) => {}
            }
            for scope in self.departures.take_due(Instant::now()) {
                self.settle(&scope, Rest::Pruned).await;
            }
        }
    }

    async fn settle(&self, scope: &Scope, rest: Rest) {
        match self.catalog.settle(scope, rest, || self.workers.members(scope)).await {
            Ok(Settled { changes, keeps_departed }) => {
                if changes.is_any() {
                    let (updated, pruned) = (changes.updated, changes.pruned);
                    tracing::info!(entity.id = %scope.entity, updated, pruned, "tools changed because workers left");
                    self.notify_tools_changed(scope);
                }
                if keeps_departed && rest == Rest::Pruned {
                    self.departures.prune_later(scope.clone());
                }
            }
            Err(error) => tracing::error!(%error, entity.id = %scope.entity, "tools of a pool could not be stored"),
        }
    }
}
