//! The end of a worker's socket.

use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, close_code};
use futures::StreamExt as _;
use platools_protocol::tool_sync::{CLOSE_SECRET_ROTATED, PlatformFrame};
use tokio::time::timeout;

use super::truncate::truncate;
use crate::directory::Refusal;
use crate::links::Closing;

/// How long a worker has to answer the close.
const FAREWELL: Duration = Duration::from_secs(2);

/// Bytes of a reason that fit into a close frame beside its code (RFC 6455, section 5.5).
const MAX_REASON_BYTES: usize = 123;

/// The code and the reason a worker is told.
pub(super) fn reason(closing: Closing) -> (u16, &'static str) {
    match closing {
        Closing::Superseded => (close_code::NORMAL, "superseded by new connection"),
        Closing::SecretRotated => (CLOSE_SECRET_ROTATED, "secret rotated"),
        Closing::ShuttingDown => (close_code::AWAY, "the gateway is shutting down"),
    }
}

/// The code of a refusal. A worker that could not be checked may be right, so it is told something else.
pub(super) fn code_of(refusal: &Refusal) -> u16 {
    match refusal {
        Refusal::Unavailable(_) | Refusal::TookTooLong => close_code::ERROR,
        Refusal::TooMany { .. } => close_code::AGAIN,
        Refusal::NoBearer | Refusal::Unknown | Refusal::UnknownEnvironment => close_code::POLICY,
    }
}

/// Sends the `error` that ends a session, and closes like [`close`].
pub(super) async fn refuse(mut socket: WebSocket, code: u16, error: &str, late: impl FnMut(&str)) {
    let frame = PlatformFrame::Error { error: error.to_owned() };
    match timeout(FAREWELL, socket.send(Message::Text(frame.to_text().into()))).await {
        Ok(Ok(())) => close(socket, code, error, late).await,
        Ok(Err(_)) | Err(_) => tracing::debug!("the worker could not be told why"),
    }
}

/// Says goodbye and waits a moment for the answer.
///
/// Frames that cross the goodbye go to `late`. They are read in any case: a socket closed with unread bytes in it is reset,
/// and the reset could overtake the goodbye.
pub(super) async fn close(mut socket: WebSocket, code: u16, reason: &str, mut late: impl FnMut(&str)) {
    let reason = Utf8Bytes::from(truncate(reason, MAX_REASON_BYTES));
    let farewell = async {
        socket.send(Message::Close(Some(CloseFrame { code, reason }))).await?;
        while let Some(message) = socket.next().await {
            if let Message::Text(text) = message? {
                late(&text);
            }
        }
        Ok::<_, axum::Error>(())
    };
    match timeout(FAREWELL, farewell).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "the socket broke while it was closed"),
        Err(_) => tracing::debug!("the worker did not answer the close"),
    }
}
