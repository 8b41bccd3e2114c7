//! News of which tools there are: for whoever shows a list of them and keeps it right.

use tokio::sync::broadcast;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};

use super::Core;
use super::identity::Scope;

/// So much news waits for somebody who is slow; past that it is only known that something changed.
const WAITING: usize = 256;

/// Tells that the tools of some scope are others than before, or that their worker came or went.
#[derive(Debug, Clone)]
pub(crate) struct News(broadcast::Sender<Scope>);

impl Default for News {
    fn default() -> Self {
        Self(broadcast::Sender::new(WAITING))
    }
}

impl News {
    pub(crate) fn tell(&self, scope: &Scope) {
        // Nobody may want to know.
        let _ = self.0.send(scope.clone());
    }
}

/// What changes from now on.
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

impl Core {
    /// News of the tools of every project.
    #[must_use]
    pub fn tool_news(&self) -> ToolNews {
        ToolNews(self.news.0.subscribe())
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
        let mut told = ToolNews(news.0.subscribe());
        news.tell(&scope("b"));
        assert!(told.changed(|scope| scope.entity.as_str() == "a").now_or_never().is_none());
        for _ in 0..3 {
            news.tell(&scope("a"));
        }
        told.changed(|scope| scope.entity.as_str() == "a").now_or_never().unwrap();
        assert!(told.changed(|_| true).now_or_never().is_none());
    }

    #[tokio::test]
    async fn whoever_is_slow_is_told_that_something_changed() {
        let news = News::default();
        let mut told = ToolNews(news.0.subscribe());
        for _ in 0..=WAITING {
            news.tell(&scope("b"));
        }
        told.changed(|_| false).now_or_never().expect("it may have missed what matters");
    }
}
