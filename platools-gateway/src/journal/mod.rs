//! The journal: a record of every call, with its caller and its end.
//!
//! A call leaves its record in a bounded queue and goes on. One task takes records off the queue, takes out of them what must
//! not be kept, and writes many at a time; it also deletes what is too old or too much. While the database fails, records wait.
//! When too much waits, arguments and results are dropped first and records later, those of the project with most of them. Both
//! are counted, and no call waits.

mod call;
mod entry;
mod queue;
mod record;
mod redact;
mod running;
mod settings;
mod writer;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

pub use crate::domain::call::{CallEnd, CallSummary, Kept};
pub use crate::settings::{JournalSettings, Recording, SENSITIVE_NAMES};
pub use call::{JournaledCall, PastCall, Payload};
pub(crate) use record::CallRecord;
pub(crate) use record::TRACEBACK;
pub use redact::SENSITIVE_WORDS;

use crate::arguments::Arguments;
use crate::background::retention_clock::Aging;
use crate::background::tasks::Tasks;
use crate::catalog::Found;
use crate::domain::identity::Caller;
use crate::domain::ids::{CallId, ProjectId};
use crate::domain::trace::TraceContext;
use crate::ports::call_observer::Observers;
use crate::ports::journal::JournalStore;
use entry::Entry;
use queue::Queue;
use running::Running;
use settings::CompiledSettings;
use writer::Writer;

/// The longest time that a reader waits for records that are not written yet.
const SETTLE: Duration = Duration::from_secs(1);

/// The time that calls which were ended from outside have to leave their records.
const LAST_RECORDS: Duration = Duration::from_secs(1);

/// The longest time of the last write when the gateway stops.
const LAST_WRITE: Duration = Duration::from_secs(8);

/// The journal's counters since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct JournalFigures {
    /// Calls that were stored.
    pub written: u64,
    /// Calls that were not stored, because the database failed for too long, too many came at a time, or the database refused
    /// them alone.
    pub lost: u64,
    /// Calls that were stored without arguments and result, because too much waited. They are not among the lost.
    pub payloads_dropped: u64,
    /// Calls that wait to be stored.
    pub waiting: usize,
    /// The time that the oldest of them has waited.
    pub lag: Duration,
}

#[derive(Debug, Default)]
struct Counters {
    written: AtomicU64,
    lost: AtomicU64,
    payloads_dropped: AtomicU64,
    /// The losses that the log has told of: records and payloads.
    logged: Mutex<(u64, u64)>,
}

impl Counters {
    fn add_written(&self, calls: usize) {
        self.written.fetch_add(calls as u64, Ordering::Relaxed);
    }

    fn add_lost(&self, calls: usize) {
        self.lost.fetch_add(calls as u64, Ordering::Relaxed);
    }

    fn add_payloads_dropped(&self, calls: usize) {
        self.payloads_dropped.fetch_add(calls as u64, Ordering::Relaxed);
    }

    /// The losses since this was last asked, records and payloads.
    fn take_unlogged(&self) -> (u64, u64) {
        let now = (self.lost.load(Ordering::Relaxed), self.payloads_dropped.load(Ordering::Relaxed));
        let before = std::mem::replace(&mut *self.logged.lock().unwrap_or_else(PoisonError::into_inner), now);
        (now.0 - before.0, now.1 - before.1)
    }
}

/// Takes records.
pub(crate) struct Journal {
    settings: Arc<CompiledSettings>,
    running: Running,
    counters: Arc<Counters>,
    queue: Arc<Queue>,
    /// True if a task writes, or wrote until the end.
    is_written: bool,
    /// The task that writes, for as long as records are taken.
    task: Mutex<Option<AbortOnDropHandle<()>>>,
}

impl Journal {
    /// A journal that nothing is written into, of a process that calls nothing.
    pub(crate) fn closed() -> Self {
        Self::new(JournalSettings::default().with(|journal| journal.recording = Recording::Nothing))
    }

    fn new(settings: JournalSettings) -> Self {
        let (counters, queue) = (Arc::default(), Arc::default());
        let (settings, running, task) = (Arc::new(settings.into()), Running::default(), Mutex::default());
        Self { settings, running, counters, queue, is_written: false, task }
    }

    /// Begins to write on the current tokio runtime. When the task panics it is started again, and the queue outlives that.
    pub(crate) fn start(
        store: Arc<dyn JournalStore>,
        settings: JournalSettings,
        aging: &Arc<Aging>,
        tasks: &Tasks,
    ) -> Self {
        let journal = Self { is_written: true, ..Self::new(settings) };
        let (settings, counters) = (Arc::clone(&journal.settings), Arc::clone(&journal.counters));
        let (queue, aging) = (Arc::clone(&journal.queue), Arc::clone(aging));
        let begin = move || {
            let (settings, aging) = (Arc::clone(&settings), Arc::clone(&aging));
            Writer::new(Arc::clone(&store), settings, aging, Arc::clone(&counters), Arc::clone(&queue)).run()
        };
        *journal.task() = Some(tasks.keep("journal", begin));
        journal
    }

    fn task(&self) -> MutexGuard<'_, Option<AbortOnDropHandle<()>>> {
        self.task.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins the record of a call.
    pub(crate) fn begin<'a>(
        &'a self,
        observers: &'a Observers,
        caller: &'a Caller,
        found: &'a Found,
        arguments: &Arguments,
        trace: &'a TraceContext,
        call_id: &CallId,
    ) -> CallRecord<'a> {
        CallRecord::begin(self, observers, caller, found, arguments, trace, call_id)
    }

    /// A call of a project that is under way.
    pub(crate) fn find_running(&self, project: &ProjectId, call_id: &CallId) -> Option<CallSummary> {
        self.running.find(project, call_id)
    }

    /// Waits until no call is under way.
    pub(crate) async fn idle(&self) {
        self.running.idle().await;
    }

    /// Waits until the records of a project so far are stored, or it took too long.
    pub(crate) async fn settle(&self, project: &ProjectId) {
        if self.task().is_some() && timeout(SETTLE, self.queue.settled(project)).await.is_err() {
            tracing::debug!("a reader of the journal did not wait for what is not written yet");
        }
    }

    /// Writes what there is, and takes no more.
    pub(crate) async fn close(&self) {
        if self.task().is_none() {
            return;
        }
        // Calls end by themselves before this; those that had to be cut off leave their records in a moment.
        let _ = timeout(LAST_RECORDS, self.idle()).await;
        let Some(task) = self.task().take() else { return };
        self.queue.close();
        if timeout(LAST_WRITE, task).await.is_err() {
            tracing::error!(waiting = self.figures().waiting, "the journal could not be written to its end");
        }
    }

    /// The counters.
    pub(crate) fn figures(&self) -> JournalFigures {
        let (waiting, oldest) = self.queue.waiting();
        JournalFigures {
            written: self.counters.written.load(Ordering::Relaxed),
            lost: self.counters.lost.load(Ordering::Relaxed),
            payloads_dropped: self.counters.payloads_dropped.load(Ordering::Relaxed),
            waiting,
            lag: oldest.map_or(Duration::ZERO, |since| since.elapsed()),
        }
    }

    /// Logs the losses since the last time, if there were any. Called once a minute.
    pub(crate) fn log_losses(&self) {
        let (records, payloads) = self.counters.take_unlogged();
        if records + payloads > 0 {
            tracing::error!(records, payloads, "journal lost records, or arguments and results of records");
        }
    }

    fn settings(&self) -> &CompiledSettings {
        &self.settings
    }

    /// The calls of a project that are under way, the oldest first.
    pub(crate) fn running_calls(&self, project: &ProjectId) -> Vec<CallSummary> {
        self.running.list(project)
    }

    fn running(&self) -> &Running {
        &self.running
    }

    /// Hands a record to the task, without waiting for room.
    fn submit(&self, entry: Entry) {
        if !self.is_written {
            return;
        }
        if self.task().is_none() {
            // It came after the end.
            return self.counters.add_lost(1);
        }
        let losses = self.queue.push(entry);
        self.counters.add_lost(losses.records);
        self.counters.add_payloads_dropped(losses.payloads);
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Journal").field("figures", &self.figures()).finish_non_exhaustive()
    }
}
