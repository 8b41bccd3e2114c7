//! What comes from one caller.

use std::time::Duration;

use axum::extract::ws::{Message, Utf8Bytes};
use futures::{Stream, StreamExt as _};
use tokio::time::{Instant, timeout};

use super::RpcSettings;
use super::end::{End, broken};

/// One message.
#[derive(Debug)]
pub(super) enum Incoming {
    Text(Utf8Bytes),
    /// Which nobody here understands.
    Binary,
}

/// Reads a caller's messages, as long as they come and are not too large.
pub(super) struct Reader<R> {
    stream: R,
    /// When a message or a pong last came.
    heard: Instant,
    deadline: Duration,
    max_bytes: usize,
}

impl<R: Stream<Item = Result<Message, axum::Error>> + Unpin> Reader<R> {
    pub(super) fn new(stream: R, settings: &RpcSettings) -> Self {
        let (deadline, max_bytes) = (settings.read_deadline, settings.max_message_bytes);
        Self { stream, heard: Instant::now(), deadline, max_bytes }
    }

    /// The next message. Cancel-safe.
    pub(super) async fn next(&mut self) -> Result<Incoming, End> {
        loop {
            let left = self.deadline.saturating_sub(self.heard.elapsed());
            let message = match timeout(left, self.stream.next()).await {
                Ok(Some(Ok(message))) => message,
                Ok(Some(Err(error))) => return Err(broken(error)),
                Ok(None) => return Err(End::Gone),
                Err(_) => return Err(End::Silent),
            };
            // Pings are answered by the socket itself and are no message; a close ends the stream.
            if matches!(message, Message::Ping(_) | Message::Close(_)) {
                continue;
            }
            self.heard = Instant::now();
            match message {
                Message::Text(text) if text.len() > self.max_bytes => return Err(End::TooLarge),
                Message::Binary(bytes) if bytes.len() > self.max_bytes => return Err(End::TooLarge),
                Message::Text(text) => return Ok(Incoming::Text(text)),
                Message::Binary(_) => return Ok(Incoming::Binary),
                Message::Ping(_) | Message::Pong(_) | Message::Close(_) => {}
            }
        }
    }

    pub(super) fn into_inner(self) -> R {
        self.stream
    }
}
