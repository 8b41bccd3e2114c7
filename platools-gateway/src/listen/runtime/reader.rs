//! What comes from one agent.

use std::time::Duration;

use axum::extract::ws::{Message, Utf8Bytes};
use futures::{Stream, StreamExt as _};
use tokio::time::{Instant, timeout};

use super::end::{End, broken};
use crate::core::runtime::RuntimeSettings;

/// One frame.
#[derive(Debug)]
pub(super) enum Incoming {
    Text(Utf8Bytes),
    /// Which nobody here understands.
    Binary,
    /// A sign of life.
    Pong,
}

/// Reads an agent's frames, as long as they come and are not too large.
pub(super) struct Reader<R> {
    stream: R,
    /// When a frame last came.
    heard: Instant,
    deadline: Duration,
    max_bytes: usize,
}

impl<R: Stream<Item = Result<Message, axum::Error>> + Unpin> Reader<R> {
    pub(super) fn new(stream: R, settings: &RuntimeSettings) -> Self {
        let (deadline, max_bytes) = (settings.read_deadline, settings.max_frame_bytes);
        Self { stream, heard: Instant::now(), deadline, max_bytes }
    }

    /// The next frame. Cancel-safe.
    pub(super) async fn next(&mut self) -> Result<Incoming, End> {
        loop {
            let left = self.deadline.saturating_sub(self.heard.elapsed());
            let message = match timeout(left, self.stream.next()).await {
                Ok(Some(Ok(message))) => message,
                Ok(Some(Err(error))) => return Err(broken(error)),
                Ok(None) => return Err(End::Gone),
                Err(_) => return Err(End::Silent),
            };
            let incoming = match message {
                Message::Text(text) if text.len() > self.max_bytes => return Err(End::TooLarge),
                Message::Binary(bytes) if bytes.len() > self.max_bytes => return Err(End::TooLarge),
                Message::Text(text) => Incoming::Text(text),
                Message::Binary(_) => Incoming::Binary,
                Message::Pong(_) => Incoming::Pong,
                // Pings are answered by the socket itself and are no frame; a close ends the stream.
                Message::Ping(_) | Message::Close(_) => continue,
            };
            self.heard = Instant::now();
            return Ok(incoming);
        }
    }

    pub(super) fn into_inner(self) -> R {
        self.stream
    }
}
