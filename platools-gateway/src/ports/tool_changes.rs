//! `ToolChanges`: notifies the code that shows lists of tools when the tools of an environment change.

use std::collections::HashMap;
use std::fmt;
use std::sync::Mutex;

use tokio::sync::broadcast;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};

use crate::domain::identity::Scope;
use crate::domain::ids::EnvironmentId;
use crate::domain::lock::lock;

/// Notices of changed tools: a scope has other tools than before, or its worker came or went.
pub(crate) trait ToolChanges: fmt::Debug + Send + Sync {
    /// Notifies the subscribers of the scope's environment.
    fn notify(&self, scope: &Scope);

    /// Subscribes to the changes of one environment from now on.
    fn subscribe(&self, environment: &EnvironmentId) -> ToolChangeListener;
}

/// The notices of one gateway.
///
/// Each environment with subscribers has a queue of its own, so that a busy environment does not wake the subscribers of others.
#[derive(Debug, Default)]
pub(crate) struct LocalToolChanges(Mutex<Environments>);

type Environments = HashMap<EnvironmentId, broadcast::Sender<Scope>>;

impl ToolChanges for LocalToolChanges {
    fn notify(&self, scope: &Scope) {
        let mut environments = lock(&self.0);
        let is_heard =
            environments.get(&scope.environment).is_none_or(|listeners| listeners.send(scope.clone()).is_ok());
        if !is_heard {
            environments.remove(&scope.environment);
        }
    }

    fn subscribe(&self, environment: &EnvironmentId) -> ToolChangeListener {
        let mut environments = lock(&self.0);
        environments.retain(|_, listeners| listeners.receiver_count() > 0);
        let listeners = environments.entry(environment.clone()).or_insert_with(|| broadcast::Sender::new(WAITING));
        ToolChangeListener(listeners.subscribe())
    }
}

impl LocalToolChanges {}

/// The changes of one environment from now on.
#[derive(Debug)]
pub struct ToolChangeListener(broadcast::Receiver<Scope>);

impl ToolChangeListener {
    /// Waits for a change in the scopes that matter. Several changes meanwhile count as one. Cancel-safe.
    pub async fn changed(&mut self, matters: impl Fn(&Scope) -> bool) {
        loop {
            let is_relevant = match self.0.recv().await {
                Ok(scope) => matters(&scope),
                // Missed notices may be of any scope.
                Err(RecvError::Lagged(_)) => true,
                // The gateway is gone, and the waiting task with it.
                Err(RecvError::Closed) => std::future::pending().await,
            };
            if is_relevant {
                return self.catch_up();
            }
        }
    }

    fn catch_up(&mut self) {
        while !matches!(self.0.try_recv(), Err(TryRecvError::Empty | TryRecvError::Closed)) {}
    }
}

/// Notices that wait for a slow listener; past that it only learns that something changed.
const WAITING: usize = 256;

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    fn scope(entity: &str) -> Scope {
        Scope { entity: entity.into(), environment: "env".into() }
    }

    #[tokio::test]
    async fn what_matters_is_told_once_however_often_it_changed() {
        let changes = LocalToolChanges::default();
        let mut told = changes.subscribe(&"env".into());
        changes.notify(&scope("b"));
        assert!(told.changed(|scope| scope.entity.as_str() == "a").now_or_never().is_none());
        for _ in 0..3 {
            changes.notify(&scope("a"));
        }
        told.changed(|scope| scope.entity.as_str() == "a").now_or_never().unwrap();
        assert!(told.changed(|_| true).now_or_never().is_none());
    }

    #[tokio::test]
    async fn a_slow_listener_is_told_that_something_changed() {
        let changes = LocalToolChanges::default();
        let mut told = changes.subscribe(&"env".into());
        for _ in 0..=WAITING {
            changes.notify(&scope("b"));
        }
        told.changed(|_| false).now_or_never().expect("it may have missed what matters");
    }

    #[tokio::test]
    async fn a_busy_environment_makes_no_listener_of_another_look_again() {
        let changes = LocalToolChanges::default();
        let (mut quiet, busy) = (changes.subscribe(&"quiet".into()), changes.subscribe(&"env".into()));
        for _ in 0..10 * WAITING {
            changes.notify(&scope("b"));
        }
        assert!(quiet.changed(|_| true).now_or_never().is_none());
        drop((quiet, busy));
        changes.notify(&scope("b"));
        let _other = changes.subscribe(&"other".into());
        assert_eq!(lock(&changes.0).len(), 1, "nothing is kept of environments without listeners");
    }
}
