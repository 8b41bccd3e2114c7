//! [`AgentConnection`]: serves the runtime protocol to one agent over a WebSocket.

use axum::extract::ws::{Utf8Bytes, close_code};
use bytes::Bytes;
use platools_protocol::rpc::CLOSE_TOO_SLOW;
use platools_protocol::runtime::{AgentFrame, FrameError, MAX_TYPE_BYTES};
use tokio::task::yield_now;

use crate::connections::{CallerConnection, ConnectionPhase};
use crate::core::Core;
use crate::domain::error::Error;
use crate::listen::http::ErrorView;
use crate::listen::ws::{
    self, Close, End, Farewell, Incoming, Outgoing, Reader, Socket, SocketProtocol, Transport, WriteTiming, dismissed,
};
use crate::sessions::{AgentSocket, SocketEnd};

/// A socket of an agent, whose frames are handled one after the other.
pub(super) struct AgentConnection<'a> {
    pub(super) core: &'a Core,
    pub(super) agent: AgentSocket,
    pub(super) presence: CallerConnection,
}

impl SocketProtocol for AgentConnection<'_> {
    const PEER: &'static str = "agent";

    type WriterState = ();

    async fn read<S: Transport>(&self, socket: &Socket<S>) -> End {
        let settings = self.core.sessions.settings();
        let mut reader = Reader::new(socket, settings.read_deadline, settings.max_frame_bytes);
        loop {
            let incoming = match reader.next().await {
                Ok(incoming) => incoming,
                Err(error) => return error.into(),
            };
            self.agent.note_heard();
            match incoming {
                Incoming::Text(text) => handle(self.core, &self.agent, &text).await,
                Incoming::Binary => self.agent.refuse("a binary frame is not understood here; send text"),
                Incoming::Pong => {}
            }
            if !self.agent.is_idle() {
                // The writer's turn: a burst of short frames must not fill the queue of an agent that reads.
                yield_now().await;
            }
        }
    }

    async fn write<S: Transport>(&self, (): &mut (), socket: &Socket<S>) -> End {
        let settings = self.core.sessions.settings();
        let timing = WriteTiming { ping_interval: settings.ping_interval, write_deadline: settings.write_deadline };
        ws::write(socket, &self.agent, timing).await
    }

    async fn ended(&self) -> End {
        // An agent has nothing running that could be finished when the gateway stops.
        dismissed(&self.presence, ConnectionPhase::Draining, Close::SHUTTING_DOWN).await
    }

    fn leave(self, (): (), _: &End) -> Farewell<impl FnMut(&str)> {
        Farewell::new(self.agent.take_waiting().into_iter().map(text).collect())
    }
}

async fn handle(core: &Core, agent: &AgentSocket, text: &str) {
    if let Err(why) = try_handle(core, agent, text).await {
        agent.refuse(&why);
    }
}

/// Handles a frame. The error is the reason why it is refused.
async fn try_handle(core: &Core, agent: &AgentSocket, text: &str) -> Result<(), String> {
    match AgentFrame::parse(text).map_err(misunderstood)? {
        // Clients that only open their socket again after a while have no session by then, and do not ask for one.
        AgentFrame::Heartbeat { .. } => core.sessions.beat_or_begin(agent).await.map_err(refused),
        AgentFrame::Subscribe { channel_id } => core.sessions.subscribe(agent, &channel_id).await.map_err(refused),
        AgentFrame::Unsubscribe { channel_id } => {
            agent.unsubscribe(&channel_id);
            Ok(())
        }
        AgentFrame::Custom { kind, .. } if kind.len() > MAX_TYPE_BYTES => {
            Err(format!("a frame's `type` has at most {MAX_TYPE_BYTES} bytes"))
        }
        AgentFrame::Custom { kind, data } => {
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
    ErrorView::from(&error).message
}

impl Outgoing for AgentSocket {
    async fn next(&self) -> Result<Utf8Bytes, End> {
        AgentSocket::next(self).await.map(text).map_err(End::from)
    }

    async fn ended(&self) -> End {
        AgentSocket::ended(self).await.into()
    }
}

impl From<SocketEnd> for End {
    fn from(end: SocketEnd) -> Self {
        match end {
            SocketEnd::TooSlow => Self::close(CLOSE_TOO_SLOW, "too many events wait"),
            SocketEnd::Replaced => {
                Self::close(close_code::POLICY, "the agent has opened another socket, and has three at most")
            }
            SocketEnd::SessionTimedOut => {
                Self::close(close_code::POLICY, "the session went without a heartbeat for too long; connect again")
            }
            SocketEnd::Disconnected => Self::close(close_code::NORMAL, "the agent has disconnected"),
        }
    }
}

/// An event as a socket takes it.
fn text(event: Bytes) -> Utf8Bytes {
    event.try_into().expect("events are JSON")
}
