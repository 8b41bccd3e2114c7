//! [`OpenedSocket`]: holds a new socket until a session serves it. [`Predecessors`] reads the last frames of the worker's earlier sockets
//! while they close.

use std::fmt;

use futures::StreamExt;
use futures::future::pending;
use futures::stream::{BoxStream, SelectAll};
use secrecy::SecretString;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use platools_protocol::tool_sync::Features;
use platools_transport::{CLOSE_LIMIT, Socket};

/// A socket that is to be served.
#[derive(Debug)]
pub(crate) struct OpenedSocket {
    pub(super) socket: Socket,
    pub(super) secret: SecretString,
    /// The registration that was sent on it already.
    pub(super) registration: Option<Utf8Bytes>,
    /// The frames that were read from it already.
    pub(super) heard: Vec<Utf8Bytes>,
}

impl OpenedSocket {
    /// A socket on which nothing was reports yet.
    pub(crate) fn dialled(socket: Socket, secret: SecretString) -> Self {
        Self { socket, secret, registration: None, heard: Vec::new() }
    }
}

/// The sockets before, which are being closed: what the platform had sent on them is still taken in. Each lasts no longer
/// than a close may take.
#[derive(Default)]
pub(super) struct Predecessors(SelectAll<BoxStream<'static, LateFrame>>);

/// A frame that crossed the close of its socket, and what the socket was.
pub(super) struct LateFrame {
    pub(super) text: Utf8Bytes,
    pub(super) secret: SecretString,
    pub(super) features: Features,
}

impl Predecessors {
    /// Closes a socket that has a replacement.
    pub(super) fn close(&mut self, socket: Socket, secret: SecretString, features: Features) {
        let late = move |text| LateFrame { text, secret: secret.clone(), features };
        self.0.push(socket.closing("moved", CLOSE_LIMIT).map(late).boxed());
    }

    /// The next frame that crossed a close; waits for ever where there is none. Cancel-safe.
    pub(super) async fn next(&mut self) -> LateFrame {
        match self.0.next().await {
            Some(late) => late,
            None => pending().await,
        }
    }
}

impl fmt::Debug for Predecessors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Predecessors").field("count", &self.0.len()).finish()
    }
}
