//! Writes to a socket.

use std::fmt;
use std::time::Duration;

use axum::extract::ws::{Message, Utf8Bytes};
use futures::{Sink, SinkExt as _};
use tokio::time::{sleep, timeout};

use super::reader::GONE;

/// The messages that wait for the other side of a socket.
pub(in crate::listen) trait Outgoing {
    /// The reason why the socket ends.
    type End: From<Unwritten>;

    /// The next text, or why there is none. Cancel-safe.
    async fn next(&self) -> Result<Utf8Bytes, Self::End>;

    /// Waits until the socket is to end, whatever is being written. Cancel-safe.
    async fn ended(&self) -> Self::End;
}

/// Reasons why nothing more can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::listen) enum Unwritten {
    /// The network is gone.
    Gone,
    /// The other side takes nothing any more, so that nothing can be said either.
    Stalled,
}

impl fmt::Display for Unwritten {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gone => GONE,
            Self::Stalled => "the client did not take a message in time",
        })
    }
}

/// Writes what waits, and a ping every now and then. Each message has to be taken within the deadline.
pub(in crate::listen) async fn write<W, O>(sink: &mut W, outgoing: &O, interval: Duration, deadline: Duration) -> O::End
where
    W: Sink<Message, Error = axum::Error> + Unpin,
    O: Outgoing,
{
    let pause = || Box::pin(sleep(interval));
    let mut ping = pause();
    loop {
        // Both arms are cancel-safe.
        let message = tokio::select! {
            biased;
            () = &mut ping => {
                ping = pause();
                Message::Ping(Default::default())
            }
            text = outgoing.next() => match text {
                Ok(text) => Message::Text(text),
                Err(end) => return end,
            },
        };
        tokio::select! {
            sent = timeout(deadline, sink.send(message)) => match sent {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return Unwritten::Gone.into(),
                Err(_) => return Unwritten::Stalled.into(),
            },
            end = outgoing.ended() => return end,
        }
    }
}
