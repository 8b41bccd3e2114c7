//! [`JournalWriter`]: the task that writes the journal.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep, sleep_until};

use super::counters::Counters;
use super::entry::JournalEntry;
use super::queue::{JournalQueue, Numbered};
use super::settings::CompiledSettings;
use crate::background::log_limit::LogLimit;
use crate::background::pruning;
use crate::background::retention_clock::Aging;
use crate::domain::call::{CallRetention, StoredCall};
use crate::domain::error::Error;
use crate::ports::journal::JournalStore;
use crate::ports::store::is_database_failure;

/// Waits before each further attempt to write a batch.
const RETRIES: [Duration; 3] = [Duration::from_millis(100), Duration::from_millis(400), Duration::from_secs(1)];

/// The wait after those, as long as the database fails. Further calls wait in the queue until it is full.
const LATER: Duration = Duration::from_secs(1);

/// Batches with more bytes than this are prepared where no socket waits for it.
const PREPARED_IN_PLACE: usize = 64 * 1024;

/// The number of refused records that are held until the database takes others.
const MAX_REFUSED: usize = 512;

/// The shortest time between two log lines about calls that cannot be written.
const COMPLAINTS: Duration = Duration::from_secs(60);

#[derive(Debug, PartialEq, Eq)]
enum WriterEvent {
    Write,
    Prune,
    Close,
}

/// Records that are ready to be written, with their numbers in the queue.
#[derive(Default)]
struct JournalBatch {
    numbers: Vec<u64>,
    rows: Vec<StoredCall>,
}

impl JournalBatch {
    fn push(&mut self, number: u64, row: StoredCall) {
        self.numbers.push(number);
        self.rows.push(row);
    }

    fn append(&mut self, mut other: Self) {
        self.numbers.append(&mut other.numbers);
        self.rows.append(&mut other.rows);
    }

    fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

/// The outcome of an attempt to write a batch.
enum Tried {
    /// It is written, but for records that only the database knows the fault of, which are lost.
    Written,
    /// The database refuses these records, and took no other of the batch.
    Refused(JournalBatch, Error),
    /// The database takes nothing at the moment.
    Trouble(JournalBatch, Error),
}

/// Writes what is queued, and deletes what is old.
pub(super) struct JournalWriter {
    store: Arc<dyn JournalStore>,
    settings: Arc<CompiledSettings>,
    aging: Arc<Aging>,
    counters: Arc<Counters>,
    queue: Arc<JournalQueue>,
    /// The records that the database did not take; they go before the next ones.
    unwritten: JournalBatch,
    retry_at: Option<Instant>,
    prune_at: Instant,
    complaints: LogLimit,
}

impl JournalWriter {
    pub(super) fn new(
        store: Arc<dyn JournalStore>,
        settings: Arc<CompiledSettings>,
        aging: Arc<Aging>,
        counters: Arc<Counters>,
        queue: Arc<JournalQueue>,
    ) -> Self {
        let (unwritten, prune_at, complaints) = (JournalBatch::default(), Instant::now(), LogLimit::default());
        Self { store, settings, aging, counters, queue, unwritten, retry_at: None, prune_at, complaints }
    }

    /// Writes until the queue is closed, and then all that is left.
    pub(super) async fn run(mut self) {
        // Of a writer before this one, which panicked.
        self.counters.add_lost(self.queue.abandon_in_hand());
        loop {
            match self.next().await {
                WriterEvent::Write => self.write().await,
                WriterEvent::Prune => self.prune().await,
                WriterEvent::Close => break,
            }
        }
        self.write_all().await;
        for wait in RETRIES {
            if !self.unwritten.is_empty() {
                sleep(wait).await;
                self.write_all().await;
            }
        }
        let left = self.queue.waiting().0;
        if left > 0 {
            self.counters.add_lost(left);
            tracing::error!(calls = left, "calls could not be written into the journal and are lost");
        }
    }

    /// Waits for the event that is due first, so that neither writing nor deleting starves the other. All waits are
    /// cancel-safe: the next look sees a change that one of them missed.
    async fn next(&mut self) -> WriterEvent {
        loop {
            if self.queue.is_closing() {
                return WriterEvent::Close;
            }
            let write_at = self.retry_at.or_else(|| self.queue.due());
            let (at, event) = match write_at {
                Some(write_at) if write_at < self.prune_at => (write_at, WriterEvent::Write),
                _ => (self.prune_at, WriterEvent::Prune),
            };
            tokio::select! {
                biased;
                () = sleep_until(at) => return event,
                () = self.queue.changed() => {}
            }
        }
    }

    /// Writes all that is queued, unless the database fails.
    async fn write_all(&mut self) {
        loop {
            self.write().await;
            if !self.unwritten.is_empty() || self.queue.due().is_none() {
                return;
            }
        }
    }

    /// Writes what the database did not take before, and then the next batch.
    async fn write(&mut self) {
        self.retry_at = None;
        let unwritten = std::mem::take(&mut self.unwritten);
        let refused = match self.try_write(unwritten).await {
            Tried::Written => None,
            // Others may be taken; if they are, it is these that are at fault.
            Tried::Refused(batch, error) if batch.rows.len() < MAX_REFUSED => Some((batch, error)),
            Tried::Refused(batch, error) | Tried::Trouble(batch, error) => return self.hold(batch, &error),
        };
        let next = self.prepare().await;
        let is_tried = !next.is_empty();
        match (self.try_write(next).await, refused) {
            (Tried::Written, None) => {}
            (Tried::Written, Some((batch, _))) if is_tried => self.write_or_lose(batch).await,
            (Tried::Written, Some((batch, error))) => self.hold(batch, &error),
            (Tried::Refused(next, error) | Tried::Trouble(next, error), refused) => {
                let mut batch = refused.map(|(batch, _)| batch).unwrap_or_default();
                batch.append(next);
                self.hold(batch, &error);
            }
        }
    }

    /// Tries to write a batch, as a whole and then, if the database refuses it, record by record.
    async fn try_write(&mut self, batch: JournalBatch) -> Tried {
        if batch.is_empty() {
            return Tried::Written;
        }
        match self.add(&batch.rows).await {
            Ok(bytes) => {
                self.note_written(&batch.numbers, bytes);
                Tried::Written
            }
            Err(error) if is_database_failure(&error) => Tried::Trouble(batch, error),
            Err(error) => self.write_each(batch, error).await,
        }
    }

    async fn write_each(&mut self, batch: JournalBatch, error: Error) -> Tried {
        let (mut refused, mut last, mut is_any_written) = (JournalBatch::default(), error, false);
        let mut rows = batch.numbers.into_iter().zip(batch.rows);
        while let Some((number, row)) = rows.next() {
            match self.store.add_calls(std::slice::from_ref(&row)).await {
                Ok(bytes) => {
                    is_any_written = true;
                    self.note_written(&[number], bytes);
                }
                Err(error) if is_database_failure(&error) => {
                    refused.push(number, row);
                    rows.for_each(|(number, row)| refused.push(number, row));
                    return Tried::Trouble(refused, error);
                }
                Err(error) => {
                    refused.push(number, row);
                    last = error;
                }
            }
        }
        match is_any_written || refused.is_empty() {
            false => Tried::Refused(refused, last),
            true => {
                self.lose(&refused, &last);
                Tried::Written
            }
        }
    }

    /// Writes refused records one last time, now that the database takes others.
    async fn write_or_lose(&mut self, batch: JournalBatch) {
        match self.try_write(batch).await {
            Tried::Written => {}
            Tried::Refused(batch, error) => self.lose(&batch, &error),
            Tried::Trouble(batch, error) => self.hold(batch, &error),
        }
    }

    fn lose(&mut self, batch: &JournalBatch, error: &Error) {
        if !batch.is_empty() {
            self.counters.add_lost(batch.rows.len());
            self.queue.finish(&batch.numbers);
            self.complain(error, "the database refuses calls that others are no different from; they are lost");
        }
    }

    fn note_written(&mut self, numbers: &[u64], bytes: i64) {
        self.counters.add_written(numbers.len());
        self.queue.finish(numbers);
        if u64::try_from(bytes).is_ok_and(|bytes| bytes > self.settings.max_bytes) {
            self.prune_at = self.prune_at.min(Instant::now() + pruning::BREATH);
        }
    }

    fn hold(&mut self, batch: JournalBatch, error: &Error) {
        self.unwritten = batch;
        self.retry_at = Some(Instant::now() + LATER);
        self.queue.note_failure();
        self.complain(error, "calls cannot be written into the journal; they wait until its queue is full");
    }

    /// Takes the next batch, and takes out of it what must not be kept.
    async fn prepare(&mut self) -> JournalBatch {
        let (taken, settings) = (self.queue.take(), Arc::clone(&self.settings));
        let numbers: Vec<_> = taken.iter().map(|(number, _)| *number).collect();
        let bytes: usize = taken.iter().map(|(_, entry)| entry.bytes()).sum();
        let prepare =
            move || taken.into_iter().map(|(_, entry): Numbered| JournalEntry::row(entry, &settings)).collect();
        if bytes <= PREPARED_IN_PLACE {
            return JournalBatch { numbers, rows: prepare() };
        }
        match spawn_blocking(prepare).await {
            Ok(rows) => JournalBatch { numbers, rows },
            Err(error) => {
                self.counters.add_lost(numbers.len());
                self.queue.finish(&numbers);
                self.complain(&error, "calls could not be prepared for the journal and are lost");
                JournalBatch::default()
            }
        }
    }

    async fn add(&mut self, rows: &[StoredCall]) -> Result<i64, Error> {
        for wait in RETRIES {
            match self.store.add_calls(rows).await {
                Err(error) if is_database_failure(&error) => {
                    tracing::debug!(%error, "calls could not be written; they are tried again");
                }
                done => return done,
            }
            sleep(wait).await;
        }
        self.store.add_calls(rows).await
    }

    fn complain(&mut self, error: &dyn std::error::Error, complaint: &'static str) {
        if self.complaints.admits(COMPLAINTS) {
            let cause = error.source().map(ToString::to_string).unwrap_or_default();
            tracing::error!(%error, cause, "{complaint}");
        }
    }

    async fn prune(&mut self) {
        let retention = CallRetention {
            oldest_ms: self.aging.cutoff_ms(self.settings.max_age),
            max_bytes: i64::try_from(self.settings.max_bytes).unwrap_or(i64::MAX),
            batch: pruning::BATCH,
        };
        let wait = match self.store.prune_calls(retention).await {
            Ok(deleted) => pruning::wait_after(deleted, self.settings.max_age),
            Err(error) => {
                tracing::warn!(%error, "old calls could not be deleted; it is tried again");
                pruning::LOOKS.1
            }
        };
        self.prune_at = Instant::now() + wait;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};

    use tokio::sync::Semaphore;
    use tokio::task::JoinHandle;
    use tokio::time::timeout;

    use super::super::entry::sample;
    use super::super::queue::{BATCH, READERS_PAUSE, WAIT};
    use super::pruning::{BREATH, LOOKS};
    use super::*;
    use async_trait::async_trait;

    use crate::domain::call::{CallFilter, Kept};
    use crate::domain::error::ErrorKind;
    use crate::domain::ids::{CallId, ProjectId};
    use crate::domain::page::Listing;
    use crate::ports::clock::testing::TestClock;
    use crate::ports::store::{FailureExtent, StoreFailure};
    use crate::settings::JournalSettings;

    /// A database that fails when it is told to, refuses bad records, and waits for permits.
    #[derive(Debug, Clone)]
    struct Fake {
        failures: Arc<AtomicUsize>,
        refuses_all: Arc<AtomicBool>,
        permits: Arc<Semaphore>,
        written: Arc<Mutex<Vec<usize>>>,
        bytes: i64,
        prunes: Arc<AtomicUsize>,
        cutoff_ms: Arc<AtomicI64>,
    }

    impl Fake {
        fn new(failures: usize) -> Self {
            Self {
                failures: Arc::new(failures.into()),
                refuses_all: Arc::default(),
                permits: Arc::new(Semaphore::new(Semaphore::MAX_PERMITS)),
                written: Arc::default(),
                bytes: 0,
                prunes: Arc::default(),
                cutoff_ms: Arc::default(),
            }
        }

        fn batches(&self) -> Vec<usize> {
            self.written.lock().unwrap().clone()
        }
    }

    #[async_trait]
    impl JournalStore for Fake {
        async fn add_calls(&self, calls: &[StoredCall]) -> Result<i64, Error> {
            self.permits.acquire().await.unwrap().forget();
            if self.failures.load(Ordering::Relaxed) > 0 {
                self.failures.fetch_sub(1, Ordering::Relaxed);
                return Err(Error::new(ErrorKind::Storage, "the disk is full"));
            }
            if self.refuses_all.load(Ordering::Relaxed) || calls.iter().any(|call| call.summary.tool == "bad") {
                let failure = StoreFailure::new("a NUL".to_owned(), FailureExtent::Statement);
                return Err(Error::new(ErrorKind::Storage, "refused").caused_by(failure));
            }
            assert!(calls.iter().all(|call| call.summary.tool != "fatal"), "for the test");
            self.written.lock().unwrap().push(calls.len());
            Ok(self.bytes)
        }

        async fn prune_calls(&self, retention: CallRetention) -> Result<u64, Error> {
            self.cutoff_ms.store(retention.oldest_ms, Ordering::Relaxed);
            self.prunes.fetch_add(1, Ordering::Relaxed);
            Ok(0)
        }

        async fn calls(
            &self,
            _: &ProjectId,
            _: &CallFilter,
            _: i64,
        ) -> Result<Listing<StoredCall, (i64, CallId)>, Error> {
            unreachable!("the writer reads nothing")
        }

        async fn call(&self, _: &ProjectId, _: &str) -> Result<Option<StoredCall>, Error> {
            unreachable!("the writer reads nothing")
        }
    }

    struct Harness {
        queue: Arc<JournalQueue>,
        counters: Arc<Counters>,
        task: JoinHandle<()>,
    }

    impl Harness {
        fn start(fake: Fake) -> Self {
            let (queue, counters) = (Arc::<JournalQueue>::default(), Arc::<Counters>::default());
            let writer = writer(fake, &counters, &queue);
            Self { queue, counters, task: tokio::spawn(writer.run()) }
        }

        fn push(&self, entries: usize) {
            for _ in 0..entries {
                self.queue.push(sample());
            }
        }

        /// Waits until everything is written, or the database fails.
        async fn settle(&self) {
            within(self.queue.settled(&"prj".into())).await;
        }

        async fn close(self) -> (u64, u64) {
            self.queue.close();
            within(self.task).await.unwrap();
            figures(&self.counters)
        }

        fn figures(&self) -> (u64, u64) {
            figures(&self.counters)
        }
    }

    fn writer(fake: Fake, counters: &Arc<Counters>, queue: &Arc<JournalQueue>) -> JournalWriter {
        let aging = Arc::new(Aging::of_now());
        let settings = Arc::new(JournalSettings::default().into());
        JournalWriter::new(Arc::new(fake), settings, aging, Arc::clone(counters), Arc::clone(queue))
    }

    fn figures(counters: &Counters) -> (u64, u64) {
        (counters.written.load(Ordering::Relaxed), counters.lost.load(Ordering::Relaxed))
    }

    async fn within<T>(what: impl Future<Output = T>) -> T {
        timeout(Duration::from_secs(600), what).await.expect("it took too long")
    }

    fn called(tool: &str) -> JournalEntry {
        let mut entry = sample();
        entry.summary.tool = tool.to_owned();
        entry
    }

    #[tokio::test(start_paused = true)]
    async fn calls_are_written_together_after_a_moment() {
        let fake = Fake::new(0);
        let harness = Harness::start(fake.clone());
        let begun = Instant::now();
        harness.push(3);
        while fake.batches().is_empty() {
            sleep(Duration::from_millis(1)).await;
        }
        assert_eq!((fake.batches(), harness.figures()), (vec![3], (3, 0)));
        assert!(begun.elapsed() >= WAIT && begun.elapsed() < WAIT * 2, "{:?}", begun.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_batch_waits_for_nothing_and_the_end_writes_the_rest() {
        let fake = Fake::new(0);
        let harness = Harness::start(fake.clone());
        harness.push(BATCH * 2 + 5);
        assert_eq!(harness.close().await, (517, 0));
        assert_eq!(fake.batches(), [BATCH, BATCH, 5]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_that_fails_is_tried_again() {
        let fake = Fake::new(RETRIES.len());
        let harness = Harness::start(fake.clone());
        harness.push(1);
        harness.settle().await;
        assert_eq!((fake.batches(), harness.figures()), (vec![1], (1, 0)));
    }

    #[tokio::test(start_paused = true)]
    async fn calls_wait_for_a_database_that_fails() {
        let fake = Fake::new(usize::MAX);
        let harness = Harness::start(fake.clone());
        harness.push(1);
        harness.settle().await;
        harness.push(BATCH);
        sleep(LATER * 10).await;
        assert_eq!((fake.batches(), harness.figures()), (vec![], (0, 0)));
        let (waiting, oldest) = harness.queue.waiting();
        assert_eq!(waiting, 1 + BATCH);
        assert!(oldest.unwrap().elapsed() > LATER * 10, "the first one has waited the longest");
        fake.failures.store(0, Ordering::Relaxed);
        sleep(LATER * 4).await;
        assert_eq!((fake.batches(), harness.figures()), (vec![1, BATCH], (1 + BATCH as u64, 0)));
        assert_eq!(harness.queue.waiting(), (0, None));
    }

    #[tokio::test(start_paused = true)]
    async fn what_cannot_be_written_in_the_end_is_lost_and_counted() {
        let harness = Harness::start(Fake::new(usize::MAX));
        harness.push(BATCH + 3);
        let begun = Instant::now();
        assert_eq!(harness.close().await, (0, 3 + BATCH as u64));
        assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_record_that_the_database_refuses_costs_no_other() {
        let fake = Fake::new(0);
        let harness = Harness::start(fake.clone());
        for tool in ["good", "bad", "good", "bad", "good"] {
            harness.queue.push(called(tool));
        }
        assert_eq!(harness.close().await, (3, 2));
        assert_eq!(fake.batches(), [1, 1, 1]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_record_waits_until_another_shows_that_it_is_at_fault() {
        let fake = Fake::new(0);
        let harness = Harness::start(fake.clone());
        harness.queue.push(called("bad"));
        sleep(LATER * 5).await;
        assert_eq!(harness.figures(), (0, 0), "it could be the database");
        harness.queue.push(called("good"));
        sleep(LATER * 5).await;
        assert_eq!((fake.batches(), harness.figures()), (vec![1], (1, 1)));
        assert_eq!(harness.queue.waiting(), (0, None));
    }

    #[tokio::test(start_paused = true)]
    async fn a_database_that_refuses_everything_for_a_while_loses_nothing() {
        let fake = Fake { refuses_all: Arc::new(true.into()), ..Fake::new(0) };
        let harness = Harness::start(fake.clone());
        for _ in 0..3 {
            harness.push(BATCH);
            sleep(LATER * 5).await;
        }
        assert_eq!(harness.figures(), (0, 0));
        fake.refuses_all.store(false, Ordering::Relaxed);
        sleep(LATER * 5).await;
        assert_eq!(harness.close().await, (3 * BATCH as u64, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn readers_share_commits() {
        let fake = Fake::new(0);
        let harness = Harness::start(fake.clone());
        let begun = Instant::now();
        for _ in 0..1000 {
            harness.push(1);
            sleep(Duration::from_millis(1)).await;
            let (queue, project) = (Arc::clone(&harness.queue), "prj".into());
            drop(tokio::spawn(async move { queue.settled(&project).await }));
        }
        harness.settle().await;
        let most = begun.elapsed().as_millis() / READERS_PAUSE.as_millis() + 2;
        assert!(fake.batches().len() as u128 <= most, "{} batches, {most} at most", fake.batches().len());
        assert_eq!(harness.figures(), (1000, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn readers_do_not_keep_old_calls_from_being_deleted() {
        let fake = Fake::new(0);
        let harness = Harness::start(fake.clone());
        let begun = Instant::now();
        while begun.elapsed() < LOOKS.1 * 5 {
            harness.push(1);
            harness.settle().await;
        }
        assert!(fake.prunes.load(Ordering::Relaxed) >= 5, "{}", fake.prunes.load(Ordering::Relaxed));
    }

    #[tokio::test(start_paused = true)]
    async fn too_much_is_deleted_soon_and_too_old_now_and_then() {
        let fake = Fake { bytes: i64::MAX, ..Fake::new(0) };
        let harness = Harness::start(fake.clone());
        sleep(LOOKS.1 + BREATH).await;
        assert_eq!(fake.prunes.load(Ordering::Relaxed), 2);
        harness.push(1);
        harness.settle().await;
        sleep(BREATH * 2).await;
        assert_eq!(fake.prunes.load(Ordering::Relaxed), 3);
        assert_eq!(harness.figures(), (1, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_jump_of_the_wall_clock_deletes_nothing_more() {
        const YEAR_MS: i64 = 365 * 24 * 60 * 60 * 1000;

        let (clock, fake) = (TestClock::install(), Fake::new(0));
        let _harness = Harness::start(fake.clone());
        sleep(BREATH).await;
        let cutoff_ms = fake.cutoff_ms.load(Ordering::Relaxed);
        for (jump_ms, prunes) in [(YEAR_MS, 2), (-2 * YEAR_MS, 3)] {
            clock.jump_ms(jump_ms);
            sleep(LOOKS.1).await;
            assert_eq!(fake.prunes.load(Ordering::Relaxed), prunes);
            assert_eq!(fake.cutoff_ms.load(Ordering::Relaxed), cutoff_ms);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_writer_that_panics_loses_its_batch_and_the_next_one_goes_on() {
        let (fake, queue, counters) = (Fake::new(0), Arc::<JournalQueue>::default(), Arc::<Counters>::default());
        queue.push(called("fatal"));
        within(tokio::spawn(writer(fake.clone(), &counters, &queue).run())).await.unwrap_err();
        queue.push(sample());
        let next = tokio::spawn(writer(fake.clone(), &counters, &queue).run());
        within(queue.settled(&"prj".into())).await;
        assert_eq!((fake.batches(), figures(&counters)), (vec![1], (1, 1)));
        queue.close();
        within(next).await.unwrap();
    }

    #[tokio::test]
    async fn long_texts_are_prepared_like_short_ones() {
        let queue = Arc::<JournalQueue>::default();
        let mut writer = writer(Fake::new(0), &Arc::default(), &queue);
        let text = format!(r#"{{"password":"{}"}}"#, "x".repeat(60 * 1024));
        for _ in 0..2 {
            queue.push(JournalEntry { arguments: Some(text.clone().into()), ..sample() });
        }
        for row in writer.prepare().await.rows {
            assert_eq!(row.arguments.kept, Kept::Redacted);
            assert_eq!(row.arguments.text.as_deref(), Some(r#"{"password":"[redacted]"}"#));
        }
        assert!(writer.prepare().await.is_empty());
    }
}
