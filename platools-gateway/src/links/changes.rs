//! `LinkChanges`: notes the time of the last change of each scope's links, and wakes the calls that wait for a link of the scope.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::domain::identity::Scope;
use crate::domain::lock::lock;

/// A worker is expected back for so long after the last change of its scope's links. The same holds after the start of the gateway, which
/// ended the links of all workers.
const RECONNECTING: Duration = Duration::from_secs(60);

/// Scopes whose last change is remembered; the calls of further ones do not wait.
const MAX_SCOPES: usize = 100_000;

/// The time of the last change of each scope's links: one came, registered, stopped or ended. Clones share one state.
#[derive(Debug, Clone)]
pub(crate) struct LinkChanges {
    started: Instant,
    table: Arc<Mutex<ChangeTable>>,
}

#[derive(Debug, Default)]
struct ChangeTable {
    last: HashMap<Scope, Instant>,
    /// The scopes that calls wait for.
    awaited: HashMap<Scope, watch::Sender<()>>,
}

impl Default for LinkChanges {
    fn default() -> Self {
        Self { started: Instant::now(), table: Arc::default() }
    }
}

impl LinkChanges {
    /// Notes a change, and wakes the calls that wait for one.
    pub(crate) fn note(&self, scope: &Scope) {
        let mut table = lock(&self.table);
        if table.last.len() >= MAX_SCOPES {
            table.sweep();
        }
        if table.last.len() < MAX_SCOPES {
            table.last.insert(scope.clone(), Instant::now());
        }
        if let Some(awaited) = table.awaited.get(scope) {
            awaited.send_replace(());
        }
    }

    /// True if a worker of the scope is expected to connect or to register soon.
    pub(super) fn is_reconnecting(&self, scope: &Scope) -> bool {
        let last = lock(&self.table).last.get(scope).copied();
        last.into_iter().chain([self.started]).any(|moment| moment.elapsed() < RECONNECTING)
    }

    /// Forgets changes that are long over.
    pub(super) fn sweep(&self) {
        lock(&self.table).sweep();
    }

    /// Takes notice of the changes of a scope from now on.
    pub(super) fn subscribe(&self, scope: &Scope) -> LinkSubscription {
        let changes = lock(&self.table).awaited.entry(scope.clone()).or_default().subscribe();
        LinkSubscription { of: self.clone(), scope: scope.clone(), changes }
    }
}

impl ChangeTable {
    fn sweep(&mut self) {
        self.last.retain(|_, moment| moment.elapsed() < RECONNECTING);
    }
}

/// The changes of one scope.
pub(super) struct LinkSubscription {
    of: LinkChanges,
    scope: Scope,
    changes: watch::Receiver<()>,
}

impl LinkSubscription {
    /// Waits for the next change. Cancel-safe.
    pub(super) async fn next(&mut self) {
        if self.changes.changed().await.is_err() {
            // The sender stays as long as there is a subscription.
            std::future::pending().await
        }
    }
}

impl Drop for LinkSubscription {
    fn drop(&mut self) {
        let mut table = lock(&self.of.table);
        // This one is still counted.
        if table.awaited.get(&self.scope).is_some_and(|awaited| awaited.receiver_count() <= 1) {
            table.awaited.remove(&self.scope);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    fn scope(entity: &str) -> Scope {
        Scope { entity: entity.into(), environment: "env".into() }
    }

    #[tokio::test(start_paused = true)]
    async fn a_worker_is_expected_back_for_a_minute_after_the_last_change_and_after_the_start() {
        let changes = LinkChanges::default();
        assert!(changes.is_reconnecting(&scope("any")));
        tokio::time::advance(RECONNECTING).await;
        assert!(!changes.is_reconnecting(&scope("any")));
        changes.note(&scope("a"));
        assert!(changes.is_reconnecting(&scope("a")) && !changes.is_reconnecting(&scope("b")));
        tokio::time::advance(RECONNECTING).await;
        assert!(!changes.is_reconnecting(&scope("a")));
        lock(&changes.table).sweep();
        assert!(lock(&changes.table).last.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn changes_of_more_scopes_than_are_remembered_wake_calls_all_the_same() {
        let changes = LinkChanges::default();
        (0..MAX_SCOPES).for_each(|number| changes.note(&scope(&number.to_string())));
        let mut subscription = changes.subscribe(&scope("more"));
        changes.note(&scope("more"));
        subscription.next().now_or_never().expect("it is told of the change");
        assert_eq!(lock(&changes.table).last.len(), MAX_SCOPES);
        tokio::time::advance(RECONNECTING).await;
        changes.note(&scope("more"));
        assert_eq!(lock(&changes.table).last.len(), 1);
    }

    #[tokio::test]
    async fn nothing_is_kept_of_calls_that_wait_no_longer() {
        let changes = LinkChanges::default();
        let (first, mut second) = (changes.subscribe(&scope("a")), changes.subscribe(&scope("a")));
        drop(first);
        changes.note(&scope("a"));
        second.next().now_or_never().expect("it is told of the change");
        drop(second);
        assert!(lock(&changes.table).awaited.is_empty());
    }
}
