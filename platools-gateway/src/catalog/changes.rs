//! `News`: notices that the tools of an environment changed, for whoever shows a list of them and keeps it right.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::broadcast;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};

use crate::domain::identity::Scope;
use crate::domain::ids::EnvironmentId;

/// Notices that wait for a slow listener; past that it only learns that something changed.
const WAITING: usize = 256;

/// Tells that the tools of some scope are others than before, or that their worker came or went.
///
/// Each environment that somebody listens to has a queue of its own, so that a busy one makes no listener of another one look
/// again.
#[derive(Debug, Clone, Default)]
pub(crate) struct News(Arc<Mutex<Environments>>);

type Environments = HashMap<EnvironmentId, broadcast::Sender<Scope>>;

impl News {
    pub(crate) fn tell(&self, scope: &Scope) {
        let mut environments = self.lock();
        let is_heard =
            environments.get(&scope.environment).is_none_or(|listeners| listeners.send(scope.clone()).is_ok());
        if !is_heard {
            environments.remove(&scope.environment);
        }
    }

    pub(crate) fn listen(&self, environment: &EnvironmentId) -> ToolNews {
        let mut environments = self.lock();
        environments.retain(|_, listeners| listeners.receiver_count() > 0);
        let listeners = environments.entry(environment.clone()).or_insert_with(|| broadcast::Sender::new(WAITING));
        ToolNews(listeners.subscribe())
    }

    fn lock(&self) -> MutexGuard<'_, Environments> {
        // Every section leaves the table whole, so a panic in another task spoils nothing.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The changes of one environment from now on.
#[derive(Debug)]
pub struct ToolNews(broadcast::Receiver<Scope>);

impl ToolNews {
    /// Waits until something changed in the scopes that matter. What changed several times meanwhile counts once.
    /// Cancel-safe.
    pub async fn changed(&mut self, matters: impl Fn(&Scope) -> bool) {
        loop {
            let is_news = match self.0.recv().await {
                Ok(scope) => matters(&scope),
                // It is not known what was missed.
                Err(RecvError::Lagged(_)) => true,
                // The core is gone, and whoever waits goes as well.
                Err(RecvError::Closed) => std::future::pending().await,
            };
            if is_news {
                return self.catch_up();
            }
        }
    }

    fn catch_up(&mut self) {
        while !matches!(self.0.try_recv(), Err(TryRecvError::Empty | TryRecvError::Closed)) {}
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    fn scope(entity: &str) -> Scope {
        Scope { entity: entity.into(), environment: "env".into() }
    }

    #[tokio::test]
    async fn what_matters_is_told_once_however_often_it_changed() {
        let news = News::default();
        let mut told = news.listen(&"env".into());
        news.tell(&scope("b"));
        assert!(told.changed(|scope| scope.entity.as_str() == "a").now_or_never().is_none());
        for _ in 0..3 {
            news.tell(&scope("a"));
        }
        told.changed(|scope| scope.entity.as_str() == "a").now_or_never().unwrap();
        assert!(told.changed(|_| true).now_or_never().is_none());
    }

    #[tokio::test]
    async fn a_slow_listener_is_told_that_something_changed() {
        let news = News::default();
        let mut told = news.listen(&"env".into());
        for _ in 0..=WAITING {
            news.tell(&scope("b"));
        }
        told.changed(|_| false).now_or_never().expect("it may have missed what matters");
    }

    #[tokio::test]
    async fn a_busy_environment_makes_no_listener_of_another_look_again() {
        let news = News::default();
        let (mut quiet, busy) = (news.listen(&"quiet".into()), news.listen(&"env".into()));
        for _ in 0..10 * WAITING {
            news.tell(&scope("b"));
        }
        assert!(quiet.changed(|_| true).now_or_never().is_none());
        drop((quiet, busy));
        news.tell(&scope("b"));
        let _other = news.listen(&"other".into());
        assert_eq!(news.lock().len(), 1, "nothing is kept of environments without listeners");
    }
}
