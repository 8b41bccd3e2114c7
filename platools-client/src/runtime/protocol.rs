//! [`AgentProtocol`]: writes an agent's frames to the gateway and treats the gateway's events, on one socket after the other. A
//! [`Connection`](crate::connection::Connection) opens the sockets.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};
use tokio_tungstenite::tungstenite::Utf8Bytes;
use tracing::{Span, debug, info_span, warn};

use super::event::{RuntimeEvent, now};
use super::opener::Welcome;
use super::shared_state::SharedState;
use crate::connection::{Connection, Protocol};
use platools_protocol::runtime::{AgentFrame, GatewayEvent, HeartbeatReply, path};
use platools_transport::{ConnectionState, Disconnect, Error, ErrorKind, Heartbeat, Reporter, Socket, WithCauses};

/// The heartbeats, frames and events of an agent's session.
#[derive(Debug)]
pub(super) struct AgentProtocol {
    shared: Arc<SharedState>,
    heartbeat: Heartbeat,
    /// The frames for the current socket.
    frames: mpsc::Receiver<Utf8Bytes>,
    /// True once the policy gave up. The state may belong to another connection by then.
    has_given_up: bool,
}

/// The reason for the end of a client that could not connect again, in the protocol's words.
const EXHAUSTED: &str = "max retries exceeded";

impl AgentProtocol {
    pub(super) fn new(shared: Arc<SharedState>) -> Self {
        let heartbeat = Heartbeat::new(shared.settings.heartbeat_interval, Instant::now());
        let (_, frames) = mpsc::channel(1);
        Self { shared, heartbeat, frames, has_given_up: false }
    }

    /// Leaves the client as it was before it connected, and reports the reason. `stop` is closed before that, because an application that
    /// learns of it may connect at once.
    fn give_up(&mut self, error: &Error, stop: &mut watch::Receiver<bool>) {
        warn!(error = %WithCauses(error), "client gave up");
        let reason = match error.kind() {
            ErrorKind::RetriesExhausted => EXHAUSTED.to_owned(),
            _ => WithCauses(error).to_string(),
        };
        self.shared.clear();
        self.has_given_up = true;
        *stop = watch::channel(true).1;
        self.shared.reporter.state(ConnectionState::Disconnected);
        let failed = RuntimeEvent::failed(&reason);
        self.shared.events.publish(failed.kind(), &failed);
    }
}

impl Protocol for AgentProtocol {
    type Event = RuntimeEvent;
    type Opener = Arc<SharedState>;

    const REPORTS_ATTEMPTS: bool = false;

    fn reporter(&self) -> &Reporter<RuntimeEvent> {
        &self.shared.reporter
    }

    fn begin(&mut self, welcome: Welcome, socket: &mut Socket) -> Span {
        let Welcome { connected, frames } = welcome;
        self.shared.reporter.state(ConnectionState::Connected);
        frames.first.into_iter().for_each(|frame| socket.queue(frame));
        self.frames = frames.later;
        self.heartbeat.answered();
        info_span!("runtime", agent.id = %connected.agent_id)
    }

    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Utf8Bytes>> {
        self.frames.poll_recv(cx)
    }

    fn receive(&mut self, frame: &str, _socket: &mut Socket) {
        match GatewayEvent::parse(frame) {
            Ok(event) => self.shared.events.publish(&event.kind, &RuntimeEvent::new(&event)),
            Err(error) => warn!(%error, "frame of the gateway ignored"),
        }
    }

    fn next_deadline(&self, _socket: &Socket) -> Instant {
        self.heartbeat.next()
    }

    fn tick(&mut self, now: Instant, socket: &mut Socket) -> Option<Disconnect> {
        self.heartbeat.heard_at(socket.last_alive());
        if self.heartbeat.is_dead(now) {
            return Some(Disconnect::Silent);
        }
        if self.heartbeat.is_due(now) {
            // The protocol has no answer to a heartbeat; every WebSocket has one to a ping.
            socket.queue(heartbeat());
            socket.ping();
            self.heartbeat.sent(now);
        }
        None
    }

    fn end(&mut self, _reason: &Disconnect, socket: &mut Socket) {
        self.shared.detach();
        // Frames that were accepted before an orderly end are sent before it.
        self.frames.close();
        while let Ok(frame) = self.frames.try_recv() {
            socket.queue(frame);
        }
    }

    /// Sends heartbeats over HTTP, for as long as the gateway knows the session. A heartbeat does not begin another session; the next
    /// attempt to connect does.
    async fn work_without_socket(&mut self) -> Infallible {
        let Self { shared, heartbeat, .. } = self;
        let mut ended = None;
        heartbeat.answered();
        loop {
            sleep_until(heartbeat.next()).await;
            heartbeat.sent(Instant::now());
            heartbeat.answered();
            let session = shared.session().as_ref().map(|session| session.session_id.clone());
            if session == ended {
                continue;
            }
            match shared.http.ask_once::<HeartbeatReply>("POST", path::HEARTBEAT, ()).await {
                Ok(_) => {}
                Err(error) if error.status() == Some(404) => {
                    debug!("session ended by the gateway");
                    ended = session;
                }
                Err(error) => debug!(%error, "heartbeat not delivered"),
            }
        }
    }

    async fn finish(connection: &mut Connection<Self>, outcome: Result<(), Error>) {
        match outcome {
            Ok(()) => connection.protocol.shared.end_session().await,
            Err(error) => connection.protocol.give_up(&error, &mut connection.stop),
        }
    }
}

impl Drop for AgentProtocol {
    fn drop(&mut self) {
        if self.has_given_up {
            return;
        }
        self.shared.clear();
        self.shared.reporter.disconnected();
    }
}

fn heartbeat() -> Utf8Bytes {
    AgentFrame::Heartbeat { timestamp: Some(now().into()) }.to_text().into()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::http_requests::HttpRequests;
    use super::super::shared_state::Settings;
    use super::*;
    use platools_protocol::runtime::Connected;
    use platools_transport::{ClientKind, Dialler, Secret, Tls};

    #[tokio::test]
    async fn who_is_told_that_the_client_has_given_up_finds_it_free_and_what_comes_then_is_left_alone() {
        let limit = Duration::from_secs(1);
        let dialler = Dialler::new(ClientKind::Agent, "http://127.0.0.1:1", &Tls::new(), limit).expect("a dialler");
        let http = HttpRequests::new(dialler, Secret::from("k"), limit);
        let settings = Settings { heartbeat_interval: limit, metadata: None, private_key: None };
        let shared = Arc::new(SharedState::new(http, settings));
        let (stop, mut stopped) = watch::channel(false);
        let mut protocol = AgentProtocol::new(Arc::clone(&shared));
        protocol.give_up(&Error::new(ErrorKind::RetriesExhausted, "gone"), &mut stopped);
        assert!(stop.is_closed());
        shared.reporter.state(ConnectionState::Connecting);
        *shared.session() = Some(Connected::new("another", "agent", "0x1", ""));
        drop(protocol);
        assert!(shared.session().is_some());
        assert_eq!(*shared.reporter.watch().borrow(), ConnectionState::Connecting);
    }
}
