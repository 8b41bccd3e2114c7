//! The task that owns one worker's socket.

use std::time::Duration;

use axum::extract::ws::{Message, WebSocket, close_code};
use futures::StreamExt as _;
use futures::stream::SplitStream;
use platools::wire::MAX_FRAME_BYTES;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tracing::Instrument as _;

use super::Patience;
use super::close;
use super::frames::{Frames, Next};
use super::writer;
use crate::core::{Core, Link};

/// How many replies to a worker wait for its socket. Each answers a frame, so a worker that has so many waiting sends
/// without reading.
const REPLIES: usize = 256;

/// Why a link ended.
pub(super) enum End {
    /// The worker closed it, or the network did.
    Gone,
    /// The gateway closes it.
    Close {
        /// The close code.
        code: u16,
        /// Why, in words.
        reason: &'static str,
    },
    /// The gateway sends an `error` frame and closes it.
    Refuse {
        /// The close code.
        code: u16,
        /// Why, in words.
        error: String,
    },
}

impl End {
    pub(super) fn close(code: u16, reason: &'static str) -> Self {
        Self::Close { code, reason }
    }
}

/// Serves a worker until its link ends.
pub(super) async fn run(core: &Core, link: Link, socket: WebSocket, patience: Patience) {
    let identity = link.identity();
    let span = tracing::info_span!(
        "link",
        connection.id = %link.connection_id(),
        entity = identity.entity,
        environment = identity.environment
    );
    serve(core, link, socket, patience).instrument(span).await;
}

async fn serve(core: &Core, mut link: Link, socket: WebSocket, patience: Patience) {
    tracing::info!("worker connected");
    let mut closing = link.closing();
    let (replies, waiting) = mpsc::channel(REPLIES);
    let frames = Frames::new(core, &link, replies);
    let (mut sink, mut stream) = socket.split();

    // Both directions run side by side in this one task: a worker that reads slowly is still heard. Whichever ends first
    // drops the other, because the link is over.
    let end = tokio::select! {
        end = read(&mut stream, &frames, patience.silence) => end,
        end = writer::write(&mut sink, &mut link, waiting, patience.stall) => end,
        closing = closing.wait() => {
            let (code, reason) = close::reason(closing);
            End::close(code, reason)
        }
    };
    // Offline before the goodbye, which a worker may be slow to answer.
    drop(link);
    let Ok(socket) = sink.reunite(stream) else { unreachable!("both halves are of one socket") };
    match end {
        End::Gone => tracing::info!("worker disconnected"),
        End::Close { code, reason } => {
            tracing::info!(close.code = code, close.reason = reason, "the gateway closes the link");
            close::close(socket, code, reason, |text| frames.receive_late(text)).await;
        }
        End::Refuse { code, error } => {
            tracing::warn!(close.code = code, error, "the gateway ends the link");
            close::refuse(socket, code, &error).await;
        }
    }
}

/// Reads until the link ends.
async fn read(stream: &mut SplitStream<WebSocket>, frames: &Frames<'_>, silence: Duration) -> End {
    if let Next::End(end) = frames.welcome() {
        return end;
    }
    loop {
        let message = match timeout(silence, stream.next()).await {
            Ok(Some(Ok(message))) => message,
            Ok(Some(Err(error))) => return broken(error),
            Ok(None) => return End::Gone,
            Err(_) => return End::close(close_code::POLICY, "no heartbeat"),
        };
        let next = match message {
            Message::Text(text) if text.len() > MAX_FRAME_BYTES => return too_large(),
            Message::Text(text) => frames.receive(&text).await,
            Message::Binary(_) => {
                tracing::warn!("a binary frame was ignored");
                Next::Read
            }
            // Pings are answered by the socket itself; a close ends the stream.
            Message::Ping(_) | Message::Pong(_) | Message::Close(_) => Next::Read,
        };
        if let Next::End(end) = next {
            return end;
        }
    }
}

/// What to tell a worker whose frames cannot be read any further.
fn broken(error: axum::Error) -> End {
    use tungstenite::Error;
    use tungstenite::error::ProtocolError;

    let error = error.into_inner();
    let end = match error.downcast_ref() {
        Some(Error::Capacity(_)) => too_large(),
        Some(Error::Utf8(_)) => End::close(close_code::INVALID, "not UTF-8"),
        // Most networks end a connection like this.
        Some(Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)) => return End::Gone,
        Some(Error::Protocol(_)) => End::close(close_code::PROTOCOL, "not a WebSocket frame"),
        _ => return End::Gone,
    };
    tracing::warn!(%error, "the worker's frames cannot be read any further");
    end
}

fn too_large() -> End {
    End::close(close_code::SIZE, "the frame is larger than 10 MiB")
}
