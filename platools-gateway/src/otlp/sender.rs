//! [`SpanSender`]: the task that sends spans to the collector in batches, and counts those that are lost.

use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use opentelemetry_sdk::trace::SpanData;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

/// The number of spans in one request.
const BATCH: usize = 512;

/// The time that a span waits for others in the same request.
const BATCH_WAIT: Duration = Duration::from_secs(1);

/// The shortest time between two log lines about lost spans.
const COMPLAINTS: Duration = Duration::from_secs(60);

/// The destination of spans.
pub(super) trait Export {
    /// Sends spans, or returns the reason why they are lost.
    fn export(&self, spans: Vec<SpanData>) -> impl Future<Output = Result<(), String>> + Send;
}

/// Lost spans that are not in the log yet.
#[derive(Debug, Default)]
pub(super) struct LostSpans(AtomicU64);

impl LostSpans {
    pub(super) fn add(&self, spans: usize) {
        self.0.fetch_add(spans as u64, Ordering::Relaxed);
    }
}

/// Sends the spans of the queue until it closes, and then the rest.
pub(super) struct SpanSender<E> {
    collector: E,
    waiting: mpsc::Receiver<SpanData>,
    closing: CancellationToken,
    losses: Arc<LostSpans>,
    complained: Option<Instant>,
}

impl<E: Export> SpanSender<E> {
    pub(super) fn new(
        collector: E,
        waiting: mpsc::Receiver<SpanData>,
        closing: CancellationToken,
        losses: Arc<LostSpans>,
    ) -> Self {
        Self { collector, waiting, closing, losses, complained: None }
    }

    pub(super) async fn run(mut self) {
        let mut batch = Vec::with_capacity(BATCH);
        let mut cause = None;
        while self.gather(&mut batch).await {
            let count = batch.len();
            if let Err(error) = self.collector.export(mem::take(&mut batch)).await {
                self.losses.add(count);
                cause = Some(error);
            }
            if self.complained.is_none_or(|at| at.elapsed() >= COMPLAINTS) {
                self.complain(cause.take());
            }
        }
        self.complain(cause);
    }

    /// Waits for a span, and then a moment for more. False if there will be none.
    async fn gather(&mut self, batch: &mut Vec<SpanData>) -> bool {
        if self.receive(batch).await == 0 {
            return false;
        }
        let deadline = Instant::now() + BATCH_WAIT;
        while batch.len() < BATCH {
            // Cancel-safe, as what is received is in the batch.
            match timeout_at(deadline, self.receive(batch)).await {
                Ok(0) | Err(_) => break,
                Ok(_) => {}
            }
        }
        true
    }

    /// Waits for spans; none come when all that were there before the close are taken.
    async fn receive(&mut self, batch: &mut Vec<SpanData>) -> usize {
        loop {
            // Both arms are cancel-safe: a token stays cancelled, and spans that are taken are in the batch.
            tokio::select! {
                biased;
                () = self.closing.cancelled(), if !self.waiting.is_closed() => self.waiting.close(),
                count = self.waiting.recv_many(batch, BATCH - batch.len()) => return count,
            }
        }
    }

    /// Logs the spans that were lost since the last line.
    fn complain(&mut self, cause: Option<String>) {
        let spans = self.losses.0.swap(0, Ordering::Relaxed);
        if spans > 0 {
            let cause = cause.as_deref().unwrap_or("they came faster than they could be sent");
            tracing::warn!(spans, cause, "spans not sent to the collector and lost");
            self.complained = Some(Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::sync::{Mutex, MutexGuard};

    use tokio::time::sleep;
    use tokio_util::task::AbortOnDropHandle;

    use super::super::span::sample;
    use super::*;

    /// The state of the collector, as the last answers showed it.
    enum Mood {
        Takes,
        Refuses,
        Hangs,
    }

    struct Fake {
        mood: Mood,
        batches: Arc<Mutex<Vec<usize>>>,
    }

    impl Export for Fake {
        async fn export(&self, spans: Vec<SpanData>) -> Result<(), String> {
            self.batches.lock().unwrap().push(spans.len());
            match self.mood {
                Mood::Takes => Ok(()),
                Mood::Refuses => Err("not today".to_owned()),
                Mood::Hangs => pending().await,
            }
        }
    }

    struct Running {
        spans: mpsc::Sender<SpanData>,
        batches: Arc<Mutex<Vec<usize>>>,
        closing: CancellationToken,
        losses: Arc<LostSpans>,
        task: AbortOnDropHandle<()>,
    }

    impl Running {
        fn start(mood: Mood) -> Self {
            let (spans, waiting) = mpsc::channel(4 * BATCH);
            let (batches, closing, losses) = (Arc::default(), CancellationToken::new(), Arc::<LostSpans>::default());
            let fake = Fake { mood, batches: Arc::clone(&batches) };
            let sender = SpanSender::new(fake, waiting, closing.clone(), Arc::clone(&losses));
            Self { spans, batches, closing, losses, task: AbortOnDropHandle::new(tokio::spawn(sender.run())) }
        }

        fn leave(&self, count: usize) {
            for _ in 0..count {
                self.spans.try_send(sample()).unwrap();
            }
        }

        fn batches(&self) -> MutexGuard<'_, Vec<usize>> {
            self.batches.lock().unwrap()
        }

        fn unsaid(&self) -> u64 {
            self.losses.0.load(Ordering::Relaxed)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn spans_wait_a_moment_for_others_and_go_together() {
        let running = Running::start(Mood::Takes);
        running.leave(1);
        sleep(BATCH_WAIT / 2).await;
        running.leave(2);
        sleep(BATCH_WAIT).await;
        assert_eq!(*running.batches(), [3]);
        running.leave(BATCH + 1);
        sleep(BATCH_WAIT / 2).await;
        assert_eq!(*running.batches(), [3, BATCH], "a full batch does not wait");
        sleep(BATCH_WAIT).await;
        assert_eq!(*running.batches(), [3, BATCH, 1]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_waits_is_sent_before_the_end() {
        let running = Running::start(Mood::Takes);
        running.leave(BATCH + 2);
        running.closing.cancel();
        running.task.await.unwrap();
        assert_eq!(*running.batches.lock().unwrap(), [BATCH, 2]);
        assert!(running.spans.try_send(sample()).is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn losses_are_told_once_a_minute_and_at_the_end() {
        let running = Running::start(Mood::Refuses);
        running.leave(3);
        sleep(2 * BATCH_WAIT).await;
        assert_eq!((running.batches().len(), running.unsaid()), (1, 0));
        for _ in 0..10 {
            running.leave(1);
            sleep(2 * BATCH_WAIT).await;
        }
        assert_eq!((running.batches().len(), running.unsaid()), (11, 10));
        sleep(COMPLAINTS).await;
        running.leave(1);
        sleep(2 * BATCH_WAIT).await;
        assert_eq!(running.unsaid(), 0);
        running.losses.add(1);
        running.closing.cancel();
        running.task.await.unwrap();
        assert_eq!(running.losses.0.load(Ordering::Relaxed), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_collector_that_hangs_leaves_the_queue_to_fill_up() {
        let running = Running::start(Mood::Hangs);
        running.leave(1);
        sleep(2 * BATCH_WAIT).await;
        running.leave(4 * BATCH);
        assert!(running.spans.try_send(sample()).is_err());
        assert_eq!(*running.batches(), [1]);
    }
}
