//! Tests of the journal's writer against a database that fails, refuses and waits.

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

use crate::domain::call::{CallFilter, PayloadState};
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

    async fn calls(&self, _: &ProjectId, _: &CallFilter, _: i64) -> Result<Listing<StoredCall, (i64, CallId)>, Error> {
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
    let retention_clock = Arc::new(RetentionClock::of_now());
    let settings = Arc::new(JournalSettings::default().into());
    JournalWriter::new(Arc::new(fake), settings, retention_clock, Arc::clone(counters), Arc::clone(queue))
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
        assert_eq!(row.arguments.state, PayloadState::Redacted);
        assert_eq!(row.arguments.text.as_deref(), Some(r#"{"password":"[redacted]"}"#));
    }
    assert!(writer.prepare().await.is_empty());
}
