//! [`EventHandlers`]: runs the application's functions for custom events, each in a task of its own.
//!
//! A handler that is slow or panics delays no socket and no other handler. Events that do not fit into its queue are dropped, counted and
//! logged.

use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::join_all;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

use super::agent_event::{AgentEvent, EventHandler};
use super::event_queue::EventQueue;
use crate::background::log_limit::LogLimit;
use crate::background::tasks::Tasks;
use crate::domain::lock::lock;

/// The least time between two log lines about dropped events.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// The time that handlers have for the events that wait when the gateway stops.
const LAST_EVENTS: Duration = Duration::from_secs(5);

/// The handlers of custom events.
#[derive(Debug, Default)]
pub(super) struct EventHandlers {
    running: Mutex<Vec<HandlerTask>>,
    counts: Arc<Counts>,
    drops: Mutex<DropLog>,
}

/// A handler with its queue and its task.
#[derive(Debug)]
struct HandlerTask {
    queue: Arc<EventQueue>,
    task: AbortOnDropHandle<()>,
}

#[derive(Debug, Default)]
struct Counts {
    handled: AtomicU64,
    panicked: AtomicU64,
    dropped: AtomicU64,
}

/// Custom events since the start of the gateway, counted once for each handler.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AgentEventFigures {
    /// Events that a handler has finished.
    pub handled: u64,
    /// Events at which a handler panicked.
    pub panicked: u64,
    /// Events that were dropped, because too many waited for a handler.
    pub dropped: u64,
}

/// The dropped events that are not in the log yet, which has their sum once in each interval.
#[derive(Debug, Default)]
struct DropLog {
    limit: LogLimit,
    unlogged: u64,
}

impl EventHandlers {
    /// Adds a handler, which runs on the current tokio runtime.
    pub(super) fn add(&self, handler: EventHandler, tasks: &Tasks) {
        let queue = Arc::<EventQueue>::default();
        let (waiting, counts) = (Arc::clone(&queue), Arc::clone(&self.counts));
        let task = tasks.keep("agent events", move || {
            let (waiting, counts, handler) = (Arc::clone(&waiting), Arc::clone(&counts), handler.clone());
            async move { run(&waiting, &handler, &counts).await }
        });
        self.lock().push(HandlerTask { queue, task });
    }

    /// Queues an event for every handler. `make` is called only if there is one.
    pub(super) fn queue(&self, make: impl FnOnce() -> AgentEvent) {
        let running = self.lock();
        if running.is_empty() {
            return;
        }
        let event = make();
        let dropped = running.iter().filter(|running| !running.queue.push(event.clone())).count();
        drop(running);
        if dropped > 0 {
            self.note_dropped(&event, dropped as u64);
        }
    }

    pub(super) fn figures(&self) -> AgentEventFigures {
        let Counts { handled, panicked, dropped } = &*self.counts;
        AgentEventFigures {
            handled: handled.load(Ordering::Relaxed),
            panicked: panicked.load(Ordering::Relaxed),
            dropped: dropped.load(Ordering::Relaxed),
        }
    }

    /// Takes no further events, and waits until the last ones are handled, up to a deadline.
    pub(super) async fn close(&self) {
        let running = std::mem::take(&mut *self.lock());
        running.iter().for_each(|running| running.queue.close());
        let ended = join_all(running.into_iter().map(|running| running.task));
        if timeout(LAST_EVENTS, ended).await.is_err() {
            tracing::error!("custom events not handled before the deadline");
        }
    }

    /// Ends all handlers at once. A handler may own a handle to its own gateway, so dropping the gateway would not end it.
    pub(super) fn abort(&self) {
        self.lock().clear();
    }

    fn note_dropped(&self, event: &AgentEvent, dropped: u64) {
        self.counts.dropped.fetch_add(dropped, Ordering::Relaxed);
        let Some(dropped) = lock(&self.drops).note(dropped) else {
            return;
        };
        let (agent, kind) = (&event.agent_id, &event.kind);
        tracing::warn!(agent.id = %agent, event.kind = ?kind, dropped, "custom events dropped: their handler is too slow");
    }

    fn lock(&self) -> MutexGuard<'_, Vec<HandlerTask>> {
        // Every section leaves the list whole, so a panic in another task spoils nothing.
        lock(&self.running)
    }
}

impl DropLog {
    /// Counts dropped events. Returns the number to log now, if a line is due.
    fn note(&mut self, dropped: u64) -> Option<u64> {
        self.unlogged += dropped;
        self.limit.admits(LOG_INTERVAL).then(|| std::mem::take(&mut self.unlogged))
    }
}

/// Calls the handler with one event after the other.
async fn run(queue: &EventQueue, handler: &EventHandler, counts: &Counts) {
    while let Some(event) = queue.next().await {
        let (agent, kind) = (event.agent_id.clone(), event.kind.clone());
        // The function itself may panic as well as its future.
        let handled = AssertUnwindSafe(async { handler.handle(event).await }).catch_unwind().await;
        if handled.is_ok() {
            counts.handled.fetch_add(1, Ordering::Relaxed);
        } else {
            counts.panicked.fetch_add(1, Ordering::Relaxed);
            tracing::error!(agent.id = %agent, event.kind = ?kind, "handler of custom events panicked");
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_burst_of_dropped_events_is_one_line_and_a_sum() {
        let mut log = DropLog::default();
        assert_eq!(log.note(1), Some(1));
        advance(LOG_INTERVAL / 2).await;
        for _ in 0..5 {
            assert_eq!(log.note(2), None);
        }
        advance(LOG_INTERVAL / 2).await;
        assert_eq!(log.note(1), Some(11));
        assert_eq!(log.note(1), None);
    }
}
