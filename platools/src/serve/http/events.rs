//! What was sent to clients of late, for those whose connection dropped.
//!
//! Every answer is a stream of events of its own, and each session has one more for notices. A client that comes back names the last
//! event it has; it is sent what came after that, and then what comes, until the answer is complete.
//!
//! A client that lost its notices may ask for them again before anybody here has noticed the loss. So notices go to whoever asked for
//! them last, and to those before it when that one is gone.

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

use crate::mcp::json_bytes;

/// How the library's names for the streams of notices end. Before that is the session.
const NOTICES: &str = ":common";

/// How long a complete answer is kept.
const KEPT: Duration = Duration::from_secs(60);

/// So many events of one stream are kept; a client that missed more of them goes on with those.
const MOST_EVENTS: usize = 256;

/// The notices of one session take about so many bytes at most: 256 KiB.
const MOST_NOTICE_BYTES: usize = 256 * 1024;

/// All events take about so many bytes at most: 64 MiB.
const MOST_BYTES: usize = 64 * 1024 * 1024;

/// So many streams are kept: more than there are calls. Those of calls that were cancelled are never complete, and go by this.
const MOST_STREAMS: usize = 4096;

/// So many ask for the notices of one session; the first of more is at the end.
const MOST_LISTENERS: usize = 16;

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
    /// How many have asked for notices.
    listeners: u64,
}

#[derive(Default)]
struct Kept {
    events: VecDeque<Event>,
    bytes: usize,
    is_complete: bool,
    /// Told of every event, and of listeners that come and go; dropped with the stream.
    added: watch::Sender<()>,
    /// Who asked for notices, the latest last.
    listeners: Vec<u64>,
    /// The number after that of the latest notice that a listener has.
    heard: u64,
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
    /// The library's name for the stream of a session's notices.
    pub(super) fn notices(session: &str) -> String {
        format!("{session}{NOTICES}")
    }

    /// A session's notices from now on.
    pub(super) fn listen(&self, session: &str) -> EventStream {
        let now = self.lock().number;
        self.listen_from(Self::notices(session), now)
    }

    /// A session's notices from its beginning on, with those to come.
    pub(super) fn listen_to_all(&self, session: &str) -> EventStream {
        self.listen_from(Self::notices(session), 0)
    }

    fn listen_from(&self, stream: String, number: u64) -> EventStream {
        let listener =
            Listener { events: self.clone(), number, is_behind: false, place: self.lock().seat(&stream), stream };
        Box::pin(unfold(listener, |mut listener| async move {
            loop {
                match listener.next() {
                    Next::Event(_, event) => return Some((event, listener)),
                    Next::Later(mut added) => added.changed().await.ok()?,
                    Next::End => return None,
                }
            }
        }))
    }

    /// Whether a stream has events.
    fn know(&self, stream: &str) -> bool {
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

/// Who has asked for notices.
struct Listener {
    events: Events,
    stream: String,
    place: u64,
    /// The number of the next event, or an earlier one.
    number: u64,
    /// Somebody asked later.
    is_behind: bool,
}

impl Listener {
    fn next(&mut self) -> Next {
        let mut streams = self.events.lock();
        let Some(kept) = streams.by_id.get_mut(&self.stream) else { return Next::End };
        if !kept.listeners.contains(&self.place) {
            return Next::End;
        }
        if kept.listeners.last() != Some(&self.place) {
            self.is_behind = true;
            return Next::Later(kept.added.subscribe());
        }
        if std::mem::take(&mut self.is_behind) {
            // What others were told meanwhile is not told again.
            self.number = self.number.max(kept.heard);
        }
        let next = kept.next(self.number);
        if let Next::Event(number, _) = &next {
            self.number = number + 1;
            kept.heard = kept.heard.max(self.number);
        }
        next
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Some(kept) = self.events.lock().by_id.get_mut(&self.stream) {
            kept.listeners.retain(|place| *place != self.place);
            kept.added.send_replace(());
        }
    }
}

impl Kept {
    /// The event of this number, or the next one.
    fn next(&self, number: u64) -> Next {
        let at = self.events.partition_point(|event| event.number < number);
        match self.events.get(at) {
            Some(event) => Next::Event(event.number, event.message.clone()),
            None if self.is_complete => Next::End,
            None => Next::Later(self.added.subscribe()),
        }
    }
}

impl Streams {
    /// Takes in one more who asks for notices.
    fn seat(&mut self, stream: &str) -> u64 {
        self.listeners += 1;
        let kept = self.by_id.entry(stream.to_owned()).or_default();
        kept.listeners.push(self.listeners);
        if kept.listeners.len() > MOST_LISTENERS {
            kept.listeners.remove(0);
        }
        kept.added.send_replace(());
        self.listeners
    }

    /// Keeps an event under the number it gets.
    fn add(&mut self, stream: &str, mut event: ServerSseMessage, now: Instant) -> EventId {
        self.make_room(now);
        let number = self.number;
        self.number += 1;
        let (id, bytes) = (format!("{stream}/{number}"), size(&event));
        event.event_id = Some(id.clone());
        // An answer that belongs to no request any more comes with the notices, which go on.
        let is_last = !stream.ends_with(NOTICES)
            && matches!(event.message.as_deref(), Some(JsonRpcMessage::Response(_) | JsonRpcMessage::Error(_)));
        let kept = self.by_id.entry(stream.to_owned()).or_default();
        kept.events.push_back(Event { number, message: event, bytes });
        kept.bytes += bytes;
        self.bytes += bytes;
        let most_bytes = if stream.ends_with(NOTICES) { MOST_NOTICE_BYTES } else { usize::MAX };
        while kept.events.len() > MOST_EVENTS || (kept.bytes > most_bytes && kept.events.len() > 1) {
            let dropped = kept.events.pop_front().map_or(0, |event| event.bytes);
            kept.bytes -= dropped;
            self.bytes -= dropped;
        }
        kept.added.send_replace(());
        if is_last && !kept.is_complete {
            kept.is_complete = true;
            self.complete.push_back((now, stream.to_owned()));
        }
        id
    }

    fn next(&self, stream: &str, number: u64) -> Next {
        self.by_id.get(stream).map_or(Next::End, |kept| kept.next(number))
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
        let (stream, number) = (stream.to_owned(), number.saturating_add(1));
        Ok(if stream.ends_with(NOTICES) { self.listen_from(stream, number) } else { self.from(stream, number) })
    }
}

/// About how much memory an event takes: as much as its text.
fn size(event: &ServerSseMessage) -> usize {
    size_of::<ServerSseMessage>() + event.message.as_deref().map_or(0, json_bytes)
}

#[cfg(test)]
mod tests;
