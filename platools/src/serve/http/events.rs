//! What was sent to clients of late, for those whose connection dropped.
//!
//! Every answer is a stream of events of its own, and each session has one more for notices. A client that comes back names the last
//! event it has; it is sent what came after that, and then what comes, until the answer is complete.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::unfold;
use rmcp::model::JsonRpcMessage;
use rmcp::transport::streamable_http_server::session::{
    EventId, EventStore, EventStoreError, EventStream, ServerSseMessage,
};
use tokio::sync::watch;
use tokio::time::Instant;

/// How long a complete answer is kept.
const KEPT: Duration = Duration::from_secs(60);

/// So many events of one stream are kept; a client that missed more of them goes on with those.
const MOST_EVENTS: usize = 256;

/// All events take about so many bytes at most: 64 MiB.
const MOST_BYTES: usize = 64 * 1024 * 1024;

/// So many streams are kept: more than there are calls. Those of calls that were cancelled are never complete, and go by this.
const MOST_STREAMS: usize = 4096;

/// The events of all sessions.
#[derive(Clone, Default)]
pub(super) struct Events(Arc<Mutex<Streams>>);

#[derive(Default)]
struct Streams {
    by_id: HashMap<String, Kept>,
    /// Complete ones, in the order in which they were completed.
    complete: VecDeque<(Instant, String)>,
    bytes: usize,
    /// The number of the next event; each has one of its own, so that a stream may be forgotten before its end.
    number: u64,
}

#[derive(Default)]
struct Kept {
    events: VecDeque<Event>,
    bytes: usize,
    is_complete: bool,
    /// Told of every event; dropped with the stream.
    added: watch::Sender<()>,
}

struct Event {
    number: u64,
    message: ServerSseMessage,
    bytes: usize,
}

/// What is next in a stream.
enum Next {
    Event(u64, ServerSseMessage),
    Later(watch::Receiver<()>),
    End,
}

impl Events {
    /// The events of a stream from its beginning on, with those to come.
    pub(super) fn all(&self, stream: &str) -> EventStream {
        self.from(stream.to_owned(), 0)
    }

    /// Whether a stream has events.
    pub(super) fn know(&self, stream: &str) -> bool {
        self.lock().by_id.contains_key(stream)
    }

    /// Forgets a stream; who reads it is at its end.
    pub(super) fn forget(&self, stream: &str) {
        self.lock().forget(stream);
    }

    /// The events of a stream whose numbers are this one or a later one, with those to come.
    fn from(&self, stream: String, number: u64) -> EventStream {
        let events = self.clone();
        Box::pin(unfold((events, stream, number), move |(events, stream, number)| async move {
            loop {
                let next = events.lock().next(&stream, number);
                match next {
                    Next::Event(number, event) => return Some((event, (events, stream, number + 1))),
                    Next::Later(mut added) => added.changed().await.ok()?,
                    Next::End => return None,
                }
            }
        }))
    }

    fn lock(&self) -> MutexGuard<'_, Streams> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Streams {
    /// Keeps an event under the number it gets.
    fn add(&mut self, stream: &str, mut event: ServerSseMessage, now: Instant) -> EventId {
        self.make_room(now);
        let number = self.number;
        self.number += 1;
        let (id, bytes) = (format!("{stream}/{number}"), size(&event));
        event.event_id = Some(id.clone());
        let is_last = matches!(event.message.as_deref(), Some(JsonRpcMessage::Response(_) | JsonRpcMessage::Error(_)));
        let kept = self.by_id.entry(stream.to_owned()).or_default();
        kept.events.push_back(Event { number, message: event, bytes });
        let dropped = if kept.events.len() > MOST_EVENTS { kept.events.pop_front() } else { None };
        let dropped = dropped.map_or(0, |event| event.bytes);
        kept.bytes = kept.bytes + bytes - dropped;
        self.bytes = self.bytes + bytes - dropped;
        kept.added.send_replace(());
        if is_last && !kept.is_complete {
            kept.is_complete = true;
            self.complete.push_back((now, stream.to_owned()));
        }
        id
    }

    fn next(&self, stream: &str, number: u64) -> Next {
        let Some(kept) = self.by_id.get(stream) else { return Next::End };
        let at = kept.events.partition_point(|event| event.number < number);
        match kept.events.get(at) {
            Some(event) => Next::Event(event.number, event.message.clone()),
            None if kept.is_complete => Next::End,
            None => Next::Later(kept.added.subscribe()),
        }
    }

    /// Forgets complete answers that are old, and the oldest of them if there is too much.
    fn make_room(&mut self, now: Instant) {
        while let Some((completed, _)) = self.complete.front()
            && (now.saturating_duration_since(*completed) >= KEPT || self.bytes > MOST_BYTES)
        {
            if let Some((_, stream)) = self.complete.pop_front() {
                self.forget(&stream);
            }
        }
        if self.by_id.len() >= MOST_STREAMS {
            self.forget_older_half();
        }
    }

    /// Forgets the streams that had no event for longest.
    fn forget_older_half(&mut self) {
        let last = |kept: &Kept| kept.events.back().map_or(0, |event| event.number);
        let mut lasts: Vec<_> = self.by_id.values().map(last).collect();
        let (_, median, _) = lasts.select_nth_unstable(MOST_STREAMS / 2);
        let median = *median;
        self.by_id.retain(|_, kept| last(kept) >= median);
        self.bytes = self.by_id.values().map(|kept| kept.bytes).sum();
    }

    fn forget(&mut self, stream: &str) {
        if let Some(kept) = self.by_id.remove(stream) {
            self.bytes -= kept.bytes;
        }
    }
}

#[async_trait]
impl EventStore for Events {
    async fn store_event(&self, stream: &str, event: &ServerSseMessage) -> Result<EventId, EventStoreError> {
        Ok(self.lock().add(stream, event.clone(), Instant::now()))
    }

    async fn replay_events_after(&self, last: &str) -> Result<EventStream, EventStoreError> {
        let unknown = || io::Error::from(io::ErrorKind::NotFound);
        let (stream, number) = last.rsplit_once('/').ok_or_else(unknown)?;
        let number: u64 = number.parse().map_err(|_| unknown())?;
        if !self.know(stream) {
            return Err(unknown().into());
        }
        Ok(self.from(stream.to_owned(), number.saturating_add(1)))
    }
}

/// About how much memory an event takes: as much as its text.
fn size(event: &ServerSseMessage) -> usize {
    struct Count(usize);

    impl io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    let mut count = Count(size_of::<ServerSseMessage>());
    if let Some(message) = &event.message {
        // Writing to a count does not fail, and what cannot be written as JSON is not sent either.
        let _ = serde_json::to_writer(&mut count, &**message);
    }
    count.0
}

#[cfg(test)]
mod tests {
    use futures::{FutureExt, StreamExt};
    use rmcp::model::{EmptyResult, RequestId, ServerJsonRpcMessage, ServerResult};

    use super::*;

    fn priming() -> ServerSseMessage {
        ServerSseMessage::retry(Duration::from_secs(3))
    }

    fn answer() -> ServerSseMessage {
        let result = ServerResult::EmptyResult(EmptyResult {});
        ServerSseMessage::from_message(ServerJsonRpcMessage::response(result, RequestId::Number(1)))
    }

    async fn store(events: &Events, stream: &str, event: ServerSseMessage) -> EventId {
        events.store_event(stream, &event).await.expect("it is kept")
    }

    async fn ids(stream: EventStream) -> Vec<String> {
        stream.map(|event| event.event_id.expect("it has an id")).collect().await
    }

    #[tokio::test(start_paused = true)]
    async fn who_comes_back_has_what_was_missed_and_then_what_comes() {
        let events = Events::default();
        let first = store(&events, "s", priming()).await;
        let second = store(&events, "s", priming()).await;
        let mut missed = events.replay_events_after(&first).await.expect("it is kept");
        assert_eq!(missed.next().await.expect("missed").event_id, Some(second));
        assert!(missed.next().now_or_never().is_none(), "the answer is not complete");
        let third = store(&events, "s", answer()).await;
        assert_eq!(ids(missed).await, std::slice::from_ref(&third));
        assert_eq!(ids(events.replay_events_after(&third).await.expect("it is kept")).await, [""; 0]);
    }

    #[tokio::test(start_paused = true)]
    async fn an_event_that_nobody_knows_is_an_error() {
        let events = Events::default();
        store(&events, "s", answer()).await;
        for unknown in ["", "s", "s/", "s/x", "t/0", "/0", "s/18446744073709551616"] {
            assert!(events.replay_events_after(unknown).await.is_err(), "{unknown}");
        }
        assert_eq!(ids(events.replay_events_after("s/18446744073709551615").await.expect("known")).await, [""; 0]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_complete_answer_is_kept_for_a_minute() {
        let events = Events::default();
        let id = store(&events, "s", answer()).await;
        let open = store(&events, "open", priming()).await;
        tokio::time::advance(KEPT - Duration::from_secs(1)).await;
        store(&events, "t", answer()).await;
        assert!(events.replay_events_after(&id).await.is_ok());
        tokio::time::advance(Duration::from_secs(1)).await;
        store(&events, "t", answer()).await;
        assert!(events.replay_events_after(&id).await.is_err());
        assert!(events.replay_events_after(&open).await.is_ok(), "it is not complete");
    }

    #[tokio::test(start_paused = true)]
    async fn of_a_long_stream_the_last_events_are_kept() {
        let events = Events::default();
        for _ in 0..MOST_EVENTS + 10 {
            store(&events, "s", priming()).await;
        }
        store(&events, "s", answer()).await;
        let kept = ids(events.all("s")).await;
        assert_eq!((kept.len(), kept[0].as_str()), (MOST_EVENTS, "s/11"));
        let missed = events.replay_events_after("s/3").await.expect("the stream is known");
        assert_eq!(ids(missed).await, kept);
        events.forget("s");
        assert_eq!(events.lock().bytes, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn too_much_makes_the_oldest_complete_answers_go() {
        let events = Events::default();
        let first = store(&events, "first", answer()).await;
        let second = store(&events, "second", answer()).await;
        let one = size(&answer());
        events.lock().bytes += MOST_BYTES - one;
        store(&events, "third", answer()).await;
        assert!(events.replay_events_after(&first).await.is_err());
        assert!(events.replay_events_after(&second).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn streams_that_never_end_do_not_add_up() {
        let events = Events::default();
        for stream in 0..2 * MOST_STREAMS {
            store(&events, &stream.to_string(), priming()).await;
            store(&events, "lively", priming()).await;
        }
        assert!(events.lock().by_id.len() <= MOST_STREAMS && !events.know("0") && events.know("lively"));
        let bytes: usize = events.lock().by_id.values().map(|kept| kept.bytes).sum();
        assert_eq!(events.lock().bytes, bytes);
    }

    #[tokio::test(start_paused = true)]
    async fn who_reads_a_stream_that_is_forgotten_is_at_its_end() {
        let events = Events::default();
        store(&events, "s", priming()).await;
        let mut all = events.all("s");
        all.next().await.expect("the first");
        let rest = tokio::spawn(ids(all));
        tokio::task::yield_now().await;
        events.forget("s");
        assert_eq!(rest.await.expect("no panic"), [""; 0]);
    }
}
