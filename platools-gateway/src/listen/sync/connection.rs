//! The task that owns one worker's socket.

use axum::extract::ws::{Message, close_code};
use futures::FutureExt as _;
use platools_protocol::tool_sync::MAX_FRAME_BYTES;
use tokio::time::Instant;
use tracing::Instrument as _;

use super::end::End;
use super::frames::{Frames, Next};
use super::socket::{Quiet, Socket};
use super::{close, replies, writer};
use crate::core::Core;
use crate::domain::origin::RequestOrigin;
use crate::links::Link;
use crate::listen::ws::{Broken, TooLarge, duration_ms};

/// The reason of a worker's close by which it says that it stops.
const CLIENT_STOP: &str = "client stop";

/// Serves a worker until its link ends.
pub(super) async fn run(core: &Core, link: Link, from: &RequestOrigin, socket: Socket) {
    let identity = link.identity();
    let span = tracing::info_span!(
        "link",
        connection.id = %link.connection_id(),
        project.id = %identity.project_id,
        entity = identity.entity,
        environment = identity.environment,
        client.address = from.address.map(tracing::field::display),
        request.id = from.request_id.as_ref().map(tracing::field::display),
    );
    serve(core, link, socket).instrument(span).await;
}

async fn serve(core: &Core, mut link: Link, socket: Socket) {
    let begun = Instant::now();
    tracing::info!("worker connected");
    let mut closing = link.closing();
    let (replies, waiting) = replies::channel();
    let frames = Frames::new(core, &link, replies);

    // Both directions run side by side in this one task: a worker that reads slowly is still heard. Whichever ends first
    // drops the other, because the link is over.
    let end = tokio::select! {
        end = read(&socket, &frames) => end,
        end = writer::write(&socket, &mut link, waiting) => end,
        closing = closing.wait() => {
            let (code, reason) = close::reason(closing);
            End::close(code, reason)
        }
    };
    if end.is_for_large_frame() {
        link.note_large_frame();
    }
    if matches!(end, End::Stopped) {
        link.note_stop();
    }
    // Offline before the goodbye, which a worker may be slow to answer.
    drop(link);
    frames.forget_health();
    let duration_ms = duration_ms(begun);
    match &end {
        End::Refuse { .. } => tracing::warn!(reason = %end, duration_ms, "worker disconnected"),
        End::Gone | End::Stopped | End::Close { .. } => {
            tracing::info!(reason = %end, duration_ms, "worker disconnected")
        }
    }
    say_goodbye(socket, end, &frames).await;
}

async fn say_goodbye(socket: Socket, end: End, frames: &Frames<'_>) {
    let late = |text: &str| frames.receive_late(text);
    match end {
        End::Gone | End::Stopped => {}
        End::Close { code, reason } => {
            close::close(socket.into_inner(), code, reason, late).await;
        }
        End::Refuse { code, error } => {
            close::refuse(socket.into_inner(), code, &error, late).await;
        }
    }
}

/// Reads until the link ends.
async fn read(socket: &Socket, frames: &Frames<'_>) -> End {
    if let Next::End(end) = frames.welcome() {
        return end;
    }
    let (mut has_logged_binary, mut has_stopped) = (false, false);
    loop {
        // Both arms are cancel-safe. Frames that are there are read first: one may be a newer registration.
        let received = tokio::select! {
            biased;
            received = next(socket, frames) => received,
            () = frames.kept_is_due() => match frames.register_kept().await {
                Next::Read => continue,
                Next::End(end) => return end,
            },
        };
        let message = match received {
            Ok(message) => message,
            Err(End::Gone) if has_stopped => return End::Stopped,
            Err(end) => return end,
        };
        let next = match message {
            Message::Text(text) if text.len() > MAX_FRAME_BYTES => {
                frames.refuse_large(&text);
                return too_large(Some(text.len()));
            }
            Message::Text(text) => frames.receive(&text).await,
            Message::Binary(_) => {
                if !std::mem::replace(&mut has_logged_binary, true) {
                    tracing::warn!("a binary frame was ignored; further ones of this connection are not logged");
                }
                Next::Read
            }
            // A close ends the stream.
            Message::Close(close) => {
                has_stopped =
                    close.is_some_and(|close| close.code == close_code::NORMAL && close.reason == CLIENT_STOP);
                Next::Read
            }
            // Pings are answered by the socket itself.
            Message::Ping(_) | Message::Pong(_) => Next::Read,
        };
        if let Next::End(end) = next {
            return end;
        }
    }
}

/// The next message. Answers that came before it are acknowledged together, when nothing more is there to be read at once.
async fn next(socket: &Socket, frames: &Frames<'_>) -> Result<Message, End> {
    if frames.may_acknowledge_later()
        && let Some(message) = socket.next().now_or_never()
    {
        return received(message);
    }
    if let Next::End(end) = frames.acknowledge() {
        return Err(end);
    }
    received(socket.next().await)
}

fn received(message: Result<Option<Result<Message, axum::Error>>, Quiet>) -> Result<Message, End> {
    match message {
        Ok(Some(Ok(message))) => Ok(message),
        Ok(Some(Err(error))) => Err(broken(error)),
        Ok(None) => Err(End::Gone),
        Err(Quiet) => Err(End::close(close_code::POLICY, "no heartbeat")),
    }
}

/// What to tell a worker whose frames cannot be read any further.
fn broken(error: axum::Error) -> End {
    let error = error.into_inner();
    let end = match Broken::of(&*error) {
        Broken::Gone => return End::Gone,
        Broken::TooLarge(bytes) => return too_large(bytes),
        Broken::NotUtf8 => End::close(close_code::INVALID, "not UTF-8"),
        Broken::NotWebSocket => End::close(close_code::PROTOCOL, "not a WebSocket frame"),
    };
    tracing::warn!(%error, "the worker's frames cannot be read any further");
    end
}

fn too_large(bytes: Option<usize>) -> End {
    TooLarge { bytes, limit: MAX_FRAME_BYTES }.log_close();
    End::close(close_code::SIZE, "the frame is larger than 10 MiB")
}
