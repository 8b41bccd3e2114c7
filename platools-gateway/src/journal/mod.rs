//! `Journal`: records every call, with its caller and its outcome.
//!
//! A call puts its record into a bounded queue and does not wait. One task, `JournalWriter`, redacts the records, stores them in batches,
//! and deletes old ones. While the database fails, records wait. A full queue first drops arguments and results, and then records, of the
//! project with most of them, and counts both.

mod call;
mod counters;
mod entry;
mod queue;
mod record;
mod redact;
mod running;
mod settings;
mod writer;

use std::fmt;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

pub use crate::domain::call::{CallEnd, CallSummary, PayloadState};
pub use crate::settings::{JournalSettings, Recording, SENSITIVE_NAMES};
pub use call::{JournaledCall, PastCall, Payload};
pub use counters::JournalFigures;
pub(crate) use record::{CallRecord, RecordedCall, TRACEBACK};
pub use redact::SENSITIVE_WORDS;

use crate::background::retention_clock::RetentionClock;
use crate::background::tasks::Tasks;
use crate::domain::ids::{CallId, ProjectId};
use crate::domain::lock::lock;
use crate::ports::journal::JournalStore;
use counters::Counters;
use entry::JournalEntry;
use queue::JournalQueue;
use running::RunningCalls;
use settings::CompiledSettings;
use writer::JournalWriter;

/// The longest time that a reader waits for records that are not written yet.
const SETTLE: Duration = Duration::from_secs(1);

/// The time that calls which were ended from outside have to leave their records.
const LAST_RECORDS: Duration = Duration::from_secs(1);

/// The longest time of the last write when the gateway stops.
const LAST_WRITE: Duration = Duration::from_secs(8);

/// The journal: takes records of calls.
pub(crate) struct Journal {
    settings: Arc<CompiledSettings>,
    running: RunningCalls,
    counters: Arc<Counters>,
    queue: Arc<JournalQueue>,
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
        let (settings, running, task) = (Arc::new(settings.into()), RunningCalls::default(), Mutex::default());
        Self { settings, running, counters, queue, is_written: false, task }
    }

    /// Begins to write on the current tokio runtime. When the task panics it is started again, and the queue outlives that.
    pub(crate) fn start(
        store: Arc<dyn JournalStore>,
        settings: JournalSettings,
        retention_clock: &Arc<RetentionClock>,
        tasks: &Tasks,
    ) -> Self {
        let journal = Self { is_written: true, ..Self::new(settings) };
        let (settings, counters) = (Arc::clone(&journal.settings), Arc::clone(&journal.counters));
        let (queue, retention_clock) = (Arc::clone(&journal.queue), Arc::clone(retention_clock));
        let begin = move || {
            let (settings, retention_clock) = (Arc::clone(&settings), Arc::clone(&retention_clock));
            JournalWriter::new(Arc::clone(&store), settings, retention_clock, Arc::clone(&counters), Arc::clone(&queue))
                .run()
        };
        *lock(&journal.task) = Some(tasks.keep("journal", begin));
        journal
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
        if lock(&self.task).is_some() && timeout(SETTLE, self.queue.settled(project)).await.is_err() {
            tracing::debug!("a reader of the journal did not wait for what is not written yet");
        }
    }

    /// Writes what there is, and takes no more.
    pub(crate) async fn close(&self) {
        if lock(&self.task).is_none() {
            return;
        }
        // Calls end by themselves before this; those that had to be cut off leave their records in a moment.
        let _ = timeout(LAST_RECORDS, self.idle()).await;
        let Some(task) = lock(&self.task).take() else { return };
        self.queue.close();
        if timeout(LAST_WRITE, task).await.is_err() {
            tracing::error!(
                waiting = self.figures().waiting,
                "records of the journal not stored before the gateway stopped"
            );
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

    /// The calls of a project that are under way, the oldest first.
    pub(crate) fn running_calls(&self, project: &ProjectId) -> Vec<CallSummary> {
        self.running.list(project)
    }

    /// Hands a record to the task, without waiting for room.
    fn submit(&self, entry: JournalEntry) {
        if !self.is_written {
            return;
        }
        if lock(&self.task).is_none() {
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
