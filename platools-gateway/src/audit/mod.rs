//! `Audit`: the record of administrative changes, of sign-ins that open a session or a connection, and of refusals.
//!
//! Every event is one line of the log target `audit` and one row of the database. A change of the directory writes its row in its own
//! transaction (`DirectoryStore::recording`); sign-ins and refusals go through a bounded queue to one task. `FloodLimit` bounds the events
//! that clients can cause at will.

mod flood_limit;
mod log;
mod writer;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout};
use tokio_util::task::AbortOnDropHandle;

pub use crate::domain::audit::{Actor, AuditCursor, AuditEvent, AuditFilter, AuditKind, action};
pub use crate::settings::AuditSettings;

use crate::background::log_limit::LogLimit;
use crate::background::tasks::Tasks;
use crate::domain::audit::AuditScope;
use crate::domain::error::Error;
use crate::domain::identity::Caller;
use crate::domain::lock::lock;
use crate::domain::origin::RequestOrigin;
use crate::ports::audit::AuditStore;
use crate::ports::time::now_ms;
use flood_limit::FloodLimit;
use writer::{AuditWriter, COMPLAINTS, QUEUE, WriterRequest};

pub(crate) use log::{log, log_quietly};
pub(crate) use writer::Cutoff;

/// The longest time that a reader waits for events that are not written yet.
const SETTLE: Duration = Duration::from_secs(1);

/// The longest time for the last write when the gateway stops.
const LAST_WRITE: Duration = Duration::from_secs(5);

/// Records and lists events.
pub(crate) struct Audit {
    store: Arc<dyn AuditStore>,
    flood: Arc<Mutex<FloodLimit>>,
    /// None in a process that serves nobody, such as a command.
    task: Option<Task>,
}

/// The writing task, and the ways to it.
struct Task {
    queue: mpsc::Sender<AuditEvent>,
    requests: mpsc::Sender<WriterRequest>,
    handle: Mutex<Option<AbortOnDropHandle<()>>>,
    /// Events that found the queue full since the log last said so.
    lost: AtomicU64,
    complaints: Mutex<LogLimit>,
}

impl Audit {
    /// An audit without a task: it logs sign-ins and refusals, and stores changes only.
    pub(crate) fn without_task(store: Arc<dyn AuditStore>) -> Self {
        Self { store, flood: Arc::default(), task: None }
    }

    /// Begins to write on the current tokio runtime, in a task that is started again when it panics. `cutoff_ms` says which time was an
    /// age ago, by the clock that deletion goes by.
    pub(crate) fn start(store: Arc<dyn AuditStore>, settings: AuditSettings, cutoff_ms: Cutoff, tasks: &Tasks) -> Self {
        let (queue, events) = mpsc::channel(QUEUE);
        let (requests, asked) = mpsc::channel(1);
        let flood = Arc::<Mutex<FloodLimit>>::default();
        let writer = AuditWriter::new(Arc::clone(&store), settings, cutoff_ms, Arc::clone(&flood), events, asked);
        // Locked by the task alone, so that its queue outlives a panic.
        let writer = Arc::new(tokio::sync::Mutex::new(writer));
        let begin = move || {
            let writer = Arc::clone(&writer);
            async move { writer.lock().await.run().await }
        };
        let handle = Mutex::new(Some(tasks.keep("audit", begin)));
        Self {
            store,
            flood,
            task: Some(Task { queue, requests, handle, lost: AtomicU64::new(0), complaints: Mutex::default() }),
        }
    }

    /// Records a sign-in, once it has succeeded.
    pub(crate) fn signed_in(&self, action: &'static str, actor: Actor, more: impl FnOnce(AuditEvent) -> AuditEvent) {
        self.record(more(AuditEvent::new(AuditKind::SignIn, action, actor, now_ms())));
    }

    /// Records that a caller was refused something.
    pub(crate) fn refused(&self, action: &'static str, caller: &Caller, subject: &str, reason: &str) {
        let event = AuditEvent::new(AuditKind::Refusal, action, caller.into(), now_ms());
        self.record(event.in_project(&caller.project_id).on(subject).because(reason));
    }

    /// Records that a stranger was refused.
    pub(crate) fn refused_stranger(
        &self,
        action: &'static str,
        origin: &RequestOrigin,
        subject: Option<&str>,
        reason: &str,
    ) {
        let event = AuditEvent::new(AuditKind::Refusal, action, Actor::unknown(origin.clone()), now_ms());
        let event = subject.into_iter().fold(event, AuditEvent::on);
        self.record(event.because(reason));
    }

    /// Stores a change that is no change of the directory. It is not done before this returns.
    pub(crate) async fn store_change(&self, event: &AuditEvent) -> Result<(), Error> {
        self.store.add_audit_events(std::slice::from_ref(event)).await?;
        log(event);
        Ok(())
    }

    /// Events, newest first.
    pub(crate) async fn list(
        &self,
        scope: AuditScope,
        filter: AuditFilter,
        limit: usize,
    ) -> Result<Vec<AuditEvent>, Error> {
        self.settle().await;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.store.audit_events(&scope, &filter, limit).await
    }

    /// Writes the events that wait, and takes no more.
    pub(crate) async fn close(&self) {
        let Some(task) = &self.task else { return };
        let handle = lock(&task.handle).take();
        let Some(handle) = handle else { return };
        let end = async {
            let _ = task.requests.send(WriterRequest::Close).await;
            let _ = handle.await;
        };
        if timeout(LAST_WRITE, end).await.is_err() {
            tracing::error!("audit events not stored before the gateway stopped; they are in the log only");
        }
    }

    fn record(&self, event: AuditEvent) {
        if !lock(&self.flood).admits(&event, Instant::now()) {
            log::log_left_out(&event);
            return;
        }
        log(&event);
        if let Some(task) = &self.task
            && task.queue.try_send(event).is_err()
        {
            task.complain();
        }
    }

    /// Waits until the events so far are stored, up to a deadline.
    async fn settle(&self) {
        let Some(task) = &self.task else { return };
        let (done, written) = oneshot::channel();
        let settled = async {
            if task.requests.send(WriterRequest::Flush(done)).await.is_ok() {
                let _ = written.await;
            }
        };
        if timeout(SETTLE, settled).await.is_err() {
            tracing::debug!("a reader of the audit did not wait for events that are not written yet");
        }
    }
}

impl Task {
    /// Counts an event that found the queue full, and says so now and then.
    fn complain(&self) {
        let lost = self.lost.fetch_add(1, Ordering::Relaxed) + 1;
        if lock(&self.complaints).admits(COMPLAINTS) {
            self.lost.store(0, Ordering::Relaxed);
            tracing::error!(
                events = lost,
                "audit events not stored: the database is too slow; they are in the log only"
            );
        }
    }
}

impl fmt::Debug for Audit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Audit").finish_non_exhaustive()
    }
}
