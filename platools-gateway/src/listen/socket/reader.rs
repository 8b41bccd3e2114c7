//! What comes over a socket.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use axum::extract::ws::{Message, Utf8Bytes, close_code};
use futures::{Stream, StreamExt as _};
use tokio::time::{Instant, timeout};

use super::Broken;
use crate::domain::surrogates::well_formed;
use crate::listen::Traffic;

/// The reason for the log where the other side closed the connection, or the network did.
pub(super) const GONE: &str = "the client closed the connection, or it broke";

/// One message, or another sign of life.
#[derive(Debug)]
pub(in crate::listen) enum Incoming {
    Text(Utf8Bytes),
    /// Which nobody here understands.
    Binary,
    Pong,
}

/// Why nothing more can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::listen) enum Unread {
    /// Nothing came for too long.
    Silent,
    /// What came cannot be read, or there is nobody any more.
    Broken(Broken),
}

impl Unread {
    fn of(error: axum::Error) -> Self {
        let error = error.into_inner();
        let broken = Broken::of(&*error);
        if broken != Broken::Gone {
            tracing::debug!(%error, "the messages of a socket cannot be read any further");
        }
        Self::Broken(broken)
    }

    /// The code and the reason that the other side is told, if there is one.
    pub(in crate::listen) fn close(self) -> Option<(u16, &'static str)> {
        Some(match self {
            Self::Silent => (close_code::POLICY, "no message and no pong"),
            Self::Broken(Broken::Gone) => return None,
            Self::Broken(Broken::TooLarge) => (close_code::SIZE, "the message is too large"),
            Self::Broken(Broken::NotUtf8) => (close_code::INVALID, "not UTF-8"),
            Self::Broken(Broken::NotWebSocket) => (close_code::PROTOCOL, "not a WebSocket frame"),
        })
    }
}

/// The reason for the log: the one that the other side is told, or that there is no other side.
impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.close().map_or(GONE, |(_, reason)| reason))
    }
}

/// Reads messages, as long as they come and are not too large.
pub(in crate::listen) struct Reader<R> {
    stream: R,
    /// When a message or a pong last came.
    heard: Instant,
    deadline: Duration,
    max_bytes: usize,
    /// The connection of a peer that is not trusted yet.
    untrusted: Option<Traffic>,
}

/// A message may be a little longer on its way than what is in it.
const ALLOWED_BEYOND: usize = 4 * 1024;

impl<R: Stream<Item = Result<Message, axum::Error>> + Unpin> Reader<R> {
    /// Waits no longer than that for a message or a pong, and takes messages of so many bytes.
    pub(in crate::listen) fn new(stream: R, deadline: Duration, max_bytes: usize) -> Self {
        Self { stream, heard: Instant::now(), deadline, max_bytes, untrusted: None }
    }

    /// The same for a peer that is not trusted until [`Reader::trust`]: of a longer message not even the bytes are read.
    pub(in crate::listen) fn untrusted(stream: R, deadline: Duration, max_bytes: usize, traffic: Traffic) -> Self {
        let reader = Self { untrusted: Some(traffic), ..Self::new(stream, deadline, max_bytes) };
        reader.allow_next();
        reader
    }

    /// Takes messages of so many bytes from now on.
    pub(in crate::listen) fn trust(&mut self, max_bytes: usize) {
        self.max_bytes = max_bytes;
        if let Some(traffic) = self.untrusted.take() {
            traffic.allow_everything();
        }
    }

    /// The next message. Cancel-safe.
    pub(in crate::listen) async fn next(&mut self) -> Result<Incoming, Unread> {
        loop {
            let left = self.deadline.saturating_sub(self.heard.elapsed());
            // Both arms are cancel-safe.
            let read = tokio::select! {
                biased;
                read = timeout(left, self.stream.next()) => read,
                () = exceeded(self.untrusted.as_ref()) => return Err(Unread::Broken(Broken::TooLarge)),
            };
            let message = match read {
                Ok(Some(Ok(message))) => message,
                Ok(Some(Err(error))) => return Err(Unread::of(error)),
                Ok(None) => return Err(Unread::Broken(Broken::Gone)),
                Err(_) => return Err(Unread::Silent),
            };
            self.allow_next();
            let incoming = match message {
                Message::Text(text) if text.len() > self.max_bytes => return Err(Unread::Broken(Broken::TooLarge)),
                Message::Binary(bytes) if bytes.len() > self.max_bytes => return Err(Unread::Broken(Broken::TooLarge)),
                Message::Text(text) => Incoming::Text(in_whole_characters(text)),
                Message::Binary(_) => Incoming::Binary,
                Message::Pong(_) => Incoming::Pong,
                // Pings are answered by the socket itself and are no message; a close ends the stream.
                Message::Ping(_) | Message::Close(_) => continue,
            };
            self.heard = Instant::now();
            return Ok(incoming);
        }
    }

    pub(in crate::listen) fn into_inner(self) -> R {
        self.stream
    }

    /// Lets the next message of an untrusted peer come.
    fn allow_next(&self) {
        if let Some(traffic) = &self.untrusted {
            traffic.allow(self.max_bytes + ALLOWED_BEYOND);
        }
    }
}

/// The text without escapes of half characters.
fn in_whole_characters(text: Utf8Bytes) -> Utf8Bytes {
    let replaced = match well_formed(text.as_str()) {
        Cow::Borrowed(_) => None,
        Cow::Owned(replaced) => Some(replaced),
    };
    replaced.map_or(text, Utf8Bytes::from)
}

/// Waits until an untrusted peer has sent too much of one message.
async fn exceeded(untrusted: Option<&Traffic>) {
    match untrusted {
        Some(traffic) => traffic.exceeded().await,
        None => std::future::pending().await,
    }
}
