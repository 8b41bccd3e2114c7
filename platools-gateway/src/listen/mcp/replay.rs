//! What was sent in a session, for a client that comes back to a stream it lost.
//!
//! `rmcp` keeps a few events of each stream itself, but forgets those of a request with its answer, which is then what a client
//! misses that lost the stream just before.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use futures::{Stream, stream};
use platools::mcp::json_bytes;
use rmcp::model::{ServerJsonRpcMessage, ServerNotification};
use rmcp::transport::streamable_http_server::session::{
    EventId, EventStore, EventStoreError, EventStream, ServerSseMessage,
};
use tokio::sync::watch;

use super::readers::{Reader, Readers, Turn};

/// So many events are kept at most, however short they are, beside those of the log.
const MAX_EVENTS: usize = 1024;

/// So many of the log are kept at most. They have a share of their own, so that neither answers nor they cost the others anything.
const MAX_LOG_EVENTS: usize = 256;

/// The log may take this part of the bytes that everything else may take.
const LOG_SHARE: usize = 4;

/// The stream of what happens by itself. All others are those of a request, and end with its answer.
const COMMON: &str = "common";

/// The latest events of one session's streams.
#[derive(Debug)]
pub(super) struct Replay {
    log: Mutex<Log>,
    /// The number of the latest event.
    latest: watch::Sender<u64>,
    readers: Arc<Readers>,
    max_bytes: usize,
}

#[derive(Debug, Default)]
struct Log {
    events: VecDeque<Kept>,
}

struct Kept {
    /// Counts up over all streams of the session, from 1.
    number: u64,
    stream: Arc<str>,
    event: ServerSseMessage,
    bytes: usize,
    is_log: bool,
}

/// Shows which event it is, not what it says.
impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept").field("number", &self.number).field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

impl Kept {
    /// Whether nothing comes after it in its stream. An answer that belongs to no request any more goes to the common one, which
    /// goes on.
    fn is_last(&self) -> bool {
        let message = self.event.message.as_deref();
        *self.stream != *COMMON
            && matches!(message, Some(ServerJsonRpcMessage::Response(_) | ServerJsonRpcMessage::Error(_)))
    }
}

/// What a reader gets next.
struct Next {
    number: u64,
    event: ServerSseMessage,
    /// Nothing comes after it.
    is_last: bool,
}

impl Replay {
    pub(super) fn new(max_bytes: usize) -> Self {
        Self { log: Mutex::default(), latest: watch::Sender::new(0), readers: Arc::default(), max_bytes }
    }

    /// What happens by itself from now on.
    pub(super) fn listen(self: &Arc<Self>) -> impl Stream<Item = ServerSseMessage> + Send + Sync + use<> {
        let latest = *self.latest.borrow();
        self.listen_after(latest)
    }

    /// What happens by itself after an event, or has happened since the beginning at 0. Whoever asks last is told.
    pub(super) fn listen_after(
        self: &Arc<Self>,
        after: u64,
    ) -> impl Stream<Item = ServerSseMessage> + Send + Sync + use<> {
        struct Listener {
            replay: Arc<Replay>,
            latest: watch::Receiver<u64>,
            reader: Reader,
            after: u64,
        }
        let (latest, reader) = (self.latest.subscribe(), self.readers.join());
        stream::unfold(Listener { replay: Arc::clone(self), latest, reader, after }, async |mut listener| {
            loop {
                // Before looking, so that what comes meanwhile is not slept through.
                listener.latest.borrow_and_update();
                match listener.reader.turn() {
                    Turn::Over => return None,
                    Turn::Later => {
                        listener.reader.changed().await;
                        // What others were told meanwhile is not told again.
                        listener.after = listener.after.max(listener.reader.given());
                        continue;
                    }
                    Turn::Own => {}
                }
                let next = listener.replay.lock().next(COMMON, listener.after);
                if let Some(Next { number, event, .. }) = next {
                    listener.after = number;
                    listener.reader.takes(number);
                    return Some((event, listener));
                }
                // Both arms are cancel-safe.
                tokio::select! {
                    changed = listener.latest.changed() => changed.ok()?,
                    () = listener.reader.changed() => {}
                }
            }
        })
    }

    /// A request's events after one of them; then those that are still to come, to its answer, unless that was the one.
    fn follow(
        self: &Arc<Self>,
        stream: Arc<str>,
        after: u64,
        is_over: bool,
    ) -> impl Stream<Item = ServerSseMessage> + Send + Sync + use<> {
        struct Reader {
            replay: Arc<Replay>,
            latest: watch::Receiver<u64>,
            stream: Arc<str>,
            after: u64,
            /// Its last event is read, and may be forgotten meanwhile.
            is_over: bool,
        }
        let reader = Reader { replay: Arc::clone(self), latest: self.latest.subscribe(), stream, after, is_over };
        stream::unfold(reader, async |mut reader| {
            while !reader.is_over {
                // Before looking, so that what comes meanwhile is not slept through.
                reader.latest.borrow_and_update();
                let next = reader.replay.lock().next(&reader.stream, reader.after);
                if let Some(Next { number, event, is_last }) = next {
                    (reader.after, reader.is_over) = (number, is_last);
                    return Some((event, reader));
                }
                reader.latest.changed().await.ok()?;
            }
            None
        })
    }

    /// What came, and comes, after an event in its stream.
    pub(super) fn after(self: &Arc<Self>, event_id: &str) -> Result<EventStream, EventStoreError> {
        if let Some(number) = event_id.strip_prefix(COMMON).and_then(|rest| rest.strip_prefix('-')) {
            let number: u64 = number.parse()?;
            return Ok(Box::pin(self.listen_after(number.min(*self.latest.borrow()))));
        }
        let number: u64 = event_id.parse()?;
        let log = self.lock();
        let found = log.events.iter().find(|kept| kept.number == number).ok_or("the event is not kept any more")?;
        Ok(Box::pin(self.follow(Arc::clone(&found.stream), number, found.is_last())))
    }

    fn lock(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Log {
    /// The first event of a stream after one of them, if it is there yet.
    fn next(&self, stream: &str, after: u64) -> Option<Next> {
        let next = self.events.iter().find(|kept| *kept.stream == *stream && kept.number > after)?;
        Some(Next { number: next.number, event: next.event.clone(), is_last: next.is_last() })
    }

    fn keep(&mut self, kept: Kept, max_bytes: usize) {
        let is_log = kept.is_log;
        self.events.push_back(kept);
        match is_log {
            true => self.trim(is_log, MAX_LOG_EVENTS, max_bytes / LOG_SHARE),
            false => self.trim(is_log, MAX_EVENTS, max_bytes),
        }
    }

    /// Forgets the oldest events of a kind until the rest is few and short enough; the latest stays in any case.
    fn trim(&mut self, is_log: bool, max_events: usize, max_bytes: usize) {
        let of_kind = self.events.iter().filter(|kept| kept.is_log == is_log);
        let (mut events, mut bytes) = of_kind.fold((0, 0), |(events, bytes), kept| (events + 1, bytes + kept.bytes));
        while events > max_events || (bytes > max_bytes && events > 1) {
            let oldest = self.events.iter().position(|kept| kept.is_log == is_log).expect("there are several");
            events -= 1;
            bytes -= self.events.remove(oldest).map_or(0, |kept| kept.bytes);
        }
    }
}

/// Whether a message is an entry of a log.
fn is_log(event: &ServerSseMessage) -> bool {
    let notification = match event.message.as_deref() {
        Some(ServerJsonRpcMessage::Notification(message)) => &message.notification,
        _ => return false,
    };
    matches!(notification, ServerNotification::LoggingMessageNotification(_))
}

#[async_trait]
impl EventStore for Shared {
    async fn store_event(&self, stream_id: &str, event: &ServerSseMessage) -> Result<EventId, EventStoreError> {
        let bytes = event.message.as_deref().map_or(0, json_bytes);
        let (stream, replay): (Arc<str>, _) = (name(stream_id).into(), &self.0);
        let mut log = replay.lock();
        let number = *replay.latest.borrow() + 1;
        let mut event = ServerSseMessage::clone(event);
        let id = event_id(&stream, number);
        event.event_id = Some(id.clone());
        log.keep(Kept { number, stream, is_log: is_log(&event), event, bytes }, replay.max_bytes);
        replay.latest.send_replace(number);
        Ok(id)
    }

    async fn replay_events_after(&self, last_event_id: &str) -> Result<EventStream, EventStoreError> {
        self.0.after(last_event_id)
    }
}

/// What a stream is called here: `rmcp` puts the session before the common one's name.
fn name(stream_id: &str) -> &str {
    if stream_id.ends_with(":common") { COMMON } else { stream_id }
}

/// What an event is called: after its number, and after the common stream if it is of that one, which goes on when the event is
/// forgotten.
fn event_id(stream: &str, number: u64) -> String {
    if *stream == *COMMON { format!("{COMMON}-{number}") } else { number.to_string() }
}

/// A session's events, as `rmcp` takes them.
pub(super) struct Shared(pub(super) Arc<Replay>);

#[cfg(test)]
mod tests {
    use futures::{FutureExt as _, StreamExt as _};
    use rmcp::model::{
        EmptyResult, ProgressNotification, ProgressNotificationParam, RequestId, ServerNotification, ServerResult,
    };

    use serde_json::json;

    use super::*;

    fn progress(number: u32) -> ServerSseMessage {
        let token = rmcp::model::ProgressToken(RequestId::Number(1));
        let param = ProgressNotificationParam::new(token, number.into());
        let notification = ServerNotification::ProgressNotification(ProgressNotification::new(param));
        ServerSseMessage::from_message(ServerJsonRpcMessage::notification(notification))
    }

    fn answer() -> ServerSseMessage {
        let result = ServerResult::EmptyResult(EmptyResult {});
        ServerSseMessage::from_message(ServerJsonRpcMessage::response(result, RequestId::Number(1)))
    }

    fn ids(events: &[ServerSseMessage]) -> Vec<&str> {
        events.iter().map(|event| event.event_id.as_deref().unwrap()).collect()
    }

    async fn store(replay: &Shared, stream: &str, event: ServerSseMessage) -> String {
        replay.store_event(stream, &event).await.unwrap()
    }

    #[tokio::test]
    async fn whoever_comes_back_gets_the_rest_of_its_own_stream_to_the_end() {
        let replay = Shared(Arc::new(Replay::new(1 << 20)));
        let first = store(&replay, "a", progress(1)).await;
        store(&replay, "b", progress(1)).await;
        store(&replay, "a", progress(2)).await;
        let mut rest = replay.replay_events_after(&first).await.unwrap();
        assert_eq!(ids(&[rest.next().await.unwrap()]), ["3"]);
        assert!(rest.next().now_or_never().is_none(), "it is not over");
        store(&replay, "b", answer()).await;
        let last = store(&replay, "a", answer()).await;
        assert_eq!(ids(&rest.collect::<Vec<_>>().await), [&*last]);
        let nothing = replay.replay_events_after(&last).await.unwrap();
        assert_eq!(nothing.collect::<Vec<_>>().await.len(), 0);
    }

    #[tokio::test]
    async fn an_answer_among_what_happens_by_itself_ends_nothing() {
        let replay = Shared(Arc::new(Replay::new(1 << 20)));
        let first = store(&replay, "session:common", progress(1)).await;
        let stray = store(&replay, "session:common", answer()).await;
        let mut rest = replay.replay_events_after(&first).await.unwrap();
        assert_eq!(ids(&[rest.next().await.unwrap()]), [&*stray]);
        assert!(rest.next().now_or_never().is_none(), "it goes on");
        let next = store(&replay, "session:common", progress(2)).await;
        assert_eq!(ids(&[rest.next().await.unwrap()]), [&*next]);
    }

    #[tokio::test]
    async fn what_happens_by_itself_is_told_to_whoever_asked_last() {
        let replay = Arc::new(Replay::new(1 << 20));
        let (shared, mut all) = (Shared(Arc::clone(&replay)), Box::pin(replay.listen()));
        store(&shared, "session:common", progress(1)).await;
        assert_eq!(ids(&[all.next().await.unwrap()]), ["common-1"]);
        let mut later = Box::pin(replay.listen());
        store(&shared, "session:common", progress(2)).await;
        assert!(all.next().now_or_never().is_none());
        assert_eq!(ids(&[later.next().await.unwrap()]), ["common-2"]);
        drop(later);
        assert!(all.next().now_or_never().is_none(), "it was told already");
        store(&shared, "session:common", progress(3)).await;
        assert_eq!(ids(&[all.next().await.unwrap()]), ["common-3"]);
    }

    #[tokio::test]
    async fn the_oldest_events_make_room() {
        let replay = Shared(Arc::new(Replay::new(300)));
        for number in 0..10 {
            store(&replay, "a", progress(number)).await;
        }
        assert!(replay.replay_events_after("1").await.is_err());
        let kept = replay.0.lock().events.len();
        let bytes: usize = replay.0.lock().events.iter().map(|kept| kept.bytes).sum();
        assert!((1..10).contains(&kept) && bytes <= 300, "{kept}");
        assert!(replay.replay_events_after("nonsense").await.is_err());
    }

    fn entry(number: u32) -> ServerSseMessage {
        let message = serde_json::from_value(json!({
            "jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": number},
        }));
        ServerSseMessage::from_message(message.unwrap())
    }

    #[tokio::test]
    async fn a_log_costs_nobody_an_answer() {
        let replay = Shared(Arc::new(Replay::new(2000)));
        let first = store(&replay, "a", progress(1)).await;
        for number in 0..1000 {
            store(&replay, "s:common", entry(number)).await;
        }
        let last = store(&replay, "a", answer()).await;
        let rest = replay.replay_events_after(&first).await.unwrap();
        assert_eq!(ids(&rest.collect::<Vec<_>>().await), [&*last]);
    }

    #[tokio::test]
    async fn answers_cost_nobody_the_log() {
        let replay = Shared(Arc::new(Replay::new(2000)));
        let mut listening = Box::pin(replay.0.listen());
        let latest = store(&replay, "s:common", entry(0)).await;
        for _ in 0..2000 {
            store(&replay, "a", answer()).await;
        }
        let next = store(&replay, "s:common", entry(1)).await;
        let heard = [listening.next().await.unwrap(), listening.next().await.unwrap()];
        assert_eq!(ids(&heard), [&*latest, &*next]);
    }

    #[tokio::test]
    async fn a_stream_goes_on_after_events_that_are_forgotten() {
        let replay = Shared(Arc::new(Replay::new(2000)));
        let forgotten = store(&replay, "s:common", entry(0)).await;
        for number in 1..1000 {
            store(&replay, "s:common", entry(number)).await;
        }
        let mut rest = replay.replay_events_after(&forgotten).await.unwrap();
        assert!(rest.next().now_or_never().is_some(), "what is kept comes");
        assert!(replay.replay_events_after("common-x").await.is_err());

        // A reader that has the answer is at the end, whether that is kept or not.
        let first = store(&replay, "a", progress(1)).await;
        let mut reader = replay.replay_events_after(&first).await.unwrap();
        store(&replay, "a", answer()).await;
        assert!(reader.next().await.is_some());
        for _ in 0..2000 {
            store(&replay, "b", answer()).await;
        }
        assert!(reader.next().now_or_never().expect("it is at the end").is_none());
    }
}
