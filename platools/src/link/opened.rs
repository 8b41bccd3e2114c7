//! A socket that is to be served, and the one before it.

use std::fmt;

use futures::StreamExt;
use futures::future::pending;
use futures::stream::BoxStream;
use secrecy::SecretString;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::connect::RawSocket;
use super::socket::{CLOSE_LIMIT, Socket};
use super::successor::Candidate;
use crate::wire::Features;

/// A socket that is to be served.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(super) socket: Socket,
    pub(super) secret: SecretString,
    /// What is registered on it already.
    pub(super) registration: Option<Utf8Bytes>,
    /// What the platform has said on it already.
    pub(super) heard: Vec<Utf8Bytes>,
}

impl Opened {
    /// A socket on which nothing was said yet.
    pub(crate) fn dialled(raw: RawSocket, secret: SecretString) -> Self {
        Self { socket: Socket::new(raw), secret, registration: None, heard: Vec::new() }
    }

    /// A socket that takes over.
    pub(crate) fn succeeding(candidate: Candidate) -> Self {
        let Candidate { socket, secret, registration, heard } = candidate;
        Self { socket, secret, registration: Some(registration), heard }
    }
}

/// The socket before, which is being closed: what the platform had sent on it is still taken in.
pub(super) struct Predecessor {
    frames: BoxStream<'static, Utf8Bytes>,
    pub(super) secret: SecretString,
    pub(super) features: Features,
}

impl Predecessor {
    /// Closes a socket that has a successor.
    pub(super) fn close(socket: Socket, secret: SecretString, features: Features) -> Self {
        Self { frames: socket.closing(1000, "moved", CLOSE_LIMIT).boxed(), secret, features }
    }

    /// The next frame that crossed the close, or the end of them; waits for ever where there is no predecessor. Cancel-safe.
    pub(super) async fn next(this: &mut Option<Self>) -> Option<Utf8Bytes> {
        match this {
            Some(predecessor) => predecessor.frames.next().await,
            None => pending().await,
        }
    }
}

impl fmt::Debug for Predecessor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Predecessor").field("features", &self.features).finish_non_exhaustive()
    }
}
