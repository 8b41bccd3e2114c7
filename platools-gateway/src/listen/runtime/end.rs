//! Why a socket of an agent ends, and how its end is said.

use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, close_code};
use bytes::Bytes;
use futures::{Sink, SinkExt as _, Stream, StreamExt as _};
use platools::wire::CLOSE_SECRET_ROTATED;
use platools::wire::rpc::CLOSE_TOO_SLOW;
use tokio::time::timeout;

use crate::core::Stay;
use crate::core::runtime::SocketEnd;
use crate::listen::broken::Broken;

/// How long an agent has to take what waits for it and to answer the close.
const FAREWELL: Duration = Duration::from_secs(4);

/// Why a socket ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The agent closed it, or the network did.
    Gone,
    /// The agent takes nothing any more, so that nothing can be said either.
    Stalled,
    /// A frame is too large.
    TooLarge,
    /// What came is no text.
    NotUtf8,
    /// What came is no WebSocket frame.
    NotWebSocket,
    /// Nothing came for too long.
    Silent,
    /// The agent's key or token has ended.
    CredentialEnded,
    /// The gateway stops.
    ShuttingDown,
    /// The agent has another socket instead, no session any more, or is too slow.
    Ended(SocketEnd),
}

impl End {
    /// The code and the reason that the agent is told, if it can be told.
    fn close(self) -> Option<(u16, &'static str)> {
        Some(match self {
            Self::Gone | Self::Stalled => return None,
            Self::TooLarge => (close_code::SIZE, "the frame is too large"),
            Self::NotUtf8 => (close_code::INVALID, "not UTF-8"),
            Self::NotWebSocket => (close_code::PROTOCOL, "not a WebSocket frame"),
            Self::Silent => (close_code::POLICY, "no frame and no pong"),
            Self::CredentialEnded => (CLOSE_SECRET_ROTATED, "the key or token has ended"),
            Self::ShuttingDown => (close_code::AWAY, "the gateway is shutting down"),
            Self::Ended(SocketEnd::TooSlow) => (CLOSE_TOO_SLOW, "too many events wait"),
            Self::Ended(SocketEnd::Replaced) => {
                (close_code::POLICY, "the agent has opened another socket, and has three at most")
            }
            Self::Ended(SocketEnd::SessionTimedOut) => {
                (close_code::POLICY, "the session went without a heartbeat for too long; connect again")
            }
            Self::Ended(SocketEnd::Disconnected) => (close_code::NORMAL, "the agent has disconnected"),
        })
    }
}

/// What to do with an agent that may not stay. It has nothing under way that could be finished.
pub(super) fn end_of(stay: Stay) -> Option<End> {
    match stay {
        Stay::Unlimited => None,
        Stay::CredentialEnded => Some(End::CredentialEnded),
        Stay::ToFinish | Stay::ShuttingDown => Some(End::ShuttingDown),
    }
}

/// Why frames cannot be read any further.
pub(super) fn broken(error: axum::Error) -> End {
    let error = error.into_inner();
    let end = match Broken::of(&*error) {
        Broken::Gone => return End::Gone,
        Broken::TooLarge => End::TooLarge,
        Broken::NotUtf8 => End::NotUtf8,
        Broken::NotWebSocket => End::NotWebSocket,
    };
    tracing::debug!(%error, "the agent's frames cannot be read any further");
    end
}

/// An event as a frame.
pub(super) fn frame(text: Bytes) -> Message {
    Message::Text(Utf8Bytes::try_from(text).expect("events are JSON"))
}

/// Says goodbye, after what waits for the agent, and waits a moment for the answer.
///
/// What crosses the goodbye is read and thrown away: a socket closed with unread bytes in it is reset, and the reset could
/// overtake the goodbye.
pub(super) async fn say_goodbye<W, R>(mut sink: W, mut stream: R, end: End, waiting: Vec<Bytes>)
where
    W: Sink<Message, Error = axum::Error> + Unpin,
    R: Stream<Item = Result<Message, axum::Error>> + Unpin,
{
    let Some((code, reason)) = end.close() else { return };
    let farewell = async {
        for text in waiting {
            sink.feed(frame(text)).await?;
        }
        sink.send(Message::Close(Some(CloseFrame { code, reason: Utf8Bytes::from_static(reason) }))).await?;
        while stream.next().await.transpose()?.is_some() {}
        Ok::<_, axum::Error>(())
    };
    match timeout(FAREWELL, farewell).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "the socket broke while it was closed"),
        Err(_) => tracing::debug!("the agent did not answer the close"),
    }
}
