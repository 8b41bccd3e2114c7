//! [`write`]: writes the messages that wait for a WebSocket's peer, and a ping at intervals.

use std::time::Duration;

use axum::extract::ws::{Message, Utf8Bytes};
use tokio::time::{sleep, timeout};

use super::{End, Socket, Transport};

/// The messages that wait for the peer of a socket.
pub(in crate::listen) trait Outgoing {
    /// The next text, or the end of the connection. Cancel-safe.
    async fn next(&self) -> Result<Utf8Bytes, End>;

    /// Waits until the connection is to end, whatever is being written. Cancel-safe.
    async fn ended(&self) -> End;
}

/// The interval of pings, and the time limit of each write.
#[derive(Debug, Clone, Copy)]
pub(in crate::listen) struct WriteTiming {
    /// The time between two pings.
    pub(in crate::listen) ping_interval: Duration,
    /// The longest time for the peer to take one message.
    pub(in crate::listen) write_deadline: Duration,
}

/// Writes what waits and pings, until the connection ends.
pub(in crate::listen) async fn write<S: Transport>(
    socket: &Socket<S>,
    outgoing: &impl Outgoing,
    timing: WriteTiming,
) -> End {
    let pause = || Box::pin(sleep(timing.ping_interval));
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
            sent = timeout(timing.write_deadline, socket.send(message)) => match sent {
                Ok(Ok(())) => {}
                Ok(Err(error)) => return error.into(),
                Err(_) => return End::Gone("the peer did not take a message in time"),
            },
            end = outgoing.ended() => return end,
        }
    }
}
