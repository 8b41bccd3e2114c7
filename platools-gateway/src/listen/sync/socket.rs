//! One socket that is read and written side by side.

use std::future::poll_fn;
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::Error;
use axum::extract::ws::{Message, WebSocket};
use futures::{SinkExt as _, StreamExt as _};

use crate::listen::Traffic;
use crate::settings::WorkerSettings;

/// A socket that one future reads and another writes, both in one task.
///
/// A split into two halves would keep a frame of its own between writer and socket, and nobody could tell whether that one
/// was sent. Here a frame is with the writer or with the socket.
pub(super) struct Socket {
    /// Locked for single polls, by one task: nobody ever waits for it.
    socket: Mutex<WebSocket>,
    traffic: Traffic,
    settings: WorkerSettings,
}

/// Bytes that are read from a worker that is not known.
const UNTRUSTED_BYTES: usize = 16 * 1024;

/// No byte moved for longer than there is patience.
pub(super) struct Quiet;

impl Socket {
    /// A socket of somebody who is not trusted yet.
    pub(super) fn new(socket: WebSocket, traffic: Traffic, settings: WorkerSettings) -> Self {
        // Its frames are read when it has been turned away, too, so that the goodbye arrives.
        traffic.allow(UNTRUSTED_BYTES);
        Self { socket: Mutex::new(socket), traffic, settings }
    }

    /// Reads any number of frames from now on: it is known who sends them.
    pub(super) fn trust(&self) {
        self.traffic.allow_everything();
    }

    /// The next message. Cancel-safe.
    pub(super) async fn next(&self) -> Result<Option<Result<Message, Error>>, Quiet> {
        let next = poll_fn(|cx| self.lock().poll_next_unpin(cx));
        self.traffic.while_receiving(self.settings.silence, next).await.ok_or(Quiet)
    }

    /// Waits until the socket takes a frame. Cancel-safe.
    pub(super) async fn ready(&self) -> Result<Result<(), Error>, Quiet> {
        let ready = poll_fn(|cx| self.lock().poll_ready_unpin(cx));
        self.traffic.while_sending(self.settings.stall, ready).await.ok_or(Quiet)
    }

    /// Gives the socket a frame. An error means that the frame cannot have reached the worker as a whole.
    pub(super) fn start(&self, message: Message) -> Result<(), Error> {
        self.lock().start_send_unpin(message)
    }

    /// Waits until everything was written. Cancel-safe.
    pub(super) async fn flush(&self) -> Result<Result<(), Error>, Quiet> {
        let flushed = poll_fn(|cx| self.lock().poll_flush_unpin(cx));
        self.traffic.while_sending(self.settings.stall, flushed).await.ok_or(Quiet)
    }

    pub(super) fn into_inner(self) -> WebSocket {
        self.socket.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, WebSocket> {
        self.socket.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
