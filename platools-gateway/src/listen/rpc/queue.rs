//! [`Queue`]: the messages that wait to be written to one RPC caller. A full queue drops events before responses.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

use platools_protocol::rpc::{Event, Response};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use tokio::sync::Notify;
use tokio::time::{Duration, sleep};

use crate::background::log_limit::LogLimit;
use crate::domain::identity::Credential;
use crate::domain::lock::lock;
use crate::limits::{HeldBytes, Limiter, OverBudget};

/// The log says so often at most that events of one connection were dropped.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// The messages that wait to be written to one caller, in order.
///
/// Nobody who queues waits: an event that does not fit is dropped, and a response takes the place of some. Both the number of
/// messages and their bytes are bounded.
#[derive(Debug)]
pub(super) struct Queue {
    waiting: Mutex<WaitingMessages>,
    limit: usize,
    /// The most for this caller.
    max_bytes: usize,
    /// Bounds what waits for all callers.
    limiter: Arc<Limiter>,
    /// The credential of the caller, once it is known.
    owner: OnceLock<String>,
    changed: Notify,
    /// Wakes the task that logs dropped events.
    dropped: Notify,
}

#[derive(Debug, Default)]
struct WaitingMessages {
    messages: VecDeque<QueuedMessage>,
    bytes: usize,
    /// The number of the last event.
    seq: u64,
    /// A response did not fit.
    is_over: bool,
    /// Events that were dropped and are not in the log yet.
    unlogged: u64,
    /// Events that were dropped since the last response.
    untold: u64,
    log_limit: LogLimit,
}

#[derive(Debug)]
struct QueuedMessage {
    text: String,
    is_event: bool,
    _held: Option<HeldBytes>,
}

impl Queue {
    pub(super) fn new(limit: usize, max_bytes: usize, limiter: Arc<Limiter>) -> Self {
        let (owner, changed, dropped) = (OnceLock::new(), Notify::new(), Notify::new());
        Self { waiting: Mutex::default(), limit, max_bytes, limiter, owner, changed, dropped }
    }

    /// Notes the credential that the waiting messages count against.
    pub(super) fn note_owner(&self, credential: &Credential) {
        // A connection has one caller.
        let _ = self.owner.set(credential.to_string());
    }

    /// Queues an event.
    pub(super) fn event(&self, name: &str, payload: &impl Serialize) {
        self.raw_event(name, &to_raw_value(payload).expect("strings, numbers and raw JSON always serialize"));
    }

    /// Queues an event whose payload is text already; false if it is dropped. Its number is taken in any case, so that the gap shows.
    pub(super) fn raw_event(&self, name: &str, payload: &RawValue) -> bool {
        let mut waiting = self.lock();
        waiting.seq += 1;
        // Asked before it is written: what a slow caller misses is not worth the work.
        let has_place = waiting.messages.len() < self.limit;
        let text = has_place.then(|| Event::new(name, payload, waiting.seq).to_text());
        let text = text.filter(|text| waiting.bytes + text.len() <= self.max_bytes);
        let held = text.and_then(|text| Some((self.hold(&waiting, text.len()).ok()?, text)));
        let Some((held, text)) = held else {
            self.note_dropped(&mut waiting, 1);
            return false;
        };
        waiting.push(text, true, held);
        drop(waiting);
        self.changed.notify_one();
        true
    }

    /// Leaves out so many events that were lost before they came here.
    pub(super) fn skip_events(&self, lost: u64) {
        let mut waiting = self.lock();
        waiting.seq += lost;
        self.note_dropped(&mut waiting, lost);
    }

    fn note_dropped(&self, waiting: &mut WaitingMessages, events: u64) {
        self.limiter.note_dropped_events(events);
        waiting.unlogged += events;
        waiting.untold += events;
        if !waiting.log_when_due() {
            self.dropped.notify_one();
        }
    }

    /// Logs the events that were dropped and are not in the log yet, for as long as the connection lasts. Cancel-safe.
    pub(super) async fn log_dropped(&self) -> Infallible {
        loop {
            self.dropped.notified().await;
            loop {
                sleep(LOG_INTERVAL).await;
                if self.lock().log_when_due() {
                    break;
                }
            }
        }
    }

    /// Queues a response. Where only responses wait and they are too many or too long, the queue is over. A response that nothing
    /// waits before is queued however long it is, as it could not be sent at all otherwise.
    ///
    /// It tells how many events were dropped since the one before it: there may be none behind them that would show the gap.
    pub(super) fn response(&self, response: &Response<'_>) {
        let mut text = response.to_text();
        let mut waiting = self.lock();
        while !waiting.is_over && !self.has_room(&waiting, text.len() + Response::MAX_DROPPED_EVENTS_BYTES) {
            // The event that came last goes, so that what is left is what came first.
            match waiting.drop_last_event() {
                true => self.note_dropped(&mut waiting, 1),
                false => waiting.is_over = true,
            }
        }
        if !waiting.is_over {
            if waiting.untold > 0 {
                text = response.clone().with_dropped_events(std::mem::take(&mut waiting.untold)).to_text();
            }
            match self.hold(&waiting, text.len()) {
                Ok(held) => waiting.push(text, false, held),
                Err(OverBudget) => waiting.is_over = true,
            }
        }
        drop(waiting);
        self.changed.notify_one();
    }

    /// Counts a message that waits behind others among those that wait for all callers.
    fn hold(&self, waiting: &WaitingMessages, bytes: usize) -> Result<Option<HeldBytes>, OverBudget> {
        if waiting.messages.is_empty() {
            return Ok(None);
        }
        self.limiter.waiting_message(self.owner.get().map_or("", String::as_str), bytes)
    }

    fn has_room(&self, waiting: &WaitingMessages, bytes: usize) -> bool {
        waiting.messages.is_empty() || (waiting.messages.len() < self.limit && waiting.bytes + bytes <= self.max_bytes)
    }

    /// The next message; none when the queue is over. Cancel-safe.
    pub(super) async fn next(&self) -> Option<String> {
        loop {
            {
                let mut waiting = self.lock();
                if waiting.is_over {
                    return None;
                }
                if let Some(text) = waiting.pop() {
                    return Some(text);
                }
            }
            self.changed.notified().await;
        }
    }

    /// True if nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.lock().messages.is_empty()
    }

    /// Waits until a response does not fit. Cancel-safe.
    pub(super) async fn over(&self) {
        while !self.is_over() {
            self.changed.notified().await;
        }
    }

    fn is_over(&self) -> bool {
        self.lock().is_over
    }

    /// Removes and returns everything that waits.
    pub(super) fn take_all(&self) -> Vec<String> {
        let mut waiting = self.lock();
        std::iter::from_fn(|| waiting.pop()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, WaitingMessages> {
        // Every section leaves the queue whole, so a panic in another task spoils nothing.
        lock(&self.waiting)
    }
}

impl WaitingMessages {
    fn push(&mut self, text: String, is_event: bool, held: Option<HeldBytes>) {
        self.bytes += text.len();
        self.messages.push_back(QueuedMessage { text, is_event, _held: held });
    }

    fn pop(&mut self) -> Option<String> {
        let text = self.messages.pop_front()?.text;
        self.bytes -= text.len();
        Some(text)
    }

    /// Drops the event that came last; false if there is none.
    fn drop_last_event(&mut self) -> bool {
        let Some(at) = self.messages.iter().rposition(|message| message.is_event) else { return false };
        let event = self.messages.remove(at);
        self.bytes -= event.map_or(0, |event| event.text.len());
        true
    }

    /// Logs the dropped events that are not in the log, unless that was done less than an interval ago. Says whether none is left.
    fn log_when_due(&mut self) -> bool {
        if self.unlogged > 0 && self.log_limit.admits(LOG_INTERVAL) {
            self.log();
        }
        self.unlogged == 0
    }

    fn log(&mut self) {
        let dropped = std::mem::take(&mut self.unlogged);
        if dropped > 0 {
            tracing::warn!(events.dropped = dropped, "events dropped: the caller reads too slowly");
        }
    }
}

/// The end of a connection: the log has every dropped event then.
impl Drop for Queue {
    fn drop(&mut self) {
        self.lock().log();
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;
    use platools_protocol::rpc::{GatewayFrame, RpcError};
    use serde_json::json;

    use tracing_subscriber::layer::{self, Layer, SubscriberExt as _};

    use super::*;
    use crate::limits::Limits;
    use crate::settings::RpcSettings;

    const BYTES: usize = 1024 * 1024;

    fn queue(limit: usize) -> Queue {
        Queue::new(limit, BYTES, Arc::new(Limiter::new(&Limits::default())))
    }

    /// The messages that come out: the numbers of events, and the ids of responses.
    fn taken(queue: &Queue) -> Vec<String> {
        let name = |text: String| match GatewayFrame::parse(&text).unwrap() {
            GatewayFrame::Event(event) => event.seq.to_string(),
            GatewayFrame::Response(response) => response.id.into_owned(),
            other => panic!("{other:?}"),
        };
        queue.take_all().into_iter().map(name).collect()
    }

    fn respond(queue: &Queue, id: &str) {
        queue.response(&Response::failure(id, RpcError::new("INTERNAL".into(), "")));
    }

    #[test]
    fn events_are_numbered_from_one_and_those_that_do_not_fit_leave_a_gap() {
        let queue = queue(2);
        (0..4).for_each(|_| queue.event("chat", &json!({})));
        assert_eq!(taken(&queue), ["1", "2"]);
        queue.event("chat", &json!({}));
        queue.skip_events(3);
        queue.event("chat", &json!({}));
        assert_eq!(taken(&queue), ["5", "9"]);
    }

    #[test]
    fn a_response_takes_the_place_of_the_latest_event() {
        let queue = queue(3);
        queue.event("chat", &json!({}));
        respond(&queue, "a");
        queue.event("chat", &json!({}));
        respond(&queue, "b");
        respond(&queue, "c");
        assert!(!queue.is_over());
        assert_eq!(taken(&queue), ["a", "b", "c"]);
    }

    #[tokio::test]
    async fn a_queue_of_responses_only_that_is_full_is_over() {
        let queue = queue(2);
        respond(&queue, "a");
        respond(&queue, "b");
        queue.event("chat", &json!({}));
        assert!(!queue.is_over(), "an event ends nothing");
        respond(&queue, "c");
        assert!(queue.is_over());
        assert_eq!(queue.next().await, None);
    }

    #[test]
    fn few_events_that_are_large_are_too_many_as_well() {
        let queue = queue(256);
        let large = "x".repeat(BYTES / 4);
        (0..5).for_each(|_| queue.event("chat", &large));
        respond(&queue, "a");
        assert_eq!(taken(&queue), ["1", "2", "3", "a"]);
        queue.event("chat", &large);
        assert_eq!(taken(&queue), ["6"]);
    }

    #[test]
    fn few_responses_that_are_large_are_too_many_as_well() {
        let queue = queue(256);
        let large = to_raw_value(&"x".repeat(BYTES / 4)).unwrap();
        let respond = |payload: &RawValue| queue.response(&Response::success("a", payload));
        queue.event("chat", &large);
        (0..3).for_each(|_| respond(&large));
        assert_eq!(taken(&queue), ["a", "a", "a"], "the event made room");
        (0..4).for_each(|_| respond(&large));
        assert!(queue.is_over());
    }

    #[test]
    fn a_response_of_any_length_is_sent_when_nothing_else_waits() {
        let queue = queue(256);
        let large = to_raw_value(&"x".repeat(BYTES * 2)).unwrap();
        queue.response(&Response::success("a", &large));
        assert_eq!(taken(&queue), ["a"]);
        queue.response(&Response::success("a", &large));
        queue.response(&Response::success("b", &large));
        assert!(queue.is_over());
    }

    #[test]
    fn what_waits_for_all_callers_together_is_bounded_and_those_who_read_are_not_concerned() {
        let mut limits = Limits::default();
        limits.total.waiting_bytes = std::num::NonZeroU64::new(256 * 1024).unwrap();
        let limiter = Arc::new(Limiter::new(&limits));
        let large = to_raw_value(&"x".repeat(20 * 1024)).unwrap();
        let slow = |key: &str| {
            let queue = Queue::new(256, usize::MAX, Arc::clone(&limiter));
            queue.note_owner(&Credential::Key(key.into()));
            // The first waits behind nothing, and the six after it are as much as one key may have.
            (0..7).for_each(|_| queue.response(&Response::success("a", &large)));
            queue
        };
        let (one, other) = (slow("key_1"), slow("key_2"));
        assert!(!one.is_over() && !other.is_over());
        let third = Queue::new(256, usize::MAX, Arc::clone(&limiter));
        third.note_owner(&Credential::Key("key_3".into()));
        for _ in 0..10 {
            third.response(&Response::success("a", &large));
            assert_eq!(taken(&third), ["a"]);
        }
        third.response(&Response::success("a", &large));
        third.event("chat", &large);
        assert_eq!(taken(&third), ["a"], "an event is dropped");
        one.response(&Response::success("a", &large));
        assert!(one.is_over());
        drop(one);
        third.response(&Response::success("a", &large));
        third.event("chat", &large);
        assert_eq!(taken(&third).len(), 2);
    }

    #[test]
    fn of_many_events_256_wait_by_default_and_the_others_leave_a_gap_of_exactly_their_number() {
        let settings = RpcSettings::default();
        let limiter = Arc::new(Limiter::new(&Limits::default()));
        let queue = Queue::new(settings.waiting_messages, settings.waiting_bytes, Arc::clone(&limiter));
        (0..300).for_each(|_| queue.event("chat", &json!({})));
        let seqs: Vec<_> = (1..=256).map(|seq: u64| seq.to_string()).collect();
        assert_eq!(taken(&queue), seqs);
        queue.event("chat", &json!({}));
        assert_eq!((taken(&queue), limiter.dropped_events()), (vec!["301".to_owned()], 44));
    }

    #[test]
    fn a_response_tells_the_events_that_were_dropped_before_it_also_if_none_follows() {
        let queue = queue(2);
        (0..5).for_each(|_| queue.event("chat", &json!({})));
        // It takes the place of the second event.
        respond(&queue, "a");
        respond(&queue, "b");
        let texts = queue.take_all();
        let told = |text: &str| match GatewayFrame::parse(text).unwrap() {
            GatewayFrame::Response(response) => response.dropped_events,
            other => panic!("{other:?}"),
        };
        assert_eq!((texts.len(), told(&texts[0]), told(&texts[1])), (2, 4, 1), "{texts:?}");
        respond(&queue, "c");
        assert!(!queue.take_all()[0].contains("droppedEvents"));
    }

    /// The dropped events that the log has a line for, one number a line.
    fn logged(run: impl FnOnce()) -> Vec<u64> {
        let log = Log::default();
        let subscriber = tracing_subscriber::registry().with(log.clone());
        tracing::subscriber::with_default(subscriber, run);
        log.0.lock().unwrap().clone()
    }

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u64>>>);

    impl<S: tracing::Subscriber> Layer<S> for Log {
        fn on_event(&self, event: &tracing::Event<'_>, _: layer::Context<'_, S>) {
            event.record(&mut |field: &tracing::field::Field, value: &dyn std::fmt::Debug| {
                if field.name() == "events.dropped" {
                    self.0.lock().unwrap().push(format!("{value:?}").parse().unwrap());
                }
            });
        }
    }

    #[test]
    fn the_log_has_the_first_dropped_event_at_once_and_every_other_by_the_end_of_the_connection() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let lines = logged(|| {
            runtime.block_on(async {
                let queue = queue(2);
                let drop_events = |events: usize| (0..events).for_each(|_| queue.event("chat", &json!({})));
                let scene = async {
                    drop_events(2 + 167);
                    sleep(LOG_INTERVAL * 3).await;
                    drop_events(5);
                    sleep(LOG_INTERVAL / 2).await;
                    drop_events(4);
                    // More than an interval later than the last line: logged at once.
                    sleep(LOG_INTERVAL * 2).await;
                    drop_events(3);
                };
                tokio::select! {
                    () = scene => {}
                    never = queue.log_dropped() => match never {},
                }
                assert_eq!(queue.lock().seq, 2 + 167 + 5 + 4 + 3);
            });
        });
        // The first at once, the rest of its burst an interval later, and so on; what is left when the queue ends.
        assert_eq!(lines, [1, 166, 1, 8, 1, 2]);
    }

    #[tokio::test]
    async fn a_waiting_writer_is_woken() {
        let queue = queue(2);
        let mut next = Box::pin(queue.next());
        assert!(next.as_mut().now_or_never().is_none());
        queue.event("chat", &json!({}));
        assert!(next.await.unwrap().contains("\"seq\":1"));
    }
}
