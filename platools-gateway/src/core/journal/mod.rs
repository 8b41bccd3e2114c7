//! Which tools were called, by whom, and how that ended.
//!
//! A call leaves its record in a bounded queue and goes on. One task takes records off the queue, takes out of them what must
//! not be kept, and writes many at a time; it also deletes what is too old or too much. While the database fails, records wait.
//! When the queue is full, they are lost and counted, and no call waits.

mod call;
mod entry;
mod record;
mod redact;
mod running;
mod settings;
mod writer;

use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout};
use tokio_util::task::AbortOnDropHandle;

pub use call::{CallEnd, CallSummary, JournaledCall, Kept, PastCall, Payload};
pub(crate) use record::CallRecord;
pub use redact::{SENSITIVE_NAMES, SENSITIVE_WORDS};
pub use settings::{JournalSettings, Recording};

use super::catalog::Found;
use super::gauge::Gauge;
use super::identity::Caller;
use super::ids::{CallId, ProjectId};
use super::invoke::CallRequest;
use super::observe::Observers;
use crate::store::Store;
use entry::Entry;
use running::Running;
use writer::{Request, Writer};

/// So many records wait for the task before further ones are lost.
const QUEUE: usize = 8192;

/// How long a reader waits for what is not written yet.
const SETTLE: Duration = Duration::from_secs(1);

/// How long calls that were ended from outside may take to leave their records.
const LAST_RECORDS: Duration = Duration::from_secs(1);

/// How long the last write may take when the gateway stops.
const LAST_WRITE: Duration = Duration::from_secs(10);

/// What the journal counts, since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct JournalFigures {
    /// Calls that were stored.
    pub written: u64,
    /// Calls that were not stored, because the database failed for too long or too many came at a time.
    pub lost: u64,
    /// Calls that wait to be stored.
    pub waiting: usize,
    /// How long the oldest of them has waited.
    pub lag: Duration,
}

#[derive(Debug, Default)]
struct Counters {
    written: AtomicU64,
    lost: AtomicU64,
    /// How many calls the task has taken off its queue and not stored yet.
    taken: AtomicUsize,
    /// When the oldest call that is not stored yet ended.
    oldest: Mutex<Option<Instant>>,
}

impl Counters {
    fn add_written(&self, calls: usize) {
        self.written.fetch_add(calls as u64, Ordering::Relaxed);
    }

    fn oldest(&self) -> MutexGuard<'_, Option<Instant>> {
        self.oldest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add_lost(&self, calls: usize) {
        self.lost.fetch_add(calls as u64, Ordering::Relaxed);
    }
}

/// Takes records.
pub(crate) struct Journal {
    settings: Arc<JournalSettings>,
    running: Running,
    counters: Arc<Counters>,
    waiting_bytes: Gauge,
    task: Option<Task>,
}

/// The task that writes, and the ways to it.
struct Task {
    queue: mpsc::Sender<Entry>,
    requests: mpsc::Sender<Request>,
    handle: Mutex<Option<AbortOnDropHandle<()>>>,
}

impl Journal {
    /// A journal that nothing is written into, of a process that calls nothing.
    pub(super) fn closed() -> Self {
        let settings = Arc::new(JournalSettings::default().recording(Recording::Nothing));
        Self {
            settings,
            running: Running::default(),
            counters: Arc::default(),
            waiting_bytes: Gauge::default(),
            task: None,
        }
    }

    /// Begins to write on the current tokio runtime.
    pub(super) fn start(store: Store, settings: JournalSettings) -> Self {
        let (settings, counters) = (Arc::new(settings), Arc::<Counters>::default());
        let (queue, entries) = mpsc::channel(QUEUE);
        let (requests, asked) = mpsc::channel(1);
        let writer = Writer::new(store, Arc::clone(&settings), Arc::clone(&counters), entries, asked);
        let handle = Mutex::new(Some(AbortOnDropHandle::new(tokio::spawn(writer.run()))));
        let task = Some(Task { queue, requests, handle });
        Self { settings, running: Running::default(), counters, waiting_bytes: Gauge::default(), task }
    }

    /// Begins the record of a call.
    pub(crate) fn begin<'a>(
        &'a self,
        observers: &'a Observers,
        caller: &'a Caller,
        found: &'a Found,
        request: &'a CallRequest,
    ) -> CallRecord<'a> {
        CallRecord::begin(self, observers, caller, found, request)
    }

    /// A call of a project that is under way.
    pub(super) fn find_running(&self, project: &ProjectId, call_id: &CallId) -> Option<CallSummary> {
        self.running.find(project, call_id)
    }

    /// Waits until no call is under way.
    pub(super) async fn idle(&self) {
        self.running.idle().await;
    }

    /// Waits until what was recorded so far is stored, or it took too long.
    pub(super) async fn settle(&self) {
        let Some(task) = &self.task else { return };
        let (done, written) = oneshot::channel();
        let settled = async {
            if task.requests.send(Request::Flush(done)).await.is_ok() {
                let _ = written.await;
            }
        };
        if timeout(SETTLE, settled).await.is_err() {
            tracing::debug!("a reader of the journal did not wait for what is not written yet");
        }
    }

    /// Writes what there is, and takes no more.
    pub(super) async fn close(&self) {
        let Some(task) = &self.task else { return };
        let handle = task.handle.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(handle) = handle else { return };
        // Calls end by themselves before this; those that had to be cut off leave their records in a moment.
        let _ = timeout(LAST_RECORDS, self.idle()).await;
        let end = async {
            let _ = task.requests.send(Request::Close).await;
            let _ = handle.await;
        };
        if timeout(LAST_WRITE, end).await.is_err() {
            tracing::error!(waiting = self.figures().waiting, "the journal could not be written to its end");
        }
    }

    /// What was counted.
    pub(super) fn figures(&self) -> JournalFigures {
        JournalFigures {
            written: self.counters.written.load(Ordering::Relaxed),
            lost: self.counters.lost.load(Ordering::Relaxed),
            waiting: self.task.as_ref().map_or(0, |task| task.queue.max_capacity() - task.queue.capacity())
                + self.counters.taken.load(Ordering::Relaxed),
            lag: self.counters.oldest().map_or(Duration::ZERO, |since| since.elapsed()),
        }
    }

    fn settings(&self) -> &JournalSettings {
        &self.settings
    }

    /// The calls of a project that are under way, the oldest first.
    pub(crate) fn running_calls(&self, project: &ProjectId) -> Vec<CallSummary> {
        self.running.list(project)
    }

    fn running(&self) -> &Running {
        &self.running
    }

    fn waiting_bytes(&self) -> &Gauge {
        &self.waiting_bytes
    }

    /// Hands a record to the task, without waiting for room.
    fn submit(&self, entry: Option<Entry>) {
        let Some(task) = &self.task else { return };
        if entry.is_none_or(|entry| task.queue.try_send(entry).is_err()) {
            self.counters.add_lost(1);
        }
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Journal").field("figures", &self.figures()).finish_non_exhaustive()
    }
}
