//! [`Tasks`]: starts the background tasks of a gateway, and starts a task again when it panics.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt as _;
use tokio::time::{Instant, sleep};
use tokio_util::task::AbortOnDropHandle;

use crate::domain::lock::lock;

/// The wait before the first restart; it doubles with every further one.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// The longest wait before a restart.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// A task that ran for this long before it panicked begins with the first wait again.
const STABLE: Duration = Duration::from_secs(300);

/// Starts background tasks and knows which of them are down. Clones share that knowledge.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tasks(Arc<Mutex<BTreeMap<&'static str, usize>>>);

impl Tasks {
    /// Spawns a task on the current tokio runtime. When it panics, the log says so, [`Tasks::down`] lists its name, and after a
    /// wait `begin` makes the task anew. Its state has to live outside of the future to survive that. A task that returns is over.
    pub(crate) fn keep<B, F>(&self, name: &'static str, mut begin: B) -> AbortOnDropHandle<()>
    where
        B: FnMut() -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let tasks = self.clone();
        AbortOnDropHandle::new(tokio::spawn(async move {
            let mut wait = FIRST_WAIT;
            loop {
                let began = Instant::now();
                // `begin` may panic as well.
                let run = async { begin().await };
                if AssertUnwindSafe(run).catch_unwind().await.is_ok() {
                    return;
                }
                if began.elapsed() >= STABLE {
                    wait = FIRST_WAIT;
                }
                tracing::error!(task = name, restart_in_seconds = wait.as_secs(), "background task panicked");
                let down = tasks.note_down(name);
                sleep(wait).await;
                drop(down);
                tracing::info!(task = name, "background task restarted");
                wait = (wait * 2).min(LONGEST_WAIT);
            }
        }))
    }

    /// Names of the tasks that panicked and do not run again yet.
    pub(crate) fn down(&self) -> Vec<&'static str> {
        lock(&self.0).keys().copied().collect()
    }

    fn note_down(&self, name: &'static str) -> DownTask {
        *lock(&self.0).entry(name).or_default() += 1;
        DownTask { tasks: self.clone(), name }
    }
}

/// A task that is down. Dropping it says that the task runs again, or is not wanted any more.
struct DownTask {
    tasks: Tasks,
    name: &'static str,
}

impl Drop for DownTask {
    fn drop(&mut self) {
        let mut down = lock(&self.tasks.0);
        if let Some(count) = down.get_mut(self.name) {
            *count -= 1;
            if *count == 0 {
                down.remove(self.name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Notify;
    use tokio::time::timeout;

    use super::*;

    async fn within<T>(future: impl Future<Output = T>) -> T {
        timeout(Duration::from_secs(3600), future).await.expect("it took too long")
    }

    async fn until(is_reached: impl Fn() -> bool) {
        within(async {
            while !is_reached() {
                sleep(Duration::from_millis(1)).await;
            }
        })
        .await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_panics_is_listed_until_it_runs_again() {
        let (tasks, runs, ended) = (Tasks::default(), Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
        let begin = {
            let (runs, ended) = (Arc::clone(&runs), Arc::clone(&ended));
            move || {
                let (run, ended) = (runs.fetch_add(1, Ordering::Relaxed), Arc::clone(&ended));
                async move {
                    assert!(run > 0, "the first run fails");
                    ended.notified().await;
                }
            }
        };
        let begun = Instant::now();
        let task = tasks.keep("journal", begin);
        until(|| !tasks.down().is_empty()).await;
        assert_eq!(tasks.down(), ["journal"]);
        until(|| tasks.down().is_empty()).await;
        assert!(begun.elapsed() >= FIRST_WAIT, "{:?}", begun.elapsed());
        ended.notify_one();
        within(task).await.unwrap();
        assert_eq!(runs.load(Ordering::Relaxed), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_always_panics_is_tried_less_and_less_often() {
        let (tasks, runs) = (Tasks::default(), Arc::new(AtomicUsize::new(0)));
        let counted = Arc::clone(&runs);
        let _task = tasks.keep("broken", move || {
            counted.fetch_add(1, Ordering::Relaxed);
            async { panic!("always") }
        });
        sleep(Duration::from_secs(600)).await;
        let tries = runs.load(Ordering::Relaxed);
        assert!((10..=16).contains(&tries), "{tries}");
        assert_eq!(tasks.down(), ["broken"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_is_dropped_while_it_is_down_is_listed_no_more() {
        let tasks = Tasks::default();
        let task = tasks.keep("dropped", || async { panic!("once") });
        until(|| !tasks.down().is_empty()).await;
        drop(task);
        until(|| tasks.down().is_empty()).await;
    }
}
