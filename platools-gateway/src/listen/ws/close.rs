//! The end of a socket that the gateway closes.

use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes};
use futures::{Sink, SinkExt as _, Stream, StreamExt as _};
use tokio::time::{Instant, timeout};

use crate::connections::{Presence, Stay};

/// The time that the other side has to take waiting messages and to answer the close.
const FAREWELL: Duration = Duration::from_secs(4);

/// The age of a connection, for the log.
pub(in crate::listen) fn duration_ms(begun: Instant) -> u64 {
    u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// Waits until whoever is there may not stay any longer, as `end_of` has it.
pub(in crate::listen) async fn dismissed<E>(presence: &Presence, end_of: impl Fn(Stay) -> Option<E>) -> E {
    let mut stay = presence.stay();
    loop {
        if let Some(end) = end_of(*stay.borrow_and_update()) {
            return end;
        }
        if stay.changed().await.is_err() {
            // There is no core any more that could say so, and then everybody goes with it.
            return std::future::pending().await;
        }
    }
}

/// Says goodbye, after what waits for the other side, and waits a moment for the answer.
///
/// What crosses the goodbye is read and thrown away: a socket closed with unread bytes in it is reset, and the reset could
/// overtake the goodbye.
pub(in crate::listen) async fn say_goodbye<W, R>(
    mut sink: W,
    mut stream: R,
    (code, reason): (u16, impl Into<Utf8Bytes>),
    waiting: impl IntoIterator<Item = Utf8Bytes>,
) where
    W: Sink<Message, Error = axum::Error> + Unpin,
    R: Stream<Item = Result<Message, axum::Error>> + Unpin,
{
    let farewell = async {
        for text in waiting {
            sink.feed(Message::Text(text)).await?;
        }
        sink.send(Message::Close(Some(CloseFrame { code, reason: reason.into() }))).await?;
        while stream.next().await.transpose()?.is_some() {}
        Ok::<_, axum::Error>(())
    };
    match timeout(FAREWELL, farewell).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "the socket broke while it was closed"),
        Err(_) => tracing::debug!("the close was not answered"),
    }
}
