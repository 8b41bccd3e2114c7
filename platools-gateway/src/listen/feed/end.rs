//! Why a connection ends, and how its end is said.

use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, close_code};
use futures::{Sink, SinkExt as _, Stream, StreamExt as _};
use platools::wire::CLOSE_SECRET_ROTATED;
use tokio::time::timeout;

use crate::core::Stay;
use crate::core::feed::WatchEnd;
use crate::listen::broken::Broken;

/// How long a dashboard has to take the goodbye and to answer it.
const FAREWELL: Duration = Duration::from_secs(4);

/// Why a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The dashboard closed it, or the network did.
    Gone,
    /// A message is too large.
    TooLarge,
    /// What came is no text.
    NotUtf8,
    /// What came is no WebSocket frame.
    NotWebSocket,
    /// There was no pong for two intervals.
    Silent,
    /// A newer connection watches the agent.
    Displaced,
    /// There is no such agent that may be watched.
    NoSuchAgent,
    /// The token has ended.
    CredentialEnded,
    /// The gateway stops.
    ShuttingDown,
}

impl End {
    /// The code and the reason that the dashboard is told, if it can be told.
    fn close(self) -> Option<(u16, &'static str)> {
        Some(match self {
            Self::Gone => return None,
            Self::TooLarge => (close_code::SIZE, "the message is too large"),
            Self::NotUtf8 => (close_code::INVALID, "not UTF-8"),
            Self::NotWebSocket => (close_code::PROTOCOL, "not a WebSocket frame"),
            Self::Silent => (close_code::NORMAL, "Connection timeout"),
            Self::Displaced => (close_code::NORMAL, "New connection established"),
            Self::NoSuchAgent => (close_code::POLICY, "Agent not found"),
            Self::CredentialEnded => (CLOSE_SECRET_ROTATED, "the key or token has ended"),
            Self::ShuttingDown => (close_code::NORMAL, "Server shutdown"),
        })
    }
}

impl From<WatchEnd> for End {
    fn from(end: WatchEnd) -> Self {
        match end {
            WatchEnd::Displaced => Self::Displaced,
            WatchEnd::NoSuchAgent => Self::NoSuchAgent,
        }
    }
}

/// What to do with whoever may not stay. A dashboard has nothing to finish when the gateway stops.
pub(super) fn end_of(stay: Stay) -> Option<End> {
    match stay {
        Stay::Unlimited => None,
        Stay::CredentialEnded => Some(End::CredentialEnded),
        Stay::ToFinish | Stay::ShuttingDown => Some(End::ShuttingDown),
    }
}

/// Why messages cannot be read any further.
pub(super) fn broken(error: axum::Error) -> End {
    let error = error.into_inner();
    let end = match Broken::of(&*error) {
        Broken::Gone => return End::Gone,
        Broken::TooLarge => End::TooLarge,
        Broken::NotUtf8 => End::NotUtf8,
        Broken::NotWebSocket => End::NotWebSocket,
    };
    tracing::debug!(%error, "the dashboard's messages cannot be read any further");
    end
}

/// Says goodbye, after a last message if there is one, and waits a moment for the answer.
///
/// What crosses the goodbye is read and thrown away: a socket closed with unread bytes in it is reset, and the reset could
/// overtake the goodbye.
pub(super) async fn say_goodbye<W, R>(mut sink: W, mut stream: R, end: End, last: Option<Utf8Bytes>)
where
    W: Sink<Message, Error = axum::Error> + Unpin,
    R: Stream<Item = Result<Message, axum::Error>> + Unpin,
{
    let Some((code, reason)) = end.close() else { return };
    let farewell = async {
        if let Some(text) = last {
            sink.feed(Message::Text(text)).await?;
        }
        sink.send(Message::Close(Some(CloseFrame { code, reason: Utf8Bytes::from_static(reason) }))).await?;
        while stream.next().await.transpose()?.is_some() {}
        Ok::<_, axum::Error>(())
    };
    match timeout(FAREWELL, farewell).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "the socket broke while it was closed"),
        Err(_) => tracing::debug!("the dashboard did not answer the close"),
    }
}
