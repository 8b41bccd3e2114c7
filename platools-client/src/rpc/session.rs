//! The event loop of one socket.

use std::pin::pin;
use std::time::Duration;

use futures::future::Either;
use serde_json::value::to_raw_value;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::super::heard::Heard;
use super::event::RpcEvent;
use super::exchange::{Exchange, Outgoing};
use super::opening::Opened;
use platools_protocol::rpc::{PING_INTERVAL, Request, method};
use platools_transport::{Disconnect, Received, Reporter, Socket, text};

/// After so long without any byte a socket is dead: two pings are missing, and the second one had half an interval to be
/// late.
pub(super) const SILENCE: Duration = PING_INTERVAL.saturating_mul(2).saturating_add(Duration::from_secs(15));

/// The id of requests whose answer interests nobody; the others have numbers.
const ABORT_ID: &str = "abort";

/// The outcome of a session.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) reason: Disconnect,
    /// The time that the socket was open.
    pub(super) up: Duration,
}

/// Serves one socket until it ends or `stop` becomes true. Requests that have no answer by then fail.
pub(super) async fn run_session(
    opened: Opened,
    requests: &mut mpsc::Receiver<Outgoing>,
    reporter: &Reporter<RpcEvent>,
    stop: &mut watch::Receiver<bool>,
) -> Ended {
    let since = Instant::now();
    let Opened { socket, heard, .. } = opened;
    let session = Session { socket, heard, exchange: Exchange::default(), requests, reporter };
    let reason = session.run(stop).await;
    Ended { reason, up: since.elapsed() }
}

struct Session<'a> {
    socket: Socket,
    heard: Heard,
    exchange: Exchange,
    requests: &'a mut mpsc::Receiver<Outgoing>,
    reporter: &'a Reporter<RpcEvent>,
}

/// An event that wakes the loop.
enum Wake {
    Received(Received),
    /// Everything is written, and there is a request; none when every handle is gone.
    Request(Option<Outgoing>),
    /// Nobody listens to the chat any more.
    Abandoned,
    Timer,
    Stop,
}

impl Session<'_> {
    async fn run(mut self, stop: &mut watch::Receiver<bool>) -> Disconnect {
        let mut timer = pin!(sleep_until(self.next_deadline()));
        loop {
            // Every arm is cancel-safe: the socket and the channels lose nothing, and the timer is kept.
            let wake = tokio::select! {
                turn = self.socket.next_or(|cx| self.requests.poll_recv(cx)) => match turn {
                    Either::Left(received) => Wake::Received(received),
                    Either::Right(request) => Wake::Request(request),
                },
                () = self.exchange.abandoned() => Wake::Abandoned,
                () = timer.as_mut() => Wake::Timer,
                _ = stop.wait_for(|stop| *stop) => Wake::Stop,
            };
            if let Some(reason) = self.handle(wake) {
                self.exchange.fail(&reason);
                self.socket.end(&reason).await;
                return reason;
            }
            self.send_abort();
            let deadline = self.next_deadline();
            if timer.deadline() != deadline {
                timer.as_mut().reset(deadline);
            }
        }
    }

    fn handle(&mut self, wake: Wake) -> Option<Disconnect> {
        match wake {
            Wake::Received(received) => return self.received(received),
            Wake::Request(Some(request)) => {
                if let Some(frame) = self.exchange.begin(request) {
                    self.socket.queue(frame);
                }
            }
            Wake::Abandoned => self.exchange.abandon(Instant::now()),
            Wake::Timer => return self.tick(Instant::now()),
            Wake::Stop | Wake::Request(None) => return Some(Disconnect::Stopped),
        }
        None
    }

    fn received(&mut self, received: Received) -> Option<Disconnect> {
        match text(received) {
            Ok(text) => {
                text.iter().for_each(|text| self.exchange.received(text, self.reporter));
                None
            }
            Err(reason) => Some(reason),
        }
    }

    fn tick(&mut self, now: Instant) -> Option<Disconnect> {
        self.exchange.give_up_overdue(now);
        (now >= self.heard.last() + SILENCE).then_some(Disconnect::Silent)
    }

    fn next_deadline(&self) -> Instant {
        let dead_at = self.heard.last() + SILENCE;
        self.exchange.next_overdue().map_or(dead_at, |overdue| overdue.min(dead_at))
    }

    /// Ends the run of an abandoned chat as soon as it is known which one that is.
    fn send_abort(&mut self) {
        if let Some(abort) = self.exchange.run_to_abort() {
            let params = to_raw_value(&abort).expect("strings always serialize");
            self.socket.queue(Utf8Bytes::from(Request::new(ABORT_ID, method::CHAT_ABORT, &params).to_text()));
        }
    }
}
