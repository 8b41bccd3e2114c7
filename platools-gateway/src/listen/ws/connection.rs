//! [`SocketProtocol`]: the trait of a protocol over a WebSocket. [`serve`] runs one connection of it, from the first message to the close.

use std::time::Duration;

use axum::extract::ws::{Message, Utf8Bytes};
use tokio::time::{Instant, timeout};

use super::{End, Socket, Transport};

/// A protocol on one connection: everything that [`serve`] leaves open.
pub(in crate::listen) trait SocketProtocol {
    /// The peer, for the log.
    const PEER: &'static str;

    /// The time that the peer has to take the last messages and to answer the close.
    const FAREWELL: Duration = Duration::from_secs(4);

    /// The state that only the writing side uses.
    type WriterState;

    /// Reads messages and handles them until the connection ends.
    async fn read<S: Transport>(&self, socket: &Socket<S>) -> End;

    /// Writes what waits for the peer until the connection ends.
    async fn write<S: Transport>(&self, writer: &mut Self::WriterState, socket: &Socket<S>) -> End;

    /// Waits until the gateway ends the connection, whatever is being read and written. Cancel-safe.
    async fn ended(&self) -> End;

    /// Gives up what the connection holds, so that it counts as gone before the goodbye, which the peer may be slow to answer.
    fn leave(self, writer: Self::WriterState, end: &End) -> Farewell<impl FnMut(&str)>;
}

/// The last words of a connection.
pub(in crate::listen) struct Farewell<L> {
    /// The messages to send before the close.
    pub(in crate::listen) waiting: Vec<Utf8Bytes>,
    /// The receiver of messages that cross the close.
    pub(in crate::listen) late: L,
}

impl Farewell<fn(&str)> {
    /// A farewell after which nothing more is heard.
    pub(in crate::listen) fn new(waiting: Vec<Utf8Bytes>) -> Self {
        Self { waiting, late: |_| {} }
    }
}

/// Serves a connection until its end, and closes it.
///
/// Both directions run side by side in one task: a peer that reads slowly is still heard. The first end drops the other direction.
pub(in crate::listen) async fn serve<P: SocketProtocol, S: Transport>(
    protocol: P,
    mut writer: P::WriterState,
    socket: Socket<S>,
) {
    let begun = Instant::now();
    // In no fixed order: a direction that always came first could use up the turn of the task, so that the other one starves.
    let end = tokio::select! {
        end = protocol.ended() => end,
        end = protocol.write(&mut writer, &socket) => end,
        end = protocol.read(&socket) => end,
    };
    let farewell = protocol.leave(writer, &end);
    end.log(P::PEER, begun);
    if let Some(close) = end.to_close() {
        socket.close(close, farewell, P::FAREWELL).await;
    }
}

/// The time since then, for the log.
pub(in crate::listen) fn duration_ms(begun: Instant) -> u64 {
    u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX)
}

impl End {
    /// Logs the end of a connection that began then.
    pub(in crate::listen) fn log(&self, peer: &str, begun: Instant) {
        let duration_ms = duration_ms(begun);
        match self {
            Self::Refuse(_) => tracing::warn!(reason = %self, duration_ms, "{peer} disconnected"),
            Self::Gone(_) | Self::Close(_) => tracing::info!(reason = %self, duration_ms, "{peer} disconnected"),
        }
    }
}

impl<S: Transport> Socket<S> {
    /// Sends the last messages and the close, and waits a moment for the answer.
    ///
    /// Messages that cross the close are read in any case: a socket closed with unread bytes in it is reset, and the reset could overtake the
    /// close.
    pub(in crate::listen) async fn close<L: FnMut(&str)>(
        &self,
        close: super::Close,
        farewell: Farewell<L>,
        limit: Duration,
    ) {
        let Farewell { waiting, mut late } = farewell;
        let closing = async {
            for text in waiting {
                self.ready().await?;
                self.start(Message::Text(text))?;
            }
            self.send(Message::Close(Some(close.into_frame()))).await?;
            while let Some(message) = self.next().await {
                if let Message::Text(text) = message? {
                    late(&text);
                }
            }
            Ok::<_, axum::Error>(())
        };
        match timeout(limit, closing).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "the socket broke while it was closed"),
            Err(_) => tracing::debug!("the peer did not answer the close in time"),
        }
    }
}
