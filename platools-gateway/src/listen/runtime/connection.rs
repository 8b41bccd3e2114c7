//! The task that owns one socket of an agent.

use axum::extract::ws::{Message, Utf8Bytes};
use bytes::Bytes;
use futures::{Sink, Stream, StreamExt as _};
use platools_protocol::runtime::{ClientFrame, FrameError, MAX_TYPE_BYTES};
use tokio::task::yield_now;
use tokio::time::Instant;

use super::end::End;
use crate::connections::Presence;
use crate::core::Core;
use crate::domain::error::{Error, ErrorKind, causes_of};
use crate::listen::ws::{Incoming, Outgoing, Reader, dismissed, duration_ms, say_goodbye, write};
use crate::sessions::AgentSocket;

/// Serves an agent's socket until it ends.
pub(super) async fn serve<S>(core: &Core, socket: S, agent: AgentSocket, presence: Presence)
where
    S: Stream<Item = Result<Message, axum::Error>> + Sink<Message, Error = axum::Error>,
{
    let begun = Instant::now();
    let settings = core.sessions.settings();
    let (mut sink, stream) = socket.split();
    let mut reader = Reader::new(stream, settings.read_deadline, settings.max_frame_bytes);
    let end = tokio::select! {
        biased;
        end = dismissed(&presence, End::of) => end,
        end = write(&mut sink, &agent, settings.ping_interval, settings.write_deadline) => end,
        end = answer(core, &agent, &mut reader) => end,
    };
    let waiting = agent.take_waiting();
    // Gone before the goodbye, which an agent may be slow to answer.
    drop((agent, presence));
    tracing::info!(reason = %end, duration_ms = duration_ms(begun), "agent disconnected");
    if let Some(close) = end.close() {
        say_goodbye(sink, reader.into_inner(), close, waiting.into_iter().map(text)).await;
    }
}

/// Reads what comes, and treats one frame after the other.
async fn answer<R>(core: &Core, agent: &AgentSocket, reader: &mut Reader<R>) -> End
where
    R: Stream<Item = Result<Message, axum::Error>> + Unpin,
{
    loop {
        let incoming = match reader.next().await {
            Ok(incoming) => incoming,
            Err(unread) => return End::Unread(unread),
        };
        agent.is_heard();
        match incoming {
            Incoming::Text(text) => treat(core, agent, &text).await,
            Incoming::Binary => agent.refuse("a binary frame is not understood here; send text"),
            Incoming::Pong => {}
        }
        if !agent.is_idle() {
            // The writer's turn: a burst of short frames must not fill the queue of an agent that reads.
            yield_now().await;
        }
    }
}

async fn treat(core: &Core, agent: &AgentSocket, text: &str) {
    if let Err(why) = try_treat(core, agent, text).await {
        agent.refuse(&why);
    }
}

/// Does what a frame asks for, or says why not.
async fn try_treat(core: &Core, agent: &AgentSocket, text: &str) -> Result<(), String> {
    match ClientFrame::parse(text).map_err(misunderstood)? {
        // Clients that only open their socket again after a while have no session by then, and do not ask for one.
        ClientFrame::Heartbeat { .. } => core.sessions.beat_or_begin(agent).await.map_err(refused),
        ClientFrame::Subscribe { channel_id } => core.sessions.subscribe(agent, &channel_id).await.map_err(refused),
        ClientFrame::Unsubscribe { channel_id } => {
            agent.unsubscribe(&channel_id);
            Ok(())
        }
        ClientFrame::Custom { kind, .. } if kind.len() > MAX_TYPE_BYTES => {
            Err(format!("a frame's `type` has at most {MAX_TYPE_BYTES} bytes"))
        }
        ClientFrame::Custom { kind, data } => {
            agent.emit(&kind, data);
            Ok(())
        }
        _ => Err("the frame is not understood here".to_owned()),
    }
}

fn misunderstood(error: FrameError) -> String {
    match error {
        FrameError::UnknownType(_) => {
            "types that begin with `channel.`, `connection.`, `presence.` or `tool.` are the gateway's own; send \
             `channel.subscribe`, `channel.unsubscribe`, `heartbeat`, or a type of another name"
                .to_owned()
        }
        error => error.to_string(),
    }
}

fn refused(error: Error) -> String {
    if error.kind() == ErrorKind::Storage {
        tracing::error!(%error, causes = causes_of(&error), "what an agent asked for failed");
    }
    error.to_string()
}

impl Outgoing for AgentSocket {
    type End = End;

    async fn next(&self) -> Result<Utf8Bytes, End> {
        AgentSocket::next(self).await.map(text).map_err(End::Ended)
    }

    async fn ended(&self) -> End {
        End::Ended(AgentSocket::ended(self).await)
    }
}

/// An event as a socket takes it.
fn text(event: Bytes) -> Utf8Bytes {
    event.try_into().expect("events are JSON")
}
