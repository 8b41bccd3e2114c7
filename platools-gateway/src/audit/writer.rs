//! [`AuditWriter`]: the task that stores audit events of sign-ins and refusals in batches, and deletes old audit events.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

use super::flood_limit::FloodLimit;
use super::log;
use crate::background::log_limit::LogLimit;
use crate::background::pruning;
use crate::domain::audit::AuditEvent;
use crate::domain::audit::AuditRetention;
use crate::domain::error::{Error, causes_of};
use crate::domain::lock::lock;
use crate::ports::audit::AuditStore;
use crate::settings::AuditSettings;

/// Length of the queue; further events are lost and counted.
pub(super) const QUEUE: usize = 1024;

/// The interval between log lines about events that are lost or wait.
pub(super) const COMPLAINTS: Duration = Duration::from_secs(60);

/// The time that was an age ago, in milliseconds since 1970.
pub(crate) type Cutoff = Arc<dyn Fn(Duration) -> i64 + Send + Sync>;

/// The time that the first event of a batch waits for others.
const WAIT: Duration = Duration::from_millis(200);

/// The delay after a write that failed.
const LATER: Duration = Duration::from_secs(1);

/// The interval between two checks for counts of strangers that are over.
const WINDOWS: Duration = Duration::from_secs(5);

/// Requests to the task.
pub(super) enum WriterRequest {
    /// To write the events that are queued, and say so.
    Flush(oneshot::Sender<()>),
    /// To write the events that are queued, and end.
    Close,
}

enum Wake {
    Received(usize),
    Due,
    Windows,
    Prune,
    Asked(WriterRequest),
}

/// Owns the batch and its times.
pub(super) struct AuditWriter {
    store: Arc<dyn AuditStore>,
    settings: AuditSettings,
    cutoff_ms: Cutoff,
    flood: Arc<Mutex<FloodLimit>>,
    queue: mpsc::Receiver<AuditEvent>,
    requests: mpsc::Receiver<WriterRequest>,
    /// At most twice as many as the queue takes.
    batch: Vec<AuditEvent>,
    due: Option<Instant>,
    windows_at: Instant,
    prune_at: Instant,
    complaints: LogLimit,
}

impl AuditWriter {
    pub(super) fn new(
        store: Arc<dyn AuditStore>,
        settings: AuditSettings,
        cutoff_ms: Cutoff,
        flood: Arc<Mutex<FloodLimit>>,
        queue: mpsc::Receiver<AuditEvent>,
        requests: mpsc::Receiver<WriterRequest>,
    ) -> Self {
        let now = Instant::now();
        let (batch, windows_at, prune_at) = (Vec::new(), now + WINDOWS, now);
        Self {
            store,
            settings,
            cutoff_ms,
            flood,
            queue,
            requests,
            batch,
            due: None,
            windows_at,
            prune_at,
            complaints: LogLimit::default(),
        }
    }

    /// Writes until it is told to end, or nobody is left to send anything.
    pub(super) async fn run(&mut self) {
        loop {
            match self.next().await {
                Wake::Received(0) | Wake::Asked(WriterRequest::Close) => break,
                Wake::Received(_) => drop(self.due.get_or_insert(Instant::now() + WAIT)),
                Wake::Due => self.write().await,
                Wake::Windows => self.close_windows(Some(Instant::now())),
                Wake::Prune => self.prune().await,
                Wake::Asked(WriterRequest::Flush(done)) => {
                    self.write_queued().await;
                    // The reader may have given up.
                    let _ = done.send(());
                }
            }
        }
        self.queue.close();
        self.close_windows(None);
        self.write_queued().await;
        if !self.batch.is_empty() {
            tracing::error!(events = self.batch.len(), "audit events not stored; they are in the log only");
        }
    }

    /// Waits for the next job. All arms are cancel-safe: `recv_many` leaves the events in the queue that it does not return.
    async fn next(&mut self) -> Wake {
        let room = QUEUE.saturating_sub(self.batch.len());
        let due = self.due.unwrap_or(self.prune_at);
        tokio::select! {
            biased;
            Some(request) = self.requests.recv() => Wake::Asked(request),
            () = sleep_until(due), if self.due.is_some() => Wake::Due,
            () = sleep_until(self.windows_at) => Wake::Windows,
            () = sleep_until(self.prune_at) => Wake::Prune,
            received = self.queue.recv_many(&mut self.batch, room), if room > 0 => Wake::Received(received),
        }
    }

    /// Writes everything that was queued when this began, unless the database fails.
    async fn write_queued(&mut self) {
        while let Ok(event) = self.queue.try_recv() {
            self.batch.push(event);
        }
        self.write().await;
    }

    async fn write(&mut self) {
        self.due = None;
        if self.batch.is_empty() {
            return;
        }
        match self.store.add_audit_events(&self.batch).await {
            Ok(()) => self.batch.clear(),
            Err(error) => {
                self.due = Some(Instant::now() + LATER);
                self.complain(&error);
            }
        }
    }

    /// Records how many events were left out in the windows that are over.
    fn close_windows(&mut self, now: Option<Instant>) {
        self.windows_at = Instant::now() + WINDOWS;
        let summaries = lock(&self.flood).close(now);
        summaries.iter().for_each(log::log);
        if !summaries.is_empty() {
            self.batch.extend(summaries);
            self.due.get_or_insert(Instant::now() + WAIT);
        }
    }

    async fn prune(&mut self) {
        let retention = AuditRetention {
            oldest_ms: (self.cutoff_ms)(self.settings.max_age),
            max_rows: i64::from(self.settings.max_rows),
            batch: pruning::BATCH,
        };
        let wait = match self.store.prune_audit_events(retention).await {
            Ok(deleted) => pruning::wait_after(deleted, self.settings.max_age),
            Err(error) => {
                tracing::warn!(%error, "old audit events not deleted; trying again later");
                pruning::LOOKS.1
            }
        };
        self.prune_at = Instant::now() + wait;
    }

    fn complain(&mut self, error: &Error) {
        if self.complaints.admits(COMPLAINTS) {
            let causes = causes_of(error);
            tracing::error!(%error, causes, "audit events not stored; they wait until the queue is full");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Audit, AuditFilter, AuditKind, action};
    use super::*;
    use crate::background::tasks::Tasks;
    use crate::domain::audit::AuditScope;
    use crate::domain::identity::Caller;
    use crate::domain::origin::RequestOrigin;
    use crate::ports::store::Storage as _;
    use crate::ports::time::now_ms;
    use crate::store::SqlStore;

    async fn started() -> (tempfile::TempDir, SqlStore, Audit) {
        let folder = tempfile::tempdir().unwrap();
        let store = SqlStore::open(folder.path()).await.unwrap();
        let cutoff = Arc::new(|age: Duration| now_ms() - i64::try_from(age.as_millis()).unwrap());
        let audit = Audit::start(Arc::new(store.clone()), AuditSettings::default(), cutoff, &Tasks::default());
        (folder, store, audit)
    }

    fn sign_in(audit: &Audit, key: &str) {
        audit.signed_in(action::RPC_CONNECT, (&Caller::sample(key)).into(), |event| event);
    }

    async fn listed(audit: &Audit) -> Vec<String> {
        let events = audit.list(AuditScope::Everything, AuditFilter::default(), 100).await.unwrap();
        events.into_iter().rev().filter_map(|event| event.actor.credential).collect()
    }

    #[tokio::test]
    async fn a_reader_sees_everything_that_happened_before() {
        let (_folder, store, audit) = started().await;
        assert_eq!(listed(&audit).await, [] as [String; 0]);
        sign_in(&audit, "key_1");
        assert_eq!(listed(&audit).await, ["key_1"]);
        audit.close().await;
        store.close().await;
    }

    #[tokio::test]
    async fn events_that_the_database_does_not_take_wait_for_it() {
        let (_folder, store, audit) = started().await;
        store.break_audit(true).await;
        sign_in(&audit, "key_1");
        assert!(audit.list(AuditScope::Everything, AuditFilter::default(), 100).await.is_err());
        sign_in(&audit, "key_2");
        store.break_audit(false).await;
        assert_eq!(listed(&audit).await, ["key_1", "key_2"]);
        audit.close().await;
        store.close().await;
    }

    #[tokio::test]
    async fn the_end_writes_what_is_queued_and_counts_what_was_left_out() {
        let (_folder, store, audit) = started().await;
        let origin = RequestOrigin::from(std::net::IpAddr::from([10, 0, 0, 1]));
        for _ in 0..15 {
            audit.refused_stranger(action::CALLER_AUTHENTICATE, &origin, None, "unknown key");
        }
        audit.close().await;
        let after = Audit::without_task(Arc::new(store.clone()));
        let query = AuditFilter { kind: Some(AuditKind::Refusal), ..AuditFilter::default() };
        let events = after.list(AuditScope::Everything, query, 100).await.unwrap();
        assert_eq!((events.len(), events.iter().map(|event| event.left_out).sum::<u64>()), (11, 5));
        store.close().await;
    }
}
