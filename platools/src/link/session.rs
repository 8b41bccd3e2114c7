//! The event loop of one live socket.

use std::ops::RangeInclusive;
use std::pin::pin;
use std::time::{Duration, SystemTime};

use secrecy::{ExposeSecret, SecretString};
use tokio::sync::watch;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use tracing::{debug, warn};

use super::connect::RawSocket;
use super::heartbeat::Heartbeat;
use super::report::{ConnectionState, Disconnect, Event};
use super::signing;
use super::socket::{Received, Socket};
use super::worker::Worker;
use crate::dispatch::{Admission, Call, Outcome};
use crate::time::after;
use crate::tool::{Output, Params, ToolError, code};
use crate::wire::{FrameError, MAX_FRAME_BYTES, PlatformFrame, ToolCall, result_frame};

/// How much of what is ready is treated before it is written. A burst begins small, so that the platform works on the first
/// replies while the next are made; it doubles whenever there is more, so that one flush serves many calls, and halves
/// whenever there is not.
const BURST: RangeInclusive<usize> = 8..=64;

/// Past so many bytes of replies a burst is written whatever its count: more would only leave the cache before it does.
const BURST_BYTES: usize = 128 * 1024;

/// How long the other side has to answer a close.
const CLOSE_LIMIT: Duration = Duration::from_secs(5);

/// What one session came to.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) reason: Disconnect,
    /// Whether the platform ever accepted the worker.
    pub(crate) accepted: bool,
    /// How long the socket was open.
    pub(crate) up: Duration,
}

impl Ended {
    /// A session that never came about.
    pub(crate) fn before_opening(reason: Disconnect) -> Self {
        Self { reason, accepted: false, up: Duration::ZERO }
    }
}

/// Serves one socket until it ends or `stop` becomes true.
pub(crate) async fn run_session(
    worker: &mut Worker,
    socket: RawSocket,
    secret: SecretString,
    stop: &mut watch::Receiver<bool>,
) -> Ended {
    let now = Instant::now();
    let session = Session {
        pulse: Heartbeat::new(worker.settings.heartbeat_interval, now),
        worker,
        socket: Socket::new(socket),
        secret,
        opened: now,
        accepted: false,
        burst: *BURST.start(),
        refusal: None,
        drain_until: None,
    };
    session.run(stop).await
}

struct Session<'a> {
    worker: &'a mut Worker,
    socket: Socket,
    secret: SecretString,
    pulse: Heartbeat,
    opened: Instant,
    accepted: bool,
    /// How much is treated before the next write.
    burst: usize,
    /// The platform's own words for the close that follows them.
    refusal: Option<String>,
    /// Set once the worker is to stop: no new calls, and no longer than this for the running ones.
    drain_until: Option<Instant>,
}

/// What wakes the loop.
enum Wake {
    Received(Received),
    Ended(Outcome),
    ToolsChanged,
    Timer,
    Stop,
}

impl Session<'_> {
    async fn run(mut self, stop: &mut watch::Receiver<bool>) -> Ended {
        self.open();
        let mut timer = pin!(sleep_until(self.next_deadline()));
        loop {
            // Every arm is cancel-safe: the socket and the channels lose nothing, and the timer is kept.
            let wake = tokio::select! {
                received = self.socket.next() => Wake::Received(received),
                Some(outcome) = self.worker.outcomes.recv() => Wake::Ended(outcome),
                () = timer.as_mut() => Wake::Timer,
                Ok(()) = self.worker.changes.changed() => Wake::ToolsChanged,
                _ = stop.wait_for(|stop| *stop), if self.drain_until.is_none() => Wake::Stop,
            };
            if matches!(wake, Wake::Ended(_)) && self.worker.dispatcher.is_running() {
                // Lets calls that are about to end do so, and one flush serves them all.
                yield_now().await;
            }
            if let Some(reason) = self.handle(wake).or_else(|| self.handle_what_is_ready()) {
                return self.end(reason).await;
            }
            self.send_replies();
            if self.is_drained() {
                return self.end(Disconnect::Stopped).await;
            }
            let deadline = self.next_deadline();
            if timer.deadline() != deadline {
                timer.as_mut().reset(deadline);
            }
        }
    }

    /// Registers, and sends again what an earlier socket may not have delivered.
    fn open(&mut self) {
        self.register();
        self.worker.outbox.reconnected();
        self.send_replies();
    }

    fn handle(&mut self, wake: Wake) -> Option<Disconnect> {
        match wake {
            Wake::Received(received) => return self.received(received),
            Wake::Ended(outcome) => self.worker.settle(outcome),
            Wake::ToolsChanged => self.worker.registration.changed(Instant::now()),
            Wake::Timer => return self.tick(Instant::now()),
            Wake::Stop => {
                self.worker.dispatcher.drain();
                self.drain_until = Some(after(Instant::now(), self.worker.settings.drain_limit));
            }
        }
        None
    }

    fn handle_what_is_ready(&mut self) -> Option<Disconnect> {
        for _ in 0..self.burst {
            if let Ok(outcome) = self.worker.outcomes.try_recv() {
                self.worker.settle(outcome);
            } else if let Some(received) = self.socket.try_next() {
                if let Some(reason) = self.received(received) {
                    return Some(reason);
                }
            } else {
                self.burst = (self.burst / 2).max(*BURST.start());
                return None;
            }
            self.send_replies();
            if self.socket.queued_bytes() > BURST_BYTES {
                return None;
            }
        }
        self.burst = (self.burst * 2).min(*BURST.end());
        None
    }

    fn received(&mut self, received: Received) -> Option<Disconnect> {
        match received {
            Some(Ok(Message::Text(text))) => self.frame(&text),
            Some(Ok(Message::Close(frame))) => {
                let (code, reason) = frame.map(|frame| (u16::from(frame.code), frame.reason.to_string())).unzip();
                return Some(self.closed(code, reason.unwrap_or_default()));
            }
            // The library answers pings itself, and the protocol has no binary frames.
            Some(Ok(_)) => {}
            Some(Err(error)) => return Some(Disconnect::Broken { error: error.to_string() }),
            None => return Some(self.closed(None, String::new())),
        }
        None
    }

    fn closed(&mut self, code: Option<u16>, reason: String) -> Disconnect {
        match self.refusal.take() {
            Some(error) => Disconnect::Refused { error },
            None => Disconnect::Closed { code, reason },
        }
    }

    fn frame(&mut self, text: &Utf8Bytes) {
        if self.pulse.is_awaiting() {
            self.pulse.heard(Instant::now());
        }
        match PlatformFrame::parse(text) {
            Ok(PlatformFrame::ToolCall(call)) => {
                self.accept();
                self.call(&call, text);
            }
            Ok(PlatformFrame::HeartbeatAck {}) => {
                self.accept();
                self.pulse.answered();
                self.worker.outbox.heartbeat_answered();
            }
            Ok(PlatformFrame::Error { error }) => self.refusal = Some(error),
            Ok(notice) => self.notice(notice),
            Err(FrameError::Malformed { kind: "tool_call", call_id: Some(call_id), reason }) => {
                let error = ToolError::new(format!("malformed call: {reason}")).with_code(code::INVALID_ARGUMENTS);
                self.refuse(&call_id, error);
            }
            Err(error) => warn!(%error, "a frame of the platform was ignored"),
        }
    }

    fn notice(&mut self, notice: PlatformFrame<'_>) {
        let event = match notice {
            PlatformFrame::Welcome(welcome) => {
                self.accept();
                Event::Welcomed(welcome)
            }
            PlatformFrame::ToolsRegistered(registered) => {
                self.accept();
                debug!(tools.count = registered.count, "the tools are registered");
                Event::Registered(registered)
            }
            PlatformFrame::RegisterThrottled(throttled) => {
                let retry_after = Duration::from_millis(throttled.retry_after_ms);
                warn!(retry_after_ms = throttled.retry_after_ms, "the platform took no registration");
                self.worker.registration.throttled(retry_after, Instant::now());
                Event::RegisterThrottled { retry_after }
            }
            PlatformFrame::ToolHealthAlert(alert) => {
                warn!(tool.name = alert.tool, tool.status = alert.status, "the platform thinks a tool is not well");
                Event::HealthAlert(alert)
            }
            _ => return,
        };
        self.worker.reporter.event(event);
    }

    /// The platform treats the worker as one of its own.
    fn accept(&mut self) {
        if !self.accepted {
            self.accepted = true;
            self.worker.reporter.state(ConnectionState::Connected);
        }
    }

    fn call(&mut self, call: &ToolCall<'_>, frame: &Utf8Bytes) {
        // Before its signature is looked at: the nonce of a call that is sent again was used by the call itself.
        let Some(key) = self.worker.dispatcher.key_if_new(&call.call_id) else {
            return debug!(call.id = &*call.call_id, "a repeated call was not run again");
        };
        if let Some(verifier) = &mut self.worker.verifier {
            let secret = self.secret.expose_secret();
            let verdict = signing::verify(verifier, secret, &call.tool_name, call.params.get(), SystemTime::now());
            if let Err(reason) = verdict {
                warn!(call.id = &*call.call_id, %reason, "a call was refused for its signature");
                let error = ToolError::new(format!("the call's signature was rejected: {reason}"));
                return self.refuse(&call.call_id, error.with_code(code::SIGNATURE_REJECTED));
            }
        }
        let admission = self.worker.dispatcher.dispatch(
            key,
            Call {
                call_id: &call.call_id,
                tool_name: &call.tool_name,
                params: Params::within(frame, call.params.get()),
                output: output(&call.call_id),
            },
        );
        match admission {
            Admission::Accepted => {}
            Admission::Ended(outcome) => self.worker.reply(outcome),
        }
    }

    /// Answers a call that is not run.
    fn refuse(&mut self, call_id: &str, error: ToolError) {
        self.worker.reply(Outcome::refusal(call_id.into(), error));
    }

    fn tick(&mut self, now: Instant) -> Option<Disconnect> {
        if self.pulse.is_dead(now) {
            return Some(Disconnect::Silent);
        }
        if self.pulse.is_due(now) {
            self.send_heartbeat(now);
        }
        if self.worker.registration.due().is_some_and(|due| now >= due) {
            self.register();
        }
        if self.drain_until.is_some_and(|until| now >= until) {
            self.worker.cancel_calls();
        }
        None
    }

    fn next_deadline(&self) -> Instant {
        let others = [self.worker.registration.due(), self.drain_until];
        others.into_iter().flatten().fold(self.pulse.next(), Instant::min)
    }

    fn register(&mut self) {
        // Read before the set itself, so that a change in between is announced once more rather than missed.
        self.worker.changes.mark_unchanged();
        self.socket.queue(self.worker.registration_frame());
        self.worker.registration.sent(Instant::now());
    }

    fn send_heartbeat(&mut self, now: Instant) {
        self.socket.queue(self.worker.heartbeat_frame(now));
        self.worker.outbox.heartbeat_sent();
        self.pulse.sent(now);
    }

    fn send_replies(&mut self) {
        while let Some(reply) = self.worker.outbox.next_unsent() {
            self.socket.queue(reply);
        }
        if self.worker.outbox.wants_confirmation() && !self.pulse.is_awaiting() {
            self.send_heartbeat(Instant::now());
        }
    }

    fn is_drained(&self) -> bool {
        self.drain_until.is_some() && self.worker.dispatcher.is_idle()
    }

    async fn end(mut self, reason: Disconnect) -> Ended {
        match &reason {
            // The platform answers a close once it has read everything before it, so that confirms every reply.
            Disconnect::Stopped => {
                if self.socket.close(1000, "client stop", CLOSE_LIMIT).await {
                    self.worker.outbox.all_arrived();
                }
            }
            // Answers the platform's close; a peer that is gone is not waited for.
            Disconnect::Closed { .. } | Disconnect::Refused { .. } => {
                let _ = timeout(CLOSE_LIMIT, self.socket.answer_close()).await;
            }
            Disconnect::Silent | Disconnect::Broken { .. } => {}
        }
        Ended { reason, accepted: self.accepted, up: self.opened.elapsed() }
    }
}

/// Where a call's result goes: straight into the frame that carries it, as large as a frame may be.
fn output(call_id: &str) -> Output {
    let head = result_frame::head(call_id);
    let limit = MAX_FRAME_BYTES.saturating_sub(head.len() + result_frame::TAIL_BYTES);
    Output::after(head, limit)
}
