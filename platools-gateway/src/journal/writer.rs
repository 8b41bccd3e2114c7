//! [`JournalWriter`]: the task that stores the records of calls in batches, and deletes old ones.

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
use crate::background::retention_clock::RetentionClock;
use crate::domain::call::{CallRetention, StoredCall};
use crate::domain::error::Error;
use crate::ports::journal::JournalStore;
use crate::ports::store::is_database_failure;

/// Waits before each further attempt to write a batch.
const RETRIES: [Duration; 3] = [Duration::from_millis(100), Duration::from_millis(400), Duration::from_secs(1)];

/// The wait after those, as long as the database fails. Further calls wait in the queue until it is full.
const LATER: Duration = Duration::from_secs(1);

/// Batches with more bytes than this are prepared on a blocking thread.
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
    retention_clock: Arc<RetentionClock>,
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
        retention_clock: Arc<RetentionClock>,
        counters: Arc<Counters>,
        queue: Arc<JournalQueue>,
    ) -> Self {
        let (unwritten, prune_at, complaints) = (JournalBatch::default(), Instant::now(), LogLimit::default());
        Self { store, settings, retention_clock, counters, queue, unwritten, retry_at: None, prune_at, complaints }
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
            tracing::error!(calls = left, "records of calls not stored and lost");
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
                self.complain(&error, "records of calls not prepared and lost");
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
            oldest_ms: self.retention_clock.cutoff_ms(self.settings.max_age),
            max_bytes: i64::try_from(self.settings.max_bytes).unwrap_or(i64::MAX),
            batch: pruning::BATCH,
        };
        let wait = match self.store.prune_calls(retention).await {
            Ok(deleted) => pruning::wait_after(deleted, self.settings.max_age),
            Err(error) => {
                tracing::warn!(%error, "old calls not deleted; trying again later");
                pruning::LOOKS.1
            }
        };
        self.prune_at = Instant::now() + wait;
    }
}

#[cfg(test)]
mod tests;
