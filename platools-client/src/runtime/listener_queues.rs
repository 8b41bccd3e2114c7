//! [`ListenerQueues`]: delivers events to an application's functions and streams. Each of them has a queue of its own, so a slow one delays no
//! other.

use std::fmt;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::task::JoinSet;
use tracing::{error, warn};

use super::listener_return::ListenerReturn;

/// The number of events that wait for a slow listener; further ones are dropped for that listener alone.
const QUEUE: usize = 1024;

/// The id of a listener, with which it is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ListenerId(u64);

/// Passes events on to listeners. Each has a queue of its own, which keeps the order and holds up no other.
pub(super) struct ListenerQueues<T> {
    /// The kind of items, for the log.
    what: &'static str,
    all: Mutex<All<T>>,
}

struct All<T> {
    latest_id: u64,
    listeners: Vec<Listener<T>>,
    /// Tasks of listening functions; they end when this is dropped.
    tasks: JoinSet<()>,
}

struct Listener<T> {
    id: u64,
    /// The type of events that it wants; without it, all.
    kind: Option<String>,
    queue: mpsc::Sender<T>,
    /// The number of events that were dropped since it last kept up.
    missed: u64,
    is_wanted: Arc<AtomicBool>,
}

impl<T: Clone + Send + 'static> ListenerQueues<T> {
    pub(super) fn new(what: &'static str) -> Self {
        Self { what, all: Mutex::new(All { latest_id: 0, listeners: Vec::new(), tasks: JoinSet::new() }) }
    }

    /// Adds a function, which is called for events from now on.
    pub(super) fn call<F, R, M>(&self, kind: Option<String>, function: F) -> ListenerId
    where
        F: FnOnce(T) -> R + Clone + Send + 'static,
        R: ListenerReturn<M>,
        M: 'static,
    {
        let mut all = self.lock();
        let (id, is_wanted, queue) = all.add(kind);
        // Finished tasks are removed.
        while all.tasks.try_join_next().is_some() {}
        all.tasks.spawn(serve(self.what, id, is_wanted, queue, function));
        ListenerId(id)
    }

    /// Streams the items from now on.
    pub(super) fn stream(&self) -> BoxStream<'static, T> {
        let (_, _, queue) = self.lock().add(None);
        stream::unfold(queue, |mut queue| async move { queue.recv().await.map(|value| (value, queue)) }).boxed()
    }

    /// Removes a function, which is not called any more. Returns true if it was there.
    pub(super) fn remove(&self, id: ListenerId) -> bool {
        let mut all = self.lock();
        let before = all.listeners.len();
        for gone in all.listeners.extract_if(.., |listener| listener.id == id.0) {
            gone.is_wanted.store(false, Ordering::Relaxed);
        }
        all.listeners.len() < before
    }

    /// Queues an event of that kind for each listener that wants it. Never waits.
    pub(super) fn publish(&self, kind: &str, value: &T) {
        let wants = |listener: &Listener<T>| listener.kind.as_deref().is_none_or(|wanted| wanted == kind);
        self.lock().listeners.retain_mut(|listener| !wants(listener) || listener.tell(self.what, value));
    }

    fn lock(&self) -> MutexGuard<'_, All<T>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> All<T> {
    fn add(&mut self, kind: Option<String>) -> (u64, Arc<AtomicBool>, mpsc::Receiver<T>) {
        self.latest_id += 1;
        let (queue, queued) = mpsc::channel(QUEUE);
        let is_wanted = Arc::new(AtomicBool::new(true));
        let id = self.latest_id;
        self.listeners.push(Listener { id, kind, queue, missed: 0, is_wanted: Arc::clone(&is_wanted) });
        (id, is_wanted, queued)
    }
}

impl<T: Clone> Listener<T> {
    /// Sends a value; true if the listener still exists.
    fn tell(&mut self, what: &str, value: &T) -> bool {
        match self.queue.try_send(value.clone()) {
            Ok(()) if self.missed > 0 => {
                warn!(listener.id = self.id, listener.missed = self.missed, "listener to {what} caught up");
                self.missed = 0;
            }
            Ok(()) => {}
            Err(TrySendError::Full(_)) => {
                if self.missed == 0 {
                    warn!(
                        listener.id = self.id,
                        "listener to {what} fell behind: further ones are dropped until it catches up"
                    );
                }
                self.missed += 1;
            }
            Err(TrySendError::Closed(_)) => return false,
        }
        true
    }
}

async fn serve<T, F, R, M>(
    what: &'static str,
    id: u64,
    is_wanted: Arc<AtomicBool>,
    mut queue: mpsc::Receiver<T>,
    function: F,
) where
    F: FnOnce(T) -> R + Clone,
    R: ListenerReturn<M>,
{
    while let Some(value) = queue.recv().await {
        if !is_wanted.load(Ordering::Relaxed) {
            return;
        }
        // A clone for each call lets an async closure own its captured values. Cloning and calling may panic too, before there is
        // a future.
        let running = panic::catch_unwind(AssertUnwindSafe(|| function.clone()(value).has_failed()));
        let ended = match running {
            Ok(running) => AssertUnwindSafe(running).catch_unwind().await,
            Err(panic) => Err(panic),
        };
        match ended {
            Ok(true) => warn!(listener.id = id, "listener to {what} failed"),
            Ok(false) => {}
            // The text of the panic may repeat the event.
            Err(_) => error!(listener.id = id, "listener to {what} panicked"),
        }
    }
}

impl<T> fmt::Debug for ListenerQueues<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let listeners = self.all.lock().unwrap_or_else(PoisonError::into_inner).listeners.len();
        f.debug_struct("ListenerQueues").field("listeners", &listeners).finish_non_exhaustive()
    }
}
