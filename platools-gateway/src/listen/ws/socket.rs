//! [`Socket`]: one WebSocket that one task reads and writes at the same time. When a write fails, the peer has certainly not got the whole
//! message.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard};
use std::task::{Context, Poll};

use axum::Error;
use axum::extract::ws::Message;
use futures::{Sink, SinkExt as _, Stream, StreamExt as _};

use crate::domain::lock::lock;

/// A WebSocket that one future reads and another writes, both in one task.
///
/// A split into two halves would keep a message of its own between writer and socket, and nobody could tell whether that one was sent. Here a
/// message is with the writer or with the socket.
pub(in crate::listen) struct Socket<S> {
    /// Locked for single polls, by one task: nobody ever waits for it.
    socket: Mutex<S>,
}

impl<S: Transport> Socket<S> {
    pub(in crate::listen) fn new(socket: S) -> Self {
        Self { socket: Mutex::new(socket) }
    }

    /// Reads the next message. Cancel-safe.
    pub(in crate::listen) async fn next(&self) -> Option<Result<Message, Error>> {
        poll_fn(|cx| self.lock().poll_next_unpin(cx)).await
    }

    /// Waits until the socket takes a message. Cancel-safe.
    pub(in crate::listen) async fn ready(&self) -> Result<(), Error> {
        poll_fn(|cx| self.lock().poll_ready_unpin(cx)).await
    }

    /// Gives a message to the socket, which is ready. An error means that the message cannot have reached the peer as a whole.
    pub(in crate::listen) fn start(&self, message: Message) -> Result<(), Error> {
        self.lock().start_send_unpin(message)
    }

    /// Waits until everything is written. Cancel-safe.
    pub(in crate::listen) async fn flush(&self) -> Result<(), Error> {
        poll_fn(|cx| self.lock().poll_flush_unpin(cx)).await
    }

    /// Sends a message.
    pub(in crate::listen) async fn send(&self, message: Message) -> Result<(), Error> {
        self.ready().await?;
        self.start(message)?;
        self.flush().await
    }

    fn lock(&self) -> MutexGuard<'_, S> {
        lock(&self.socket)
    }
}

/// The messages that come over the socket.
impl<S: Transport> Stream for &Socket<S> {
    type Item = Result<Message, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.lock().poll_next_unpin(cx)
    }
}

/// The two directions of a WebSocket. Tests have one without a network.
pub(in crate::listen) trait Transport:
    Stream<Item = Result<Message, Error>> + Sink<Message, Error = Error> + Unpin
{
}

impl<T: Stream<Item = Result<Message, Error>> + Sink<Message, Error = Error> + Unpin> Transport for T {}
