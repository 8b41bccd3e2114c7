//! The event loop of one live socket.

use std::collections::HashSet;
use std::ops::RangeInclusive;
use std::pin::pin;
use std::task::{self, Poll, ready};
use std::time::Duration;

use futures::future::Either;
use secrecy::SecretString;
use tokio::sync::{mpsc, watch};
use tokio::task::yield_now;
use tokio::time::{Instant, sleep_until};
use tokio_tungstenite::tungstenite::Utf8Bytes;
use tracing::{debug, info, warn};

use super::heartbeat::Heartbeat;
use super::opened::{Late, Opened};
use super::report::{ConnectionState, Disconnect, Event};
use super::socket::{Received, Socket, text};
use super::successor::{Successor, accepts};
use super::worker::{Worker, said_frames, without_error_details};
use crate::dispatch::{CallKey, Outcome};
use crate::log_level::LogLevel;
use crate::tool::{Context, Wanted};
use crate::wire::{Drain, Feature, Features, PlatformFrame, ToolLog, WorkerFrame};

/// How much of what is ready is treated before it is written. A burst begins small, so that the platform works on the first
/// replies while the next are made; it doubles whenever there is more, so that one flush serves many calls, and halves
/// whenever there is not.
const BURST: RangeInclusive<usize> = 8..=64;

/// Past so many bytes of replies a burst is written whatever its count: more would only leave the cache before it does.
const BURST_BYTES: usize = 128 * 1024;

/// What one session came to.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) reason: Disconnect,
    /// Whether the platform ever accepted the worker.
    pub(crate) accepted: bool,
    /// How long the socket was open.
    pub(crate) up: Duration,
    /// The socket that has taken over.
    pub(crate) next: Option<Box<Opened>>,
}

impl Ended {
    /// A session that never came about.
    pub(crate) fn before_opening(reason: Disconnect) -> Self {
        Self { reason, accepted: false, up: Duration::ZERO, next: None }
    }
}

/// Serves one socket until it ends, another one takes over, or `stop` becomes true.
pub(crate) async fn run_session(
    worker: &mut Worker,
    opened: Opened,
    successor: &mut Successor,
    stop: &mut watch::Receiver<bool>,
) -> Ended {
    let now = Instant::now();
    let mut session = Session {
        pulse: Heartbeat::new(worker.settings.heartbeat_interval, now),
        socket: opened.socket,
        secret: opened.secret,
        features: Features::none(),
        opened: now,
        accepted: false,
        burst: *BURST.start(),
        refusal: None,
        resumed: worker.dispatcher.unfinished().map(|(key, _)| key).collect(),
        worker: &mut *worker,
        successor,
    };
    session.open(opened.registration.as_ref(), &opened.heard);
    let ended = session.run(stop).await;
    worker.outlet.want(Wanted::default());
    worker.last_said.clear();
    ended
}

struct Session<'a> {
    worker: &'a mut Worker,
    socket: Socket,
    secret: SecretString,
    /// The extensions both sides speak; none before the platform says so.
    features: Features,
    pulse: Heartbeat,
    opened: Instant,
    accepted: bool,
    /// How much is treated before the next write.
    burst: usize,
    /// The platform's own words for the close that follows them.
    refusal: Option<String>,
    /// The calls that came over an earlier socket, until the platform says what it wants to know of them.
    resumed: HashSet<CallKey>,
    successor: &'a mut Successor,
}

/// What wakes the loop.
enum Wake {
    Received(Received),
    /// Everything is written, and a call has something to tell.
    Said(Context),
    Ended(Outcome),
    ToolsChanged,
    Timer,
    Stop,
    /// A frame that crossed the close of an earlier socket.
    Late(Late),
    Succeeded(Box<Opened>),
}

impl Session<'_> {
    async fn run(mut self, stop: &mut watch::Receiver<bool>) -> Ended {
        let mut timer = pin!(sleep_until(self.next_deadline()));
        loop {
            // Every arm is cancel-safe: the socket and the channels lose nothing, and the timer is kept.
            let wake = tokio::select! {
                turn = self.socket.next_or(|cx| poll_saying(&mut self.worker.saying, cx)) => match turn {
                    Either::Left(received) => Wake::Received(received),
                    Either::Right(context) => Wake::Said(context),
                },
                Some(outcome) = self.worker.outcomes.recv() => Wake::Ended(outcome),
                () = timer.as_mut() => Wake::Timer,
                Ok(()) = self.worker.changes.changed() => Wake::ToolsChanged,
                _ = stop.wait_for(|stop| *stop), if self.worker.drain_until.is_none() => Wake::Stop,
                late = self.worker.predecessors.next() => Wake::Late(late),
                next = self.successor.found() => Wake::Succeeded(next),
            };
            if let Wake::Succeeded(next) = wake {
                return self.hand_over(next);
            }
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

    /// Registers, unless that was done already, and sends again what an earlier socket may not have delivered.
    fn open(&mut self, registered: Option<&Utf8Bytes>, heard: &[Utf8Bytes]) {
        self.register_unless(registered);
        self.worker.outbox.reconnected();
        heard.iter().for_each(|text| self.frame(text));
        self.send_replies();
    }

    fn handle(&mut self, wake: Wake) -> Option<Disconnect> {
        match wake {
            Wake::Received(received) => return self.received(received),
            Wake::Ended(outcome) => self.worker.settle(outcome),
            Wake::ToolsChanged => self.worker.registration.changed(Instant::now()),
            Wake::Timer => return self.tick(Instant::now()),
            Wake::Stop => {
                self.worker.drain(Instant::now());
                self.announce_stop();
            }
            Wake::Said(context) => self.send_said(context),
            Wake::Late(late) => self.worker.late(&late),
            Wake::Succeeded(_) => unreachable!("a handover ends the session"),
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
        match text(received) {
            Ok(Some(text)) => self.frame(&text),
            Ok(None) => {}
            // The platform has said why before it closed.
            Err(Disconnect::Closed { code, reason }) => {
                return Some(match self.refusal.take() {
                    Some(error) => Disconnect::Refused { error },
                    None => Disconnect::Closed { code, reason },
                });
            }
            Err(reason) => return Some(reason),
        }
        None
    }

    fn frame(&mut self, text: &Utf8Bytes) {
        if self.pulse.is_awaiting() {
            self.pulse.heard(Instant::now());
        }
        let frame = PlatformFrame::parse(text);
        if frame.as_ref().is_ok_and(accepts) {
            self.accept();
        }
        match self.worker.take(frame, text, &self.secret, self.features) {
            None => {}
            Some(PlatformFrame::HeartbeatAck {}) => {
                self.pulse.answered();
                self.worker.outbox.heartbeat_answered();
            }
            Some(PlatformFrame::Error { error }) => self.refusal = Some(error),
            Some(PlatformFrame::Drain(_)) => {
                info!("the platform is about to close this socket");
                self.successor.find(self.worker.registration_frame(), self.opened.elapsed());
            }
            Some(notice) => self.notice(notice),
        }
    }

    fn notice(&mut self, notice: PlatformFrame<'_>) {
        let event = match notice {
            PlatformFrame::Welcome(welcome) => {
                self.agree(welcome.features);
                Event::Welcomed(welcome)
            }
            PlatformFrame::ToolsRegistered(registered) => {
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

    /// From now on these extensions are used.
    fn agree(&mut self, features: Features) {
        self.features = features;
        let (progress, log) = (features.contains(Feature::Progress), features.contains(Feature::Log));
        self.worker.outlet.want(Wanted { progress, log });
        self.announce_resumed();
        self.announce_stop();
    }

    /// Tells the platform which calls go on, which it cannot know after a reconnect.
    fn announce_resumed(&mut self) {
        let resumed = std::mem::take(&mut self.resumed);
        let (worker, socket) = (&*self.worker, &mut self.socket);
        if !worker.outlet.wanted().log {
            return;
        }
        let unfinished = worker.dispatcher.unfinished().filter(|(key, _)| resumed.contains(key));
        for (_, context) in unfinished.filter(|(_, context)| !context.is_over()) {
            let entry =
                ToolLog::new(context.call_id(), LogLevel::Debug, "the worker is connected again, and the call goes on");
            socket.queue(WorkerFrame::ToolLog(entry).to_text().into());
        }
    }

    /// Tells the platform that the worker stops, if it does.
    fn announce_stop(&mut self) {
        if let Some(until) = self.worker.drain_until.filter(|_| self.features.contains(Feature::Drain)) {
            let left = until.saturating_duration_since(Instant::now()).as_millis();
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
        if self.pulse.is_dead(now) {
            return Some(Disconnect::Silent);
        }
        if self.pulse.is_due(now) {
            self.send_heartbeat(now);
        }
        if self.worker.registration.due().is_some_and(|due| now >= due) {
            self.register();
        }
        self.worker.abort_overdue(now);
        if self.worker.drain_until.is_some_and(|until| now >= until) {
            self.worker.cancel_calls();
        }
        None
    }

    fn next_deadline(&self) -> Instant {
        let others = [self.worker.registration.due(), self.worker.drain_until, self.worker.dispatcher.next_overdue()];
        others.into_iter().flatten().fold(self.pulse.next(), Instant::min)
    }

    fn register(&mut self) {
        self.register_unless(None);
    }

    /// Registers, unless what is registered on this socket is up to date.
    fn register_unless(&mut self, registered: Option<&Utf8Bytes>) {
        // Read before the set itself, so that a change in between is announced once more rather than missed.
        self.worker.changes.mark_unchanged();
        let frame = self.worker.registration_frame();
        if registered != Some(&frame) {
            self.socket.queue(frame);
        }
        self.worker.registration.sent(Instant::now());
    }

    fn send_heartbeat(&mut self, now: Instant) {
        self.socket.queue(self.worker.heartbeat_frame(now));
        self.worker.outbox.heartbeat_sent();
        self.pulse.sent(now);
    }

    fn send_replies(&mut self) {
        let wanted = self.worker.outlet.wanted();
        for (call_id, mut said) in self.worker.last_said.drain(..) {
            if self.socket.queued_bytes() > BURST_BYTES {
                said.leave_out_log();
            }
            said_frames(&call_id, said, wanted).for_each(|frame| self.socket.queue(frame));
        }
        let has_details = self.features.contains(Feature::ErrorDetails);
        while let Some(reply) = self.worker.outbox.next_unsent() {
            // The outbox keeps replies whole: which socket they go out on, and what its platform knows, is clear only now.
            self.socket.queue(if has_details { reply } else { without_error_details(reply) });
        }
        if self.worker.outbox.wants_confirmation() && !self.pulse.is_awaiting() {
            self.send_heartbeat(Instant::now());
        }
    }

    /// Sends what calls have to tell, those first that have waited longest: each once, whatever they say meanwhile, and no more of
    /// them than leaves other frames their turn.
    fn send_said(&mut self, first: Context) {
        let wanted = self.worker.outlet.wanted();
        let (mut next, mut others) = (Some(first), self.worker.saying.len());
        while let Some(context) = next.take() {
            // Taken also if nobody wants it any more, so that no call waits here for ever.
            if let Some(said) = context.take_said() {
                said_frames(context.call_id(), said, wanted).for_each(|frame| self.socket.queue(frame));
            }
            if others > 0 && self.socket.queued_bytes() <= BURST_BYTES {
                others -= 1;
                next = self.worker.saying.try_recv().ok();
            }
        }
    }

    fn is_drained(&self) -> bool {
        self.worker.drain_until.is_some() && self.worker.dispatcher.is_idle()
    }

    /// Closes this socket, from where calls that are on their way are still taken, and goes on with the next.
    fn hand_over(self, next: Box<Opened>) -> Ended {
        self.worker.predecessors.close(self.socket, self.secret, self.features);
        Ended { reason: Disconnect::Moved, accepted: self.accepted, up: self.opened.elapsed(), next: Some(next) }
    }

    async fn end(self, reason: Disconnect) -> Ended {
        // The platform answers a close once it has read everything before it, so that confirms every reply.
        if self.socket.end(&reason).await {
            self.worker.outbox.all_arrived();
        }
        Ended { reason, accepted: self.accepted, up: self.opened.elapsed(), next: None }
    }
}

/// The next call that has something to tell. The worker holds an outlet itself, so there is always one to come.
fn poll_saying(saying: &mut mpsc::UnboundedReceiver<Context>, cx: &mut task::Context<'_>) -> Poll<Context> {
    match ready!(saying.poll_recv(cx)) {
        Some(context) => Poll::Ready(context),
        None => Poll::Pending,
    }
}
