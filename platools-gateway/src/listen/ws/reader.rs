//! [`Reader`]: reads the messages of a WebSocket, and drops or refuses those that are too large.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{Message, Utf8Bytes};
use futures::{Stream, StreamExt as _};
use tokio::time::{Instant, timeout};

use super::{MessageTooLarge, ReadError};
use crate::domain::surrogates::well_formed;
use crate::limits::{HeldBytes, Limiter};
use crate::listen::ByteActivity;

/// A message, or another sign of life.
#[derive(Debug)]
pub(in crate::listen) enum Incoming {
    Text(Utf8Bytes),
    /// A binary message, which no protocol here understands.
    Binary,
    Pong,
}

/// A message, or the notice that one was dropped.
#[derive(Debug)]
pub(in crate::listen) enum Received {
    /// A message within the limit.
    Message(Incoming),
    /// A message over the limit. The first part of its text is kept.
    Dropped {
        /// Its length.
        too_large: MessageTooLarge,
        /// The beginning of the text; empty for a binary message.
        head: String,
    },
}

/// Reads messages, as long as they come and are not too large.
pub(in crate::listen) struct Reader<R> {
    stream: R,
    /// Time of the last message or pong.
    heard: Instant,
    deadline: Duration,
    max_bytes: usize,
    /// The connection, where the bytes of each message are counted while they come.
    counted: Option<ByteActivity>,
    /// Messages over the limit are read to their end and dropped, within this.
    excess: Option<Excess>,
    /// True if the log has a line about a binary message.
    has_logged_binary: bool,
}

/// The room for messages that are too large: they are read to their end, so that the connection can go on.
///
/// The bytes that a message has over the limit are only read if the gateway's budget for requests has room for all of them.
pub(in crate::listen) struct Excess {
    limiter: Arc<Limiter>,
    /// The credential that the bytes count for.
    owner: String,
    /// The most bytes of a message that is dropped.
    max_bytes: usize,
    /// Held while the rest of a message comes.
    held: Option<HeldBytes>,
}

impl Excess {
    /// Room for messages of so many bytes, which count for a credential.
    pub(in crate::listen) fn new(limiter: Arc<Limiter>, owner: String, max_bytes: usize) -> Self {
        Self { limiter, owner, max_bytes, held: None }
    }

    /// Makes room for the rest of a message, once; false if there is none.
    fn make_room(&mut self) -> bool {
        if self.held.is_some() {
            return false;
        }
        let mut held = self.limiter.body_of(self.owner.clone());
        let has_room = held.add(self.max_bytes).is_ok();
        self.held = has_room.then_some(held);
        has_room
    }
}

/// A message may be a little longer on its way than what is in it.
const ALLOWED_BEYOND: usize = 4 * 1024;

/// The bytes of a ping or pong of a client, beside its payload: two of the header and four of the mask.
const CONTROL_FRAME_BYTES: usize = 6;

/// The bytes of a dropped message that are kept, for its id.
const HEAD_BYTES: usize = 4 * 1024;

impl<R: Stream<Item = Result<Message, axum::Error>> + Unpin> Reader<R> {
    /// Waits no longer than that for a message or a pong, and takes messages of so many bytes.
    pub(in crate::listen) fn new(stream: R, deadline: Duration, max_bytes: usize) -> Self {
        let heard = Instant::now();
        Self { stream, heard, deadline, max_bytes, counted: None, excess: None, has_logged_binary: false }
    }

    /// The same for a peer that is not trusted until [`Reader::trust`]: of a longer message not even the bytes are read.
    pub(in crate::listen) fn untrusted(
        stream: R,
        deadline: Duration,
        max_bytes: usize,
        activity: ByteActivity,
    ) -> Self {
        let mut reader = Self { counted: Some(activity), ..Self::new(stream, deadline, max_bytes) };
        reader.allow_next();
        reader
    }

    /// Takes messages of so many bytes from now on, and drops longer ones within `excess`.
    pub(in crate::listen) fn trust(&mut self, max_bytes: usize, excess: Excess) {
        self.max_bytes = max_bytes;
        self.excess = Some(excess);
        self.allow_next();
    }

    /// The next message. The first that is too large is the end. Cancel-safe.
    pub(in crate::listen) async fn next(&mut self) -> Result<Incoming, ReadError> {
        match self.receive().await? {
            Received::Message(incoming) => Ok(incoming),
            Received::Dropped { too_large, .. } => Err(too_large.into()),
        }
    }

    /// The next message, or one that was too large and is dropped. Cancel-safe.
    pub(in crate::listen) async fn receive(&mut self) -> Result<Received, ReadError> {
        loop {
            let left = self.deadline.saturating_sub(self.heard.elapsed());
            // Both arms are cancel-safe.
            let read = tokio::select! {
                biased;
                read = timeout(left, self.stream.next()) => read,
                () = exceeded(self.counted.as_ref()) => {
                    self.go_on()?;
                    continue;
                }
            };
            let message = match read {
                Ok(Some(Ok(message))) => message,
                Ok(Some(Err(error))) => {
                    return Err(match ReadError::of(error, self.max_bytes) {
                        ReadError::TooLarge(too_large) => ends(too_large),
                        error => error,
                    });
                }
                Ok(None) => return Err(ReadError::Closed),
                Err(_) => return Err(ReadError::Idle),
            };
            let (bytes, head) = match &message {
                Message::Text(text) => (text.len(), &text[..text.floor_char_boundary(HEAD_BYTES)]),
                Message::Binary(bytes) => (bytes.len(), ""),
                Message::Ping(payload) | Message::Pong(payload) => {
                    // They may come between the fragments of a message, whose bytes go on being counted.
                    self.allow_more(payload.len() + CONTROL_FRAME_BYTES);
                    (0, "")
                }
                Message::Close(_) => continue,
            };
            if !matches!(message, Message::Ping(_) | Message::Pong(_)) {
                self.allow_next();
            }
            if bytes > self.max_bytes {
                let too_large = self.too_large(Some(bytes));
                if self.excess.is_none() {
                    return Err(ends(too_large));
                }
                self.heard = Instant::now();
                too_large.log_drop();
                return Ok(Received::Dropped { too_large, head: head.to_owned() });
            }
            let incoming = match message {
                Message::Text(text) => Incoming::Text(in_whole_characters(text)),
                Message::Binary(_) => {
                    self.log_binary();
                    Incoming::Binary
                }
                Message::Pong(_) => Incoming::Pong,
                // Pings are answered by the socket itself and are no message; a close ends the stream.
                Message::Ping(_) | Message::Close(_) => continue,
            };
            self.heard = Instant::now();
            return Ok(Received::Message(incoming));
        }
    }

    /// Reads on, past the limit of a message, if that is dropped and there is room for its bytes.
    fn go_on(&mut self) -> Result<(), ReadError> {
        if let (Some(excess), Some(activity)) = (&mut self.excess, &self.counted)
            && excess.make_room()
        {
            activity.allow(excess.max_bytes.saturating_add(ALLOWED_BEYOND));
            return Ok(());
        }
        Err(ends(self.too_large(None)))
    }

    fn too_large(&self, bytes: Option<usize>) -> MessageTooLarge {
        MessageTooLarge { bytes, limit: self.max_bytes }
    }

    fn log_binary(&mut self) {
        if !std::mem::replace(&mut self.has_logged_binary, true) {
            tracing::warn!("binary message ignored; further ones of this connection are not logged");
        }
    }

    fn allow_more(&self, bytes: usize) {
        if let Some(activity) = &self.counted {
            activity.allow_more(bytes);
        }
    }

    /// Lets the next message come, where bytes are counted.
    fn allow_next(&mut self) {
        if let Some(excess) = &mut self.excess {
            excess.held = None;
        }
        if let Some(activity) = &self.counted {
            activity.allow(self.max_bytes.saturating_add(ALLOWED_BEYOND));
        }
    }
}

/// The end for a message that is too large.
fn ends(too_large: MessageTooLarge) -> ReadError {
    too_large.log_close();
    too_large.into()
}

/// The text without escapes of lone surrogates.
fn in_whole_characters(text: Utf8Bytes) -> Utf8Bytes {
    let replaced = match well_formed(text.as_str()) {
        Cow::Borrowed(_) => None,
        Cow::Owned(replaced) => Some(replaced),
    };
    replaced.map_or(text, Utf8Bytes::from)
}

/// Waits until the peer has sent too much of one message, where its bytes are counted.
async fn exceeded(counted: Option<&ByteActivity>) {
    match counted {
        Some(activity) => activity.exceeded().await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use futures::stream;
    use tracing::instrument::WithSubscriber as _;

    use super::*;
    use crate::limits::Limits;

    /// The log of a reader of these messages, and its ends: sizes of those that were dropped, and the last end.
    async fn read(messages: Vec<Message>, drops: bool) -> (String, Vec<MessageTooLarge>, ReadError) {
        let log = Arc::new(Mutex::new(Vec::new()));
        let writer = Arc::clone(&log);
        let subscriber =
            tracing_subscriber::fmt().with_ansi(false).with_writer(move || Log(Arc::clone(&writer))).finish();
        let reading = async {
            let messages = stream::iter(messages.into_iter().map(Ok));
            let mut reader = Reader::new(messages, Duration::MAX, 10);
            if drops {
                let limiter = Arc::new(Limiter::new(&Limits::default()));
                reader.trust(10, Excess::new(limiter, "key_1".to_owned(), 1000));
            }
            let mut dropped = Vec::new();
            loop {
                match reader.receive().await {
                    Ok(Received::Message(_)) => {}
                    Ok(Received::Dropped { too_large, .. }) => dropped.push(too_large),
                    Err(end) => return (dropped, end),
                }
            }
        };
        let (dropped, end) = reading.with_subscriber(subscriber).await;
        let text = String::from_utf8(log.lock().unwrap().clone()).unwrap();
        (text, dropped, end)
    }

    struct Log(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Log {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn text(bytes: usize) -> Message {
        Message::Text("x".repeat(bytes).into())
    }

    #[tokio::test]
    async fn a_message_over_the_limit_is_dropped_and_the_log_warns_with_its_size_and_the_limit() {
        let (log, dropped, end) = read(vec![text(10), text(11), text(1)], true).await;
        assert_eq!(dropped, [MessageTooLarge { bytes: Some(11), limit: 10 }]);
        assert_eq!(end, ReadError::Closed);
        assert!(log.contains("WARN") && log.contains("message too large; it was dropped"), "{log}");
        assert!(log.contains("message.bytes=11 message.limit=10") && log.lines().count() == 1, "{log}");
    }

    #[tokio::test]
    async fn a_message_that_ends_a_connection_is_in_the_log_with_its_size_and_the_limit() {
        let (log, dropped, end) = read(vec![text(10), text(11), text(1)], false).await;
        let too_large = MessageTooLarge { bytes: Some(11), limit: 10 };
        assert_eq!((dropped, end), (vec![], too_large.into()));
        assert_eq!(too_large.to_string(), "message too large: 11 bytes; the limit is 10");
        assert!(log.contains("WARN") && log.contains("message too large; the connection is closed"), "{log}");
        assert!(log.contains("message.bytes=11 message.limit=10"), "{log}");
    }

    #[tokio::test]
    async fn binary_messages_are_logged_once_for_each_connection() {
        let binary = || Message::Binary(vec![1].into());
        let (log, _, _) = read(vec![binary(), text(1), binary(), binary()], true).await;
        assert_eq!((log.lines().count(), log.contains("binary message ignored")), (1, true), "{log}");
    }
}
