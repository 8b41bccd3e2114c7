//! The task that writes the journal.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep, sleep_until};

use super::Counters;
use super::entry::Entry;
use super::settings::JournalSettings;
use crate::core::clock::ms_before;
use crate::core::error::Error;
use crate::store::{CallRow, Retention, Store};

/// So many calls are written at a time.
const BATCH: usize = 256;

/// How long the first call of a batch waits for others.
const WAIT: Duration = Duration::from_millis(200);

/// How long to wait before each further attempt to write a batch.
const RETRIES: [Duration; 3] = [Duration::from_millis(100), Duration::from_millis(400), Duration::from_secs(1)];

/// How long to wait after those, as long as the database fails. Further calls wait in the queue until it is full.
const LATER: Duration = Duration::from_secs(1);

/// Batches with more bytes than this are prepared where no socket waits for it.
const PREPARED_IN_PLACE: usize = 64 * 1024;

/// So many calls are deleted at a time, so that nobody who writes waits for long.
const PRUNED: i64 = 256;

/// How long others have the database to themselves between two deletions.
const BREATH: Duration = Duration::from_millis(20);

/// How often to look for what is too old, for ages from minutes to years.
const LOOKS: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(60));

/// At most so often does the log say that calls are lost.
const COMPLAINTS: Duration = Duration::from_secs(60);

/// Where the journal's calls go.
pub(super) trait Shelf: Send + 'static {
    /// Stores calls, all or none, and returns what all calls take.
    fn add(&mut self, calls: &[CallRow]) -> impl Future<Output = Result<i64, Error>> + Send;

    /// Deletes some of what may not stay, and says how many.
    fn prune(&mut self, retention: Retention) -> impl Future<Output = Result<u64, Error>> + Send;
}

impl Shelf for Store {
    async fn add(&mut self, calls: &[CallRow]) -> Result<i64, Error> {
        self.add_calls(calls).await
    }

    async fn prune(&mut self, retention: Retention) -> Result<u64, Error> {
        self.prune_calls(retention).await
    }
}

/// What the task is asked for.
pub(super) enum Request {
    /// To write what is queued, and say so.
    Flush(oneshot::Sender<()>),
    /// To write what is queued, and end.
    Close,
}

enum Event {
    /// Calls came; they are in the batch.
    Came(usize),
    /// The batch has waited long enough.
    Due,
    /// It is time to delete.
    Prune,
    Asked(Request),
}

/// Owns the batch and its times.
pub(super) struct Writer<S> {
    shelf: S,
    settings: Arc<JournalSettings>,
    counters: Arc<Counters>,
    queue: mpsc::Receiver<Entry>,
    requests: mpsc::Receiver<Request>,
    batch: Vec<Entry>,
    /// What the database did not take; goes before the batch.
    unwritten: Vec<CallRow>,
    due: Option<Instant>,
    prune_at: Instant,
    complained: Option<Instant>,
}

impl<S: Shelf> Writer<S> {
    pub(super) fn new(
        shelf: S,
        settings: Arc<JournalSettings>,
        counters: Arc<Counters>,
        queue: mpsc::Receiver<Entry>,
        requests: mpsc::Receiver<Request>,
    ) -> Self {
        let (batch, unwritten, due, prune_at) = (Vec::with_capacity(BATCH), Vec::new(), None, Instant::now());
        Self { shelf, settings, counters, queue, requests, batch, unwritten, due, prune_at, complained: None }
    }

    /// Writes until it is told to end, or nobody is left to send anything.
    pub(super) async fn run(mut self) {
        loop {
            match self.next().await {
                Event::Came(0) | Event::Asked(Request::Close) => break,
                Event::Came(_) => self.wait_for_more(),
                Event::Due => self.write().await,
                Event::Prune => self.prune().await,
                Event::Asked(Request::Flush(done)) => {
                    self.write_queued().await;
                    // Whoever asked may have given up.
                    let _ = done.send(());
                }
            }
        }
        self.queue.close();
        self.write_queued().await;
        for wait in RETRIES {
            if !self.unwritten.is_empty() {
                sleep(wait).await;
                self.write_queued().await;
            }
        }
        let left = self.unwritten.len() + self.batch.len() + self.queue.len();
        if left > 0 {
            self.counters.add_lost(left);
            tracing::error!(calls = left, "calls could not be written into the journal and are lost");
        }
    }

    /// Every arm only waits, and `recv_many` leaves in the queue what it does not return, so all of them are cancel-safe. What
    /// is due goes before what comes, which never ends when there is much of it.
    async fn next(&mut self) -> Event {
        let room = BATCH - self.batch.len();
        let due = self.due.unwrap_or(self.prune_at);
        tokio::select! {
            biased;
            Some(request) = self.requests.recv() => Event::Asked(request),
            () = sleep_until(due), if self.due.is_some() => Event::Due,
            () = sleep_until(self.prune_at) => Event::Prune,
            came = self.queue.recv_many(&mut self.batch, room), if room > 0 => Event::Came(came),
        }
    }

    fn wait_for_more(&mut self) {
        let now = Instant::now();
        self.note_waiting();
        if self.batch.len() == BATCH {
            self.due = Some(now);
        }
        self.due.get_or_insert(now + WAIT);
    }

    /// Writes all that was queued when this began, unless the database fails.
    async fn write_queued(&mut self) {
        let mut left = self.queue.len();
        while left > 0 || !self.batch.is_empty() || !self.unwritten.is_empty() {
            while left > 0 && self.batch.len() < BATCH {
                left -= 1;
                self.batch.extend(self.queue.try_recv().ok());
            }
            self.write().await;
            if !self.unwritten.is_empty() {
                break;
            }
        }
    }

    /// Writes what the database did not take before, and then the batch.
    async fn write(&mut self) {
        self.due = None;
        if !self.unwritten.is_empty() {
            let rows = std::mem::take(&mut self.unwritten);
            let tried = self.shelf.add(&rows).await;
            self.end_write(rows, tried);
        }
        self.note_waiting();
        if self.unwritten.is_empty()
            && let Some(rows) = self.prepare().await
        {
            let tried = self.add(&rows).await;
            self.end_write(rows, tried);
            self.note_waiting();
        }
    }

    /// Notes how many calls wait here, and since when the oldest does. Of those that the database did not take that has been
    /// noted.
    fn note_waiting(&self) {
        self.counters.taken.store(self.batch.len() + self.unwritten.len(), Ordering::Relaxed);
        if self.unwritten.is_empty() {
            *self.counters.oldest() = self.batch.first().map(|entry| entry.since);
        }
    }

    fn end_write(&mut self, rows: Vec<CallRow>, tried: Result<i64, Error>) {
        match tried {
            Ok(bytes) => {
                self.counters.add_written(rows.len());
                if u64::try_from(bytes).is_ok_and(|bytes| bytes > self.settings.max_bytes) {
                    self.prune_at = self.prune_at.min(Instant::now() + BREATH);
                }
            }
            Err(error) => {
                self.unwritten = rows;
                self.due = Some(Instant::now() + LATER);
                self.complain(&error, "calls cannot be written into the journal; they wait until its queue is full");
            }
        }
    }

    /// Takes the batch, and takes out of it what must not be kept.
    async fn prepare(&mut self) -> Option<Vec<CallRow>> {
        let (batch, settings) = (std::mem::take(&mut self.batch), Arc::clone(&self.settings));
        let (calls, bytes) = (batch.len(), batch.iter().map(Entry::bytes).sum::<usize>());
        let prepare = move || batch.into_iter().map(|entry| entry.row(&settings)).collect::<Vec<_>>();
        if bytes <= PREPARED_IN_PLACE {
            return Some(prepare()).filter(|rows| !rows.is_empty());
        }
        let prepared = spawn_blocking(prepare).await;
        let lose = |error| {
            self.counters.add_lost(calls);
            self.complain(&error, "calls could not be prepared for the journal and are lost");
        };
        prepared.map_err(lose).ok()
    }

    async fn add(&mut self, rows: &[CallRow]) -> Result<i64, Error> {
        for wait in RETRIES {
            match self.shelf.add(rows).await {
                Ok(bytes) => return Ok(bytes),
                Err(error) => tracing::debug!(%error, "calls could not be written; they are tried again"),
            }
            sleep(wait).await;
        }
        self.shelf.add(rows).await
    }

    fn complain(&mut self, error: &dyn std::error::Error, complaint: &'static str) {
        if self.complained.is_none_or(|at| at.elapsed() >= COMPLAINTS) {
            self.complained = Some(Instant::now());
            let cause = error.source().map(ToString::to_string).unwrap_or_default();
            tracing::error!(%error, cause, "{complaint}");
        }
    }

    async fn prune(&mut self) {
        let retention = Retention {
            oldest_ms: ms_before(self.settings.max_age),
            max_bytes: i64::try_from(self.settings.max_bytes).unwrap_or(i64::MAX),
            batch: PRUNED,
        };
        let wait = match self.shelf.prune(retention).await {
            Ok(0) => (self.settings.max_age / 10).clamp(LOOKS.0, LOOKS.1),
            Ok(_) => BREATH,
            Err(error) => {
                tracing::warn!(%error, "old calls could not be deleted; it is tried again");
                LOOKS.1
            }
        };
        self.prune_at = Instant::now() + wait;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::AtomicUsize;

    use tokio::sync::Semaphore;
    use tokio::time::timeout;

    use super::super::call::{CallEnd, CallSummary, Kept};
    use super::*;
    use crate::core::clock::now_ms;
    use crate::core::error::ErrorKind;
    use crate::core::gauge::Gauge;
    use crate::core::ids::CallId;

    /// A database that fails when it is told to, and waits for permits.
    #[derive(Clone)]
    struct Fake {
        failures: Arc<AtomicUsize>,
        permits: Arc<Semaphore>,
        written: Arc<Mutex<Vec<usize>>>,
        bytes: i64,
        prunes: Arc<AtomicUsize>,
    }

    impl Fake {
        fn new(failures: usize) -> Self {
            Self {
                failures: Arc::new(failures.into()),
                permits: Arc::new(Semaphore::new(Semaphore::MAX_PERMITS)),
                written: Arc::default(),
                bytes: 0,
                prunes: Arc::default(),
            }
        }

        fn batches(&self) -> Vec<usize> {
            self.written.lock().unwrap().clone()
        }
    }

    impl Shelf for Fake {
        async fn add(&mut self, calls: &[CallRow]) -> Result<i64, Error> {
            self.permits.acquire().await.unwrap().forget();
            if self.failures.load(Ordering::Relaxed) > 0 {
                self.failures.fetch_sub(1, Ordering::Relaxed);
                return Err(Error::new(ErrorKind::Storage, "the disk is full"));
            }
            self.written.lock().unwrap().push(calls.len());
            Ok(self.bytes)
        }

        async fn prune(&mut self, _: Retention) -> Result<u64, Error> {
            self.prunes.fetch_add(1, Ordering::Relaxed);
            Ok(0)
        }
    }

    struct Harness {
        queue: mpsc::Sender<Entry>,
        requests: mpsc::Sender<Request>,
        counters: Arc<Counters>,
        task: tokio::task::JoinHandle<()>,
    }

    impl Harness {
        fn start(shelf: Fake, room: usize) -> Self {
            let (queue, entries) = mpsc::channel(room);
            let (requests, asked) = mpsc::channel(1);
            let counters = Arc::<Counters>::default();
            let writer = Writer::new(shelf, Arc::default(), Arc::clone(&counters), entries, asked);
            Self { queue, requests, counters, task: tokio::spawn(writer.run()) }
        }

        async fn flush(&self) {
            let (done, flushed) = oneshot::channel();
            self.requests.send(Request::Flush(done)).await.unwrap();
            within(flushed).await.unwrap();
        }

        async fn close(self) -> Counters {
            self.requests.send(Request::Close).await.unwrap();
            within(self.task).await.unwrap();
            Arc::into_inner(self.counters).unwrap()
        }

        fn figures(&self) -> (u64, u64) {
            figures(&self.counters)
        }
    }

    fn figures(counters: &Counters) -> (u64, u64) {
        (counters.written.load(Ordering::Relaxed), counters.lost.load(Ordering::Relaxed))
    }

    async fn within<T>(what: impl Future<Output = T>) -> T {
        timeout(Duration::from_secs(600), what).await.expect("it took too long")
    }

    fn entry() -> Entry {
        let declaration = platools::wire::ToolDeclaration::new("t", "", serde_json::json!({"type": "object"}));
        let row = crate::store::ToolRow { declaration, fingerprint: String::new(), changed_ms: 0 };
        Entry {
            project_id: "prj".into(),
            summary: CallSummary::sample(CallId::random(), now_ms()),
            end: CallEnd { outcome: "ok".into(), total_ms: 1, worker_ms: None, result_bytes: None },
            tool: Arc::new(row.into()),
            arguments: Some("{}".to_owned()),
            result: None,
            since: Instant::now(),
            _room: Gauge::default().hold(0),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn calls_are_written_together_after_a_moment() {
        let fake = Fake::new(0);
        let harness = Harness::start(fake.clone(), 1000);
        let begun = Instant::now();
        for _ in 0..3 {
            harness.queue.send(entry()).await.unwrap();
        }
        while fake.batches().is_empty() {
            sleep(Duration::from_millis(1)).await;
        }
        assert_eq!((fake.batches(), harness.figures()), (vec![3], (3, 0)));
        assert!(begun.elapsed() >= WAIT && begun.elapsed() < WAIT * 2, "{:?}", begun.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_batch_waits_for_nothing_and_the_end_writes_the_rest() {
        let fake = Fake::new(0);
        let harness = Harness::start(fake.clone(), 1000);
        for _ in 0..BATCH * 2 + 5 {
            harness.queue.try_send(entry()).unwrap();
        }
        let counters = harness.close().await;
        assert_eq!(fake.batches(), [BATCH, BATCH, 5]);
        assert_eq!(figures(&counters), (517, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_that_fails_is_tried_again() {
        let fake = Fake::new(RETRIES.len());
        let harness = Harness::start(fake.clone(), 10);
        harness.queue.send(entry()).await.unwrap();
        harness.flush().await;
        assert_eq!((fake.batches(), harness.figures()), (vec![1], (1, 0)));
    }

    #[tokio::test(start_paused = true)]
    async fn calls_wait_for_a_database_that_fails_and_what_does_not_fit_is_refused() {
        let fake = Fake::new(usize::MAX);
        let harness = Harness::start(fake.clone(), 10);
        harness.queue.send(entry()).await.unwrap();
        harness.flush().await;
        // Those that came while the first was tried are the batch that waits behind it.
        for _ in 0..BATCH {
            within(harness.queue.send(entry())).await.unwrap();
        }
        sleep(LATER * 10).await;
        let refused = (0..15).filter(|_| harness.queue.try_send(entry()).is_err()).count();
        assert_eq!((fake.batches(), harness.figures(), refused), (vec![], (0, 0), 5));
        assert_eq!(harness.counters.taken.load(Ordering::Relaxed), 1 + BATCH);
        assert!(harness.counters.oldest().unwrap().elapsed() > LATER * 10, "the first one has waited the longest");
        fake.failures.store(0, Ordering::Relaxed);
        harness.flush().await;
        assert_eq!((fake.batches(), harness.figures()), (vec![1, BATCH, 10], (11 + BATCH as u64, 0)));
    }

    #[tokio::test(start_paused = true)]
    async fn what_cannot_be_written_in_the_end_is_lost_and_counted() {
        let fake = Fake::new(usize::MAX);
        let harness = Harness::start(fake.clone(), 1000);
        for _ in 0..BATCH + 3 {
            harness.queue.try_send(entry()).unwrap();
        }
        let begun = Instant::now();
        assert_eq!(figures(&harness.close().await), (0, 3 + BATCH as u64));
        assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_database_fills_the_queue_and_nothing_more() {
        let fake = Fake { permits: Arc::new(Semaphore::new(0)), ..Fake::new(0) };
        let harness = Harness::start(fake.clone(), 10);
        harness.queue.send(entry()).await.unwrap();
        // Past the wait, so that the task is busy with the first call.
        sleep(WAIT * 2).await;
        let refused = (0..25).filter(|_| harness.queue.try_send(entry()).is_err()).count();
        assert_eq!(refused, 15);
        assert_eq!(
            harness.counters.oldest().unwrap().elapsed(),
            WAIT * 2,
            "the oldest is the one that is being written"
        );
        fake.permits.add_permits(10);
        let counters = harness.close().await;
        assert_eq!((figures(&counters), *counters.oldest()), ((11, 0), None));
        assert_eq!(fake.batches().iter().sum::<usize>(), 11);
    }

    #[tokio::test(start_paused = true)]
    async fn too_much_is_deleted_soon_and_too_old_now_and_then() {
        let fake = Fake { bytes: i64::MAX, ..Fake::new(0) };
        let harness = Harness::start(fake.clone(), 10);
        sleep(LOOKS.1 + BREATH).await;
        assert_eq!(fake.prunes.load(Ordering::Relaxed), 2);
        harness.queue.send(entry()).await.unwrap();
        harness.flush().await;
        sleep(BREATH * 2).await;
        assert_eq!(fake.prunes.load(Ordering::Relaxed), 3);
        assert_eq!(harness.figures(), (1, 0));
    }

    #[tokio::test]
    async fn long_texts_are_prepared_like_short_ones() {
        let fake = Fake::new(0);
        let mut harness = Writer::new(fake, Arc::default(), Arc::default(), mpsc::channel(1).1, mpsc::channel(1).1);
        let text = format!(r#"{{"password":"{}"}}"#, "x".repeat(PREPARED_IN_PLACE));
        harness.batch.push(Entry { arguments: Some(text), ..entry() });
        let rows = harness.prepare().await.unwrap();
        assert_eq!(rows[0].arguments.kept, Kept::Redacted);
        assert_eq!(rows[0].arguments.text.as_deref(), Some(r#"{"password":"[redacted]"}"#));
        assert!(harness.prepare().await.is_none());
    }
}
