//! [`Replay`]: keeps the latest events of one MCP session, for a client that lost a stream and asks for the rest of it.
//!
//! `rmcp` also keeps events, but drops the events of a request as soon as it answers the request. A client that lost the stream shortly
//! before would miss the answer. Notices that belong to no request go to the newest stream of notices, which ends the older stream. The
//! client of the older stream loses nothing: it asks again with the id of its last event.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use async_trait::async_trait;
use futures::stream::unfold;
use rmcp::model::ServerJsonRpcMessage;
use rmcp::transport::streamable_http_server::session::{
    EventId, EventStore, EventStoreError, EventStream, ServerSseMessage,
};
use tokio::sync::watch;

use crate::mcp::json_bytes;

/// The events of one session that a client may still ask for. Streams of them end with it.
pub struct Replay {
    kept: Mutex<Kept>,
    /// Told of every event, and of every new stream of notices.
    changed: watch::Sender<()>,
    /// The bytes of messages in each of the two rings. The latest event stays in any case.
    max_bytes: usize,
}

impl Replay {
    /// No events yet; each ring takes at most `max_bytes` of messages.
    #[must_use]
    pub fn new(max_bytes: usize) -> Arc<Self> {
        Arc::new(Self { kept: Mutex::default(), changed: watch::Sender::new(()), max_bytes })
    }

    /// Notices from now on. The stream of notices that was opened before ends.
    pub fn listen(self: &Arc<Self>) -> EventStream {
        let latest = self.lock().latest;
        self.listen_after(latest)
    }

    /// The events after that of the id in its stream: those that are kept, and those to come. `None` for an event that is not kept.
    pub fn resume(self: &Arc<Self>, last_event_id: &str) -> Option<EventStream> {
        if last_event_id == BEGINNING {
            return Some(self.listen_after(0));
        }
        if let Some(number) = last_event_id.strip_prefix(NOTICE_PREFIX) {
            let number: u64 = number.parse().ok()?;
            let latest = self.lock().latest;
            return Some(self.listen_after(number.min(latest)));
        }
        let number: u64 = last_event_id.parse().ok()?;
        let (stream, is_over) = {
            let kept = self.lock();
            let event = kept.requests.events.iter().find(|event| event.number == number)?;
            (Arc::clone(&event.stream), event.is_answer())
        };
        Some(self.stream(ReplaySource::Request(stream), number, is_over))
    }

    fn listen_after(self: &Arc<Self>, number: u64) -> EventStream {
        let listener = {
            let mut kept = self.lock();
            kept.listener += 1;
            kept.listener
        };
        self.changed.send_replace(());
        self.stream(ReplaySource::Notices { listener }, number, false)
    }

    fn stream(self: &Arc<Self>, source: ReplaySource, after: u64, is_over: bool) -> EventStream {
        let changed = self.changed.subscribe();
        let position = Position { replay: Arc::downgrade(self), changed, source, after, is_over };
        Box::pin(unfold(position, Position::next))
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl EventStore for Replay {
    async fn store_event(&self, stream_id: &str, event: &ServerSseMessage) -> Result<EventId, EventStoreError> {
        let id = self.lock().add(stream_id, event.clone(), self.max_bytes);
        self.changed.send_replace(());
        Ok(id)
    }

    /// Never called: the session manager asks [`Replay::resume`].
    async fn replay_events_after(&self, _: &str) -> Result<EventStream, EventStoreError> {
        Err("streams are resumed by the session manager".into())
    }
}

impl fmt::Debug for Replay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replay").field("max_bytes", &self.max_bytes).finish_non_exhaustive()
    }
}

/// The events of a session. Those of requests and notices have a ring each, so that neither push the others out.
#[derive(Default)]
struct Kept {
    /// The number of the latest event. Events count up over all streams of the session, from 1.
    latest: u64,
    /// The number of the stream of notices that was opened last.
    listener: u64,
    requests: Ring,
    notices: Ring,
}

impl Kept {
    fn add(&mut self, stream_id: &str, mut message: ServerSseMessage, max_bytes: usize) -> EventId {
        self.latest += 1;
        let (number, is_notice) = (self.latest, stream_id.ends_with(NOTICE_STREAM));
        // Notices say in their ids that they are notices: their stream goes on when the event is forgotten.
        let id = if is_notice { format!("{NOTICE_PREFIX}{number}") } else { number.to_string() };
        message.event_id = Some(id.clone());
        let bytes = message.message.as_deref().map_or(0, json_bytes);
        let ring = if is_notice { &mut self.notices } else { &mut self.requests };
        ring.add(ReplayEvent { number, stream: stream_id.into(), message, bytes }, max_bytes);
        id
    }

    fn find(&self, source: &ReplaySource, after: u64) -> Found {
        let (ring, stream) = match source {
            ReplaySource::Notices { listener } if *listener != self.listener => return Found::End,
            ReplaySource::Notices { .. } => (&self.notices, None),
            ReplaySource::Request(stream) => (&self.requests, Some(&**stream)),
        };
        let is_next =
            |event: &&ReplayEvent| event.number > after && stream.is_none_or(|stream| *event.stream == *stream);
        match ring.events.iter().find(is_next) {
            // An answer that belongs to no request any more comes with the notices, which go on.
            Some(event) => Found::Event(event.number, event.message.clone(), stream.is_some() && event.is_answer()),
            None => Found::Later,
        }
    }
}

/// Events in the order of their numbers, the oldest of which make room.
#[derive(Default)]
struct Ring {
    events: VecDeque<ReplayEvent>,
    bytes: usize,
}

impl Ring {
    fn add(&mut self, event: ReplayEvent, max_bytes: usize) {
        self.bytes += event.bytes;
        self.events.push_back(event);
        while self.events.len() > MAX_EVENTS || (self.bytes > max_bytes && self.events.len() > 1) {
            self.bytes -= self.events.pop_front().map_or(0, |event| event.bytes);
        }
    }
}

struct ReplayEvent {
    number: u64,
    stream: Arc<str>,
    message: ServerSseMessage,
    bytes: usize,
}

impl ReplayEvent {
    fn is_answer(&self) -> bool {
        matches!(
            self.message.message.as_deref(),
            Some(ServerJsonRpcMessage::Response(_) | ServerJsonRpcMessage::Error(_))
        )
    }
}

/// The place of one reader in one stream.
struct Position {
    replay: Weak<Replay>,
    changed: watch::Receiver<()>,
    source: ReplaySource,
    after: u64,
    /// True after the answer, which may be forgotten meanwhile.
    is_over: bool,
}

enum ReplaySource {
    Notices { listener: u64 },
    Request(Arc<str>),
}

enum Found {
    /// The number of an event, the event, and whether nothing comes after it.
    Event(u64, ServerSseMessage, bool),
    Later,
    End,
}

impl Position {
    async fn next(mut self) -> Option<(ServerSseMessage, Self)> {
        while !self.is_over {
            // Before the look, so that an event that comes meanwhile is not missed.
            self.changed.borrow_and_update();
            let found = self.replay.upgrade()?.lock().find(&self.source, self.after);
            match found {
                Found::Event(number, message, is_last) => {
                    (self.after, self.is_over) = (number, is_last);
                    return Some((message, self));
                }
                Found::Later => self.changed.changed().await.ok()?,
                Found::End => return None,
            }
        }
        None
    }
}

/// The library's id for the first event of a stream that has no other yet.
const BEGINNING: &str = "0";

/// The end of the library's name for the stream of notices; the session comes before it.
const NOTICE_STREAM: &str = ":common";

/// The beginning of the ids of notices.
const NOTICE_PREFIX: &str = "common-";

/// The most events in a ring, however short they are.
const MAX_EVENTS: usize = 1024;

#[cfg(test)]
mod tests {
    use futures::{FutureExt as _, StreamExt as _};
    use rmcp::model::{EmptyResult, RequestId, ServerResult};
    use serde_json::{from_value, json};

    use super::*;

    const NOTICES: &str = "session:common";

    fn notice(data: &str) -> ServerSseMessage {
        let message =
            json!({ "jsonrpc": "2.0", "method": "notifications/message", "params": { "level": "info", "data": data } });
        ServerSseMessage::from_message(from_value(message).expect("a notice"))
    }

    fn answer() -> ServerSseMessage {
        let result = ServerResult::EmptyResult(EmptyResult {});
        ServerSseMessage::from_message(ServerJsonRpcMessage::response(result, RequestId::Number(1)))
    }

    async fn store(replay: &Replay, stream: &str, event: ServerSseMessage) -> String {
        replay.store_event(stream, &event).await.expect("it is kept")
    }

    /// The id of the next event that is there.
    fn id(stream: &mut EventStream) -> Option<String> {
        stream.next().now_or_never().map(|event| event.and_then(|event| event.event_id).unwrap_or("the end".to_owned()))
    }

    #[tokio::test]
    async fn a_client_that_comes_back_gets_the_rest_of_its_own_stream_to_the_answer() {
        let replay = Replay::new(1 << 20);
        let first = store(&replay, "a", notice("1")).await;
        store(&replay, "b", notice("1")).await;
        let second = store(&replay, "a", notice("2")).await;
        let mut rest = replay.resume(&first).expect("it is kept");
        assert_eq!((id(&mut rest), id(&mut rest)), (Some(second), None));
        store(&replay, "b", answer()).await;
        let last = store(&replay, "a", answer()).await;
        assert_eq!((id(&mut rest), id(&mut rest).as_deref()), (Some(last.clone()), Some("the end")));
        assert_eq!(id(&mut replay.resume(&last).expect("it is kept")).as_deref(), Some("the end"));
    }

    #[tokio::test]
    async fn an_answer_among_notices_ends_nothing() {
        let replay = Replay::new(1 << 20);
        let first = store(&replay, NOTICES, notice("1")).await;
        let stray = store(&replay, NOTICES, answer()).await;
        let mut rest = replay.resume(&first).expect("it is kept");
        assert_eq!((id(&mut rest), id(&mut rest)), (Some(stray), None));
        let next = store(&replay, NOTICES, notice("2")).await;
        assert_eq!(id(&mut rest), Some(next));
    }

    #[tokio::test]
    async fn the_latest_stream_gets_the_notices_and_the_one_before_it_ends() {
        let replay = Replay::new(1 << 20);
        store(&replay, NOTICES, notice("before")).await;
        let mut first = replay.listen();
        let one = store(&replay, NOTICES, notice("1")).await;
        assert_eq!((id(&mut first), id(&mut first)), (Some(one.clone()), None));
        let mut second = replay.listen();
        let two = store(&replay, NOTICES, notice("2")).await;
        assert_eq!((id(&mut first).as_deref(), id(&mut second)), (Some("the end"), Some(two.clone())));
        let mut back = replay.resume(&one).expect("it is a notice");
        assert_eq!((id(&mut second).as_deref(), id(&mut back)), (Some("the end"), Some(two)));
        assert_eq!(id(&mut replay.resume("0").expect("the beginning")).as_deref(), Some("common-1"));
    }

    #[tokio::test]
    async fn the_oldest_events_make_room_and_notices_cost_no_answer() {
        let replay = Replay::new(2000);
        let first = store(&replay, "a", notice("1")).await;
        let forgotten = store(&replay, NOTICES, notice("1")).await;
        for _ in 0..2 * MAX_EVENTS {
            store(&replay, NOTICES, notice("more")).await;
        }
        assert!(replay.lock().notices.bytes <= 2000 && replay.lock().notices.events.len() < MAX_EVENTS);
        let last = store(&replay, "a", answer()).await;
        assert_eq!(id(&mut replay.resume(&first).expect("it is kept")), Some(last.clone()));
        assert!(id(&mut replay.resume(&forgotten).expect("notices go on")).is_some());

        // A reader that has the answer is at the end, whether that is kept or not.
        let mut reader = replay.resume(&first).expect("it is kept");
        assert_eq!(id(&mut reader), Some(last));
        for _ in 0..2 * MAX_EVENTS {
            store(&replay, "b", answer()).await;
        }
        assert_eq!(id(&mut reader).as_deref(), Some("the end"));
        assert!(replay.resume(&first).is_none());
    }

    #[tokio::test]
    async fn streams_end_with_their_session_and_unknown_events_lead_nowhere() {
        let replay = Replay::new(1 << 20);
        for unknown in ["", "1", "nope", "common-", "common-x", "1/2"] {
            assert!(replay.resume(unknown).is_none(), "{unknown}");
        }
        let mut listening = replay.listen();
        assert_eq!(id(&mut listening), None);
        drop(replay);
        assert_eq!(id(&mut listening).as_deref(), Some("the end"));
    }
}
