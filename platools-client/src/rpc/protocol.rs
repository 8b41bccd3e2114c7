//! [`CallerProtocol`]: writes a caller's requests to the gateway and treats the gateway's frames, on one socket after the other. A
//! [`Connection`](crate::connection::Connection) opens the sockets.

use std::task::{Context, Poll, ready};
use std::time::Duration;

use serde_json::value::to_raw_value;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Utf8Bytes;
use tracing::{Span, info_span};

use super::event::RpcEvent;
use super::opener::CallerOpener;
use super::pending_requests::{Outgoing, PendingRequests};
use crate::connection::{Connection, Protocol};
use platools_protocol::rpc::{Connected, PING_INTERVAL, Request, method};
use platools_transport::{ConnectionState, Disconnect, Error, Reporter, Socket};

/// The requests of a caller, and their answers and events on the current socket.
#[derive(Debug)]
pub(super) struct CallerProtocol {
    pending: PendingRequests,
    requests: mpsc::Receiver<Outgoing>,
    identity: watch::Sender<Option<Connected>>,
    reporter: Reporter<RpcEvent>,
}

/// The longest time without any byte before a socket is dead: two pings are missing, and the second one had half an interval to be
/// late.
pub(super) const SILENCE: Duration = PING_INTERVAL.saturating_mul(2).saturating_add(Duration::from_secs(15));

/// The id of requests to abort a run, whose answer is ignored. Other requests have numbers.
const ABORT_ID: &str = "abort";

impl CallerProtocol {
    pub(super) fn new(
        requests: mpsc::Receiver<Outgoing>,
        identity: watch::Sender<Option<Connected>>,
        reporter: Reporter<RpcEvent>,
    ) -> Self {
        Self { pending: PendingRequests::default(), requests, identity, reporter }
    }

    /// Aborts the run of an abandoned chat as soon as its name is known.
    fn send_abort(&mut self, socket: &mut Socket) {
        if let Some(abort) = self.pending.run_to_abort() {
            let params = to_raw_value(&abort).expect("strings always serialize");
            socket.queue(Utf8Bytes::from(Request::new(ABORT_ID, method::CHAT_ABORT, &params).to_text()));
        }
    }
}

impl Protocol for CallerProtocol {
    type Event = RpcEvent;
    type Opener = CallerOpener;

    const REPORTS_ATTEMPTS: bool = true;

    fn reporter(&self) -> &Reporter<RpcEvent> {
        &self.reporter
    }

    fn begin(&mut self, connected: Connected, _socket: &mut Socket) -> Span {
        self.pending = PendingRequests::default();
        self.identity.send_replace(Some(connected.clone()));
        self.reporter.state(ConnectionState::Connected);
        self.reporter.event(RpcEvent::Connected(connected));
        info_span!("rpc")
    }

    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Utf8Bytes>> {
        loop {
            let Some(request) = ready!(self.requests.poll_recv(cx)) else { return Poll::Ready(None) };
            if let Some(frame) = self.pending.begin(request) {
                return Poll::Ready(Some(frame));
            }
        }
    }

    fn poll_work(&mut self, socket: &mut Socket, cx: &mut Context<'_>) -> Poll<()> {
        ready!(self.pending.poll_abandoned(cx));
        self.pending.abandon(Instant::now());
        self.send_abort(socket);
        Poll::Ready(())
    }

    fn receive(&mut self, frame: &str, socket: &mut Socket) {
        self.pending.received(frame, &self.reporter);
        self.send_abort(socket);
    }

    fn next_deadline(&self, socket: &Socket) -> Instant {
        let dead_at = socket.last_alive() + SILENCE;
        self.pending.next_overdue().map_or(dead_at, |overdue| overdue.min(dead_at))
    }

    fn tick(&mut self, now: Instant, socket: &mut Socket) -> Option<Disconnect> {
        self.pending.give_up_overdue(now);
        (now >= socket.last_alive() + SILENCE).then_some(Disconnect::Silent)
    }

    fn end(&mut self, reason: &Disconnect, _socket: &mut Socket) {
        self.pending.fail(reason);
    }

    fn closed(&mut self, reason: Disconnect) {
        self.reporter.event(RpcEvent::Disconnected(reason));
    }

    async fn finish(connection: &mut Connection<Self>, outcome: Result<(), Error>) {
        if let Err(error) = outcome {
            connection.protocol.reporter.failed(&error);
        }
    }
}

impl Drop for CallerProtocol {
    fn drop(&mut self) {
        self.reporter.disconnected();
    }
}
