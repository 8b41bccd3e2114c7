//! [`Session`]: serves one live socket of a worker as its event loop. [`run_session`] runs it until the socket ends.

use std::ops::RangeInclusive;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use futures::future::Either;
use secrecy::SecretString;
use tokio::sync::watch;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep_until};
use tokio_tungstenite::tungstenite::Utf8Bytes;
use tracing::{debug, info, warn};

use super::event::Event;
use super::handover::{LateFrame, OpenedSocket};
use super::replacement::{Replacement, accepts};
use super::worker::Worker;
use crate::dispatch::Outcome;
use crate::tool::Context;
use platools_protocol::tool_sync::{Drain, Feature, Features, PlatformFrame, WorkerFrame};
use platools_protocol::truncate::truncate;
use platools_transport::redact;
use platools_transport::{CLOSE_LIMIT, Received, Socket, text};
use platools_transport::{ConnectionState, Disconnect};

/// A live socket of a worker, and the state that ends with it. It moves frames between the socket and the worker's state machines, which
/// decide.
struct Session<'a> {
    worker: &'a mut Worker,
    socket: Socket,
    secret: SecretString,
    /// The extensions both sides speak; none before the platform says so.
    features: Features,
    opened: Instant,
    accepted: bool,
    /// The number of frames and outcomes that are treated before the next write.
    burst: usize,
    /// The platform's last frame, if that was an error: its words for a close that follows.
    refusal: Option<String>,
    replacement: &'a mut Replacement,
}

impl Session<'_> {
    async fn run(mut self, stop: &mut watch::Receiver<bool>) -> SessionEnd {
        let mut timer = pin!(sleep_until(self.next_deadline()));
        loop {
            let finishes = self.worker.stopping.is_some() && self.worker.calls.are_over();
            // Every arm is cancel-safe: the socket and the channels lose nothing, and the timer is kept.
            let frame = self.socket.next_from(&mut self.worker.delivery, |cx| match finishes {
                true => Poll::Ready(Wake::Finished),
                false => self.worker.calls.reports.poll_call(cx).map(Wake::CallReported),
            });
            let outcome = self.worker.calls.outcomes.recv();
            // The socket comes first: it takes the replies for which it has room before others push them out of the outbox.
            let frame_or_outcome = async {
                tokio::select! {
                    biased;
                    frame = frame => match frame {
                        Either::Left(received) => Wake::Received(received),
                        Either::Right(wake) => wake,
                    },
                    outcome = outcome => Wake::CallEnded(outcome),
                }
            };
            let wake = tokio::select! {
                wake = frame_or_outcome => wake,
                () = timer.as_mut() => Wake::Timer,
                Ok(()) = self.worker.registration.changes.changed() => Wake::ToolsChanged,
                _ = stop.wait_for(|stop| *stop), if self.worker.stopping.is_none() => Wake::Stop,
                late = self.worker.predecessors.next() => Wake::Late(late),
                next = self.replacement.found() => Wake::Replaced(next),
            };
            if let Wake::Replaced(next) = wake {
                return self.hand_over(next);
            }
            let gathers = self.worker.calls.outcomes.last_came_over_channel() && self.worker.calls.are_running();
            if gathers && matches!(&wake, Wake::CallEnded(outcome) if is_small(outcome)) {
                // Lets calls that are about to end do so, and one flush serves them all.
                yield_now().await;
            }
            if let Some(reason) = self.handle(wake).or_else(|| self.handle_what_is_ready()) {
                return self.end(reason).await;
            }
            self.worker.calls.outcomes.let_calls_run().await;
            self.worker.calls.reports.send_last(&mut self.socket);
            self.worker.calls.watch();
            let deadline = self.next_deadline();
            if timer.deadline() != deadline {
                timer.as_mut().reset(deadline);
            }
        }
    }

    /// Registers, unless that was done already, and treats the frames that were read before.
    fn open(&mut self, registered: Option<&Utf8Bytes>, heard: &[Utf8Bytes]) {
        self.register_unless(registered);
        heard.iter().for_each(|text| self.handle_frame(text));
        self.worker.calls.reports.send_last(&mut self.socket);
    }

    fn handle(&mut self, wake: Wake) -> Option<Disconnect> {
        match wake {
            Wake::Received(received) => return self.handle_received(received),
            Wake::CallEnded(outcome) => self.worker.calls.settle(outcome, &mut self.worker.delivery),
            Wake::ToolsChanged => self.worker.registration.changed(Instant::now()),
            Wake::Timer => return self.tick(Instant::now()),
            Wake::Stop => {
                self.worker.stop(Instant::now());
                self.announce_stop();
            }
            Wake::CallReported(context) => self.worker.calls.reports.send_from(context, &mut self.socket),
            Wake::Finished => return Some(Disconnect::Stopped),
            Wake::Late(late) => self.worker.calls.handle_late_frame(&late, &mut self.worker.delivery),
            Wake::Replaced(_) => unreachable!("a handover ends the session"),
        }
        None
    }

    fn handle_what_is_ready(&mut self) -> Option<Disconnect> {
        let before = self.waiting_bytes();
        for _ in 0..self.burst {
            if let Some(outcome) = self.worker.calls.outcomes.try_recv() {
                self.worker.calls.settle(outcome, &mut self.worker.delivery);
            } else if let Some(received) = self.socket.try_next() {
                if let Some(reason) = self.handle_received(received) {
                    return Some(reason);
                }
            } else {
                self.burst = (self.burst / 2).max(*BURST.start());
                return None;
            }
            self.worker.calls.reports.send_last(&mut self.socket);
            if self.waiting_bytes().saturating_sub(before) > BURST_BYTES {
                return None;
            }
        }
        self.burst = (self.burst * 2).min(*BURST.end());
        None
    }

    /// Bytes that wait to be written.
    fn waiting_bytes(&self) -> usize {
        self.socket.queued_bytes() + self.worker.delivery.unsent_bytes()
    }

    fn handle_received(&mut self, received: Received) -> Option<Disconnect> {
        match text(received) {
            Ok(Some(text)) => self.handle_frame(&text),
            Ok(None) => {}
            Err(Disconnect::Closed { code, reason, .. }) => return Some(self.closed(code, reason)),
            Err(reason) => return Some(reason),
        }
        None
    }

    /// A close is a refusal if the platform has sent an error right before it, and if its code is that of one.
    fn closed(&mut self, code: Option<u16>, reason: String) -> Disconnect {
        match self.refusal.take().filter(|_| code.is_some_and(|code| REFUSALS.contains(&code))) {
            Some(error) => Disconnect::refused(code, error),
            None => Disconnect::closed(code, redact(&reason, &self.secret)),
        }
    }

    fn handle_frame(&mut self, text: &Utf8Bytes) {
        self.worker.delivery.note_frame();
        self.refusal = None;
        let frame = PlatformFrame::parse(text);
        if frame.as_ref().is_ok_and(accepts) {
            self.accept();
        }
        let Worker { calls, delivery, registration, .. } = &mut *self.worker;
        match calls.handle_frame(frame, text, &self.secret, self.features, delivery) {
            None => {}
            Some(PlatformFrame::HeartbeatAck {}) => delivery.heartbeat_answered(),
            Some(PlatformFrame::Error { error }) => self.handle_error(&error),
            Some(PlatformFrame::Drain(_)) => {
                info!("platform is about to close this socket");
                self.replacement.find(registration.frame(), self.opened.elapsed());
            }
            Some(notice) => self.handle_notice(notice),
        }
    }

    /// Reports an error of the platform. It may be about the last registration, and a close may follow or not.
    fn handle_error(&mut self, error: &str) {
        let error = redact(error, &self.secret);
        let retry_after = self.worker.registration.failed(Instant::now());
        warn!(
            error = truncate(&error, MAX_ERROR_BYTES),
            registration.retry_after_ms = retry_after.map(|delay| delay.as_millis()),
            "platform error received"
        );
        self.worker.reporter.event(Event::PlatformError { message: error.clone() });
        self.refusal = Some(error);
    }

    fn handle_notice(&mut self, notice: PlatformFrame<'_>) {
        let event = match notice {
            PlatformFrame::Welcome(welcome) => {
                self.agree(welcome.features);
                self.worker.scope = (welcome.entity_id.clone(), welcome.environment_id.clone());
                Event::Welcomed(welcome)
            }
            PlatformFrame::ToolsRegistered(registered) => {
                debug!(tools.count = registered.count, "the tools are registered");
                self.worker.registration.confirmed();
                Event::Registered(registered)
            }
            PlatformFrame::RegisterThrottled(throttled) => {
                let retry_after = Duration::from_millis(throttled.retry_after_ms);
                warn!(
                    retry_after_ms = throttled.retry_after_ms,
                    "registration refused by the platform: too many; trying again"
                );
                self.worker.registration.throttled(retry_after, Instant::now());
                Event::RegisterThrottled { retry_after }
            }
            PlatformFrame::ToolHealthAlert(alert) => {
                if self.worker.delivery.health.note_alert(&alert) {
                    let details = alert.details.as_ref().map(|details| redact(&details.to_string(), &self.secret));
                    warn!(
                        tool.name = alert.tool,
                        tool.status = alert.status,
                        details = details.as_deref().map(|details| truncate(details, MAX_ERROR_BYTES)),
                        "tool reported as unhealthy by the platform"
                    );
                }
                Event::HealthAlert(alert)
            }
            _ => return,
        };
        self.worker.reporter.event(event);
    }

    /// Uses these extensions from now on.
    fn agree(&mut self, features: Features) {
        self.features = features;
        self.worker.delivery.agree(features);
        self.worker.calls.agree(features).into_iter().for_each(|frame| self.socket.queue(frame));
        self.announce_stop();
    }

    /// Tells the platform that the worker stops, if it does.
    fn announce_stop(&mut self) {
        if let Some(stopping) = self.worker.stopping.filter(|_| self.features.contains(Feature::Drain)) {
            let left = stopping.until.saturating_duration_since(Instant::now()).as_millis();
            let drain = Drain::within_ms(u64::try_from(left).unwrap_or(u64::MAX));
            self.socket.queue(WorkerFrame::Drain(drain).to_text().into());
        }
    }

    /// The platform treats the worker as one of its own.
    fn accept(&mut self) {
        if !self.accepted {
            self.accepted = true;
            self.worker.reporter.state(ConnectionState::Connected);
        }
    }

    fn tick(&mut self, now: Instant) -> Option<Disconnect> {
        if let Err(reason) = self.worker.delivery.beat(self.socket.last_taken(), now) {
            return Some(reason);
        }
        if self.worker.registration.due().is_some_and(|due| now >= due) {
            self.register(now);
        }
        self.worker.tick(now);
        let stopping = self.worker.stopping?;
        if now >= stopping.calls_until {
            self.worker.cancel_calls();
        }
        (now >= stopping.until).then_some(Disconnect::Stopped)
    }

    fn next_deadline(&self) -> Instant {
        let worker = &*self.worker;
        let end = worker.stopping.map(|stopping| match worker.calls.are_over() {
            true => stopping.until,
            false => stopping.calls_until,
        });
        let others = [worker.registration.due(), worker.next_tick(), end];
        others.into_iter().flatten().fold(worker.delivery.next_beat(), Instant::min)
    }

    fn register(&mut self, now: Instant) {
        // A set of tools may be large, and the latest is enough.
        if self.socket.queued_bytes() > 0 {
            return self.worker.registration.postponed(now);
        }
        self.register_unless(None);
    }

    /// Registers, unless the registration of this socket is up to date.
    fn register_unless(&mut self, registered: Option<&Utf8Bytes>) {
        if let Some(frame) = self.worker.registration.next_frame(registered, Instant::now()) {
            self.socket.queue(frame);
        }
    }

    /// Closes this socket, from where calls that are on their way are still taken, and goes on with the next.
    fn hand_over(self, next: Box<OpenedSocket>) -> SessionEnd {
        self.worker.predecessors.close(self.socket, self.secret, self.features);
        SessionEnd { reason: Disconnect::Moved, accepted: self.accepted, up: self.opened.elapsed(), next: Some(next) }
    }

    async fn end(self, reason: Disconnect) -> SessionEnd {
        let deadline = self.end_deadline(&reason);
        // The platform answers a close once it has read everything before it, so that confirms every reply.
        if self.socket.end_by(&reason, deadline, &mut self.worker.delivery).await {
            self.worker.delivery.all_arrived();
        }
        SessionEnd { reason, accepted: self.accepted, up: self.opened.elapsed(), next: None }
    }

    /// An orderly end has the rest of the time that a stop may take, as long as a reply may still be on its way.
    fn end_deadline(&self, reason: &Disconnect) -> Instant {
        let usual = Instant::now() + CLOSE_LIMIT;
        match self.worker.stopping {
            Some(stopping) if *reason == Disconnect::Stopped && !self.worker.delivery.is_complete() => stopping.until,
            Some(stopping) => usual.min(stopping.until),
            None => usual,
        }
    }
}

/// The end of one session.
#[derive(Debug)]
pub(crate) struct SessionEnd {
    pub(crate) reason: Disconnect,
    /// True if the platform has accepted the worker.
    pub(crate) accepted: bool,
    /// The time for which the socket was open.
    pub(crate) up: Duration,
    /// The socket that has taken over.
    pub(crate) next: Option<Box<OpenedSocket>>,
}

impl SessionEnd {
    /// A session that never came about.
    pub(crate) fn before_opening(reason: Disconnect) -> Self {
        Self { reason, accepted: false, up: Duration::ZERO, next: None }
    }
}

/// A reason for the loop to go on.
enum Wake {
    Received(Received),
    /// Everything is written, and a call has reports.
    CallReported(Context),
    /// Everything is written, and the worker stops and has nothing more to write.
    Finished,
    CallEnded(Outcome),
    ToolsChanged,
    Timer,
    Stop,
    /// A frame that crossed the close of an earlier socket.
    Late(LateFrame),
    Replaced(Box<OpenedSocket>),
}

/// The number of frames and outcomes that are treated before the next write. A burst begins small, so that the platform works on the first
/// replies while the next are made; it doubles whenever there is more, so that one flush serves many calls, and halves
/// whenever there is not.
const BURST: RangeInclusive<usize> = 32..=256;

/// Past so many bytes of replies a burst is written whatever its count: more would only leave the cache before it does.
const BURST_BYTES: usize = 128 * 1024;

/// A flush serves several results below this size; larger ones are not gathered for one.
const SMALL_BYTES: usize = 16 * 1024;

/// An error of the platform is cut here in the log.
const MAX_ERROR_BYTES: usize = 1024;

/// The close codes that may follow an `error` which refuses the worker: policy, and two of the gateway's own, for a worker that
/// could not be checked and for one that should try again.
const REFUSALS: [u16; 3] = [1008, 1011, 1013];

/// Serves one socket until it ends, another one takes over, or `stop` becomes true.
pub(crate) async fn run_session(
    worker: &mut Worker,
    opened: OpenedSocket,
    replacement: &mut Replacement,
    stop: &mut watch::Receiver<bool>,
) -> SessionEnd {
    let now = Instant::now();
    worker.calls.begin();
    worker.delivery.begin(now);
    let mut session = Session {
        socket: opened.socket,
        secret: opened.secret,
        features: Features::none(),
        opened: now,
        accepted: false,
        burst: *BURST.start(),
        refusal: None,
        worker: &mut *worker,
        replacement,
    };
    session.open(opened.registration.as_ref(), &opened.heard);
    let ended = session.run(stop).await;
    worker.calls.reports.end();
    ended
}

/// Returns true if others like it may gather in memory before they reach the outbox, which bounds them.
fn is_small(outcome: &Outcome) -> bool {
    outcome.result.as_ref().map_or(true, |output| output.json().len() < SMALL_BYTES)
}
