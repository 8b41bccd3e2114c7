//! `WorkerConnection`: serves the tool-sync protocol to one worker over its WebSocket.

use std::time::Duration;

use axum::extract::ws::{Message, close_code};
use futures::FutureExt as _;
use platools_protocol::tool_sync::{CLOSE_SECRET_ROTATED, MAX_FRAME_BYTES, PlatformFrame};
use tracing::Instrument as _;

use super::frames::{Frames, NextStep};
use super::responses::{self, WaitingResponses};
use super::socket::{SocketTimes, WorkerSocket, refuse_large};
use super::writer;
use crate::core::Core;
use crate::domain::origin::RequestOrigin;
use crate::links::{Closing, ClosingSignal, Link};
use crate::listen::ws::{self, Close, End, Farewell, MessageTooLarge, Socket, SocketProtocol, Transport};

/// The connection of a worker that was let in.
struct WorkerConnection<'a> {
    frames: Frames<'a>,
    closing: ClosingSignal,
    times: SocketTimes,
}

/// The time that a worker has to answer the close.
pub(super) const FAREWELL: Duration = Duration::from_secs(2);

/// The worker closed the connection because it stops.
const STOPPED: End = End::Gone("the worker stopped");

/// The reason of a worker's close by which it says that it stops.
const CLIENT_STOP: &str = "client stop";

/// Serves a worker until its link ends.
pub(super) async fn run<S: Transport>(
    core: &Core,
    link: Link,
    from: &RequestOrigin,
    socket: Socket<S>,
    times: SocketTimes,
) {
    let identity = link.identity();
    let span = ws::socket_span!(
        "link",
        link.id(),
        from,
        project.id = %identity.project_id,
        entity = identity.entity,
        environment = identity.environment,
    );
    let (responses, waiting) = responses::channel();
    let frames = Frames::new(core, &link, responses);
    let connection = WorkerConnection { frames, closing: link.closing(), times };
    async {
        tracing::info!("worker connected");
        ws::serve(connection, (link, waiting), socket).await;
    }
    .instrument(span)
    .await;
}

impl SocketProtocol for WorkerConnection<'_> {
    const PEER: &'static str = "worker";

    const FAREWELL: Duration = FAREWELL;

    type WriterState = (Link, WaitingResponses);

    async fn read<S: Transport>(&self, socket: &Socket<S>) -> End {
        if let NextStep::End(end) = self.frames.welcome() {
            return end;
        }
        let socket = self.paced(socket);
        let (mut has_logged_binary, mut has_stopped) = (false, false);
        loop {
            // Both arms are cancel-safe. Frames that are there are read first: one may be a newer registration.
            let received = tokio::select! {
                biased;
                received = next(&socket, &self.frames) => received,
                () = self.frames.kept_is_due() => match self.frames.register_kept().await {
                    NextStep::Read => continue,
                    NextStep::End(end) => return end,
                },
            };
            let message = match received {
                Ok(message) => message,
                Err(End::Gone(_)) if has_stopped => return STOPPED,
                Err(end) => return end,
            };
            let next = match message {
                Message::Text(text) if text.len() > MAX_FRAME_BYTES => {
                    self.frames.refuse_large(&text);
                    return refuse_large(MessageTooLarge { bytes: Some(text.len()), limit: MAX_FRAME_BYTES });
                }
                Message::Text(text) => self.frames.receive(&text).await,
                Message::Binary(_) => {
                    if !std::mem::replace(&mut has_logged_binary, true) {
                        tracing::warn!("binary frame ignored; further ones of this connection are not logged");
                    }
                    NextStep::Read
                }
                // A close ends the stream.
                Message::Close(close) => {
                    has_stopped =
                        close.is_some_and(|close| close.code == close_code::NORMAL && close.reason == CLIENT_STOP);
                    NextStep::Read
                }
                // Pings are answered by the socket itself.
                Message::Ping(_) | Message::Pong(_) => NextStep::Read,
            };
            if let NextStep::End(end) = next {
                return end;
            }
        }
    }

    async fn write<S: Transport>(&self, (link, responses): &mut (Link, WaitingResponses), socket: &Socket<S>) -> End {
        writer::write(&self.paced(socket), link, responses).await
    }

    async fn ended(&self) -> End {
        close_of(self.closing.clone().wait().await).into()
    }

    fn leave(self, (mut link, _): (Link, WaitingResponses), end: &End) -> Farewell<impl FnMut(&str)> {
        match end {
            End::Close(close) if close.code == close_code::SIZE => link.note_large_frame(),
            end if *end == STOPPED => link.note_stop(),
            _ => {}
        }
        drop(link);
        self.frames.forget_health();
        let waiting = match end {
            End::Refuse(close) => vec![error_frame(&close.reason).into()],
            End::Gone(_) | End::Close(_) => Vec::new(),
        };
        Farewell { waiting, late: move |text: &str| self.frames.receive_late(text) }
    }
}

impl WorkerConnection<'_> {
    fn paced<'a, S>(&'a self, socket: &'a Socket<S>) -> WorkerSocket<'a, S> {
        WorkerSocket { socket, times: &self.times }
    }
}

/// Reads the next message. Answers that came before it are acknowledged together, when nothing more is there to be read at once.
async fn next<S: Transport>(socket: &WorkerSocket<'_, S>, frames: &Frames<'_>) -> Result<Message, End> {
    if frames.may_acknowledge_later()
        && let Some(message) = socket.next().now_or_never()
    {
        return message;
    }
    match frames.acknowledge() {
        NextStep::End(end) => Err(end),
        NextStep::Read => socket.next().await,
    }
}

/// The `error` frame that a worker is sent before a close that is its mistake.
pub(super) fn error_frame(error: &str) -> String {
    PlatformFrame::Error { error: error.to_owned() }.to_text()
}

/// The code and the reason that a worker is told.
fn close_of(closing: Closing) -> Close {
    match closing {
        Closing::Superseded => Close::new(close_code::NORMAL, "superseded by new connection"),
        Closing::SecretRotated => Close::new(CLOSE_SECRET_ROTATED, "secret rotated"),
        Closing::ShuttingDown => Close::SHUTTING_DOWN,
        // Workers of every SDK connect again after it, as after a restart.
        Closing::Disconnected => Close::new(close_code::AWAY, "disconnected by an admin"),
    }
}
