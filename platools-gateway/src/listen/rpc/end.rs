//! Why a connection ends, and how its end is said.

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, close_code};
use futures::{Sink, SinkExt as _, Stream, StreamExt as _};
use platools::wire::CLOSE_SECRET_ROTATED;
use platools::wire::rpc::CLOSE_TOO_SLOW;
use tokio::time::{Duration, timeout};

use crate::core::Stay;
use crate::listen::broken::Broken;

/// How long a caller has to take what waits for it and to answer the close.
const FAREWELL: Duration = Duration::from_secs(4);

/// Why a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The caller closed it, or the network did.
    Gone,
    /// The caller takes nothing any more, so that nothing can be said either.
    Stalled,
    /// A message is too large.
    TooLarge,
    /// What came is no text.
    NotUtf8,
    /// What came is no WebSocket frame.
    NotWebSocket,
    /// Nothing came for too long.
    Silent,
    /// The caller reads so slowly that responses do not fit into the queue.
    TooSlow,
    /// The caller's key or token has ended.
    CredentialEnded,
    /// The gateway stops.
    ShuttingDown,
}

impl End {
    /// The code and the reason that the caller is told, if it can be told.
    fn close(self) -> Option<(u16, &'static str)> {
        Some(match self {
            Self::Gone | Self::Stalled => return None,
            Self::TooLarge => (close_code::SIZE, "the message is too large"),
            Self::NotUtf8 => (close_code::INVALID, "not UTF-8"),
            Self::NotWebSocket => (close_code::PROTOCOL, "not a WebSocket frame"),
            Self::Silent => (close_code::POLICY, "no message and no pong"),
            Self::TooSlow => (CLOSE_TOO_SLOW, "too many responses wait"),
            Self::CredentialEnded => (CLOSE_SECRET_ROTATED, "the key or token has ended"),
            Self::ShuttingDown => (close_code::AWAY, "the gateway is shutting down"),
        })
    }

    /// Whether what waits for the caller is sent before the close.
    fn is_orderly(self) -> bool {
        self != Self::TooSlow
    }
}

/// What to do with whoever may not stay.
pub(super) fn end_of(stay: Stay) -> Option<End> {
    match stay {
        Stay::Unlimited | Stay::ToFinish => None,
        Stay::CredentialEnded => Some(End::CredentialEnded),
        Stay::ShuttingDown => Some(End::ShuttingDown),
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
    tracing::debug!(%error, "the caller's messages cannot be read any further");
    end
}

/// Says goodbye, after what waits for the caller, and waits a moment for the answer.
///
/// What crosses the goodbye is read and thrown away: a socket closed with unread bytes in it is reset, and the reset could
/// overtake the goodbye.
pub(super) async fn say_goodbye<W, R>(mut sink: W, mut stream: R, end: End, waiting: Vec<String>)
where
    W: Sink<Message, Error = axum::Error> + Unpin,
    R: Stream<Item = Result<Message, axum::Error>> + Unpin,
{
    let Some((code, reason)) = end.close() else { return };
    let waiting = if end.is_orderly() { waiting } else { Vec::new() };
    let farewell = async {
        for text in waiting {
            sink.feed(Message::Text(text.into())).await?;
        }
        sink.send(Message::Close(Some(CloseFrame { code, reason: Utf8Bytes::from_static(reason) }))).await?;
        while stream.next().await.transpose()?.is_some() {}
        Ok::<_, axum::Error>(())
    };
    match timeout(FAREWELL, farewell).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "the socket broke while it was closed"),
        Err(_) => tracing::debug!("the caller did not answer the close"),
    }
}
