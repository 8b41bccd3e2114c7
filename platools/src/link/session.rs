//! [`Session`]: the event loop of one live socket, which [`run_session`] runs.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::RangeInclusive;
use std::pin::pin;
use std::task::{self, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures::future::Either;
use secrecy::SecretString;
use tokio::sync::{mpsc, watch};
use tokio::task::yield_now;
use tokio::time::{Instant, sleep_until};
use tokio_tungstenite::tungstenite::Utf8Bytes;
use tracing::{debug, info, warn};

use super::event::Event;
use super::handover::{Late, Opened};
use super::health::HealthReports;
use super::outbox::Outbox;
use super::replacement::{Replacement, accepts};
use super::replies::without_error_details;
use super::worker::{Worker, said_frames};
use crate::dispatch::{CallKey, Outcome};
use crate::tool::{Context, Wanted};
use platools_protocol::LogLevel;
use platools_protocol::truncate::cut;
use platools_protocol::tool_sync::{Drain, Feature, Features, PlatformFrame, ToolLog, WorkerFrame};
use platools_transport::Heartbeat;
use platools_transport::redact;
use platools_transport::{CLOSE_LIMIT, FrameSource, Received, Socket, text};
use platools_transport::{ConnectionState, Disconnect};

/// A live socket of a worker, and the state that ends with it.
struct Session<'a> {
    worker: &'a mut Worker,
    socket: Socket,
    secret: SecretString,
    /// The extensions both sides speak; none before the platform says so.
    features: Features,
    pulse: Heartbeat,
    opened: Instant,
    accepted: bool,
    /// The number of frames and outcomes that are treated before the next write.
    burst: usize,
    /// The platform's last frame, if that was an error: its words for a close that follows.
    refusal: Option<String>,
    /// The calls that came over an earlier socket, until the platform says what it wants to know of them.
    resumed: HashSet<CallKey>,
    replacement: &'a mut Replacement,
}

impl Session<'_> {
    async fn run(mut self, stop: &mut watch::Receiver<bool>) -> Ended {
        let mut timer = pin!(sleep_until(self.next_deadline()));
        loop {
            let finishes = self.worker.stopping.is_some() && self.worker.calls_are_over();
            let mut delivery = Delivery {
                pulse: &mut self.pulse,
                outbox: &mut self.worker.outbox,
                health: &mut self.worker.health,
                features: self.features,
            };
            // Every arm is cancel-safe: the socket and the channels lose nothing, and the timer is kept.
            let wake = tokio::select! {
                turn = self.socket.next_from(
                    &mut delivery,
                    |cx| if finishes { Poll::Ready(Wake::Finished) } else { poll_saying(&mut self.worker.saying, cx) },
                ) => match turn {
                    Either::Left(received) => Wake::Received(received),
                    Either::Right(wake) => wake,
                },
                outcome = self.worker.outcomes.recv() => Wake::Ended(outcome),
                () = timer.as_mut() => Wake::Timer,
                Ok(()) = self.worker.changes.changed() => Wake::ToolsChanged,
                _ = stop.wait_for(|stop| *stop), if self.worker.stopping.is_none() => Wake::Stop,
                late = self.worker.predecessors.next() => Wake::Late(late),
                next = self.replacement.found() => Wake::Succeeded(next),
            };
            if let Wake::Succeeded(next) = wake {
                return self.hand_over(next);
            }
            let gathers = self.worker.outcomes.come_from_afar() && self.worker.dispatcher.is_running();
            if gathers && matches!(&wake, Wake::Ended(outcome) if is_small(outcome)) {
                // Lets calls that are about to end do so, and one flush serves them all.
                yield_now().await;
            }
            if let Some(reason) = self.handle(wake).or_else(|| self.handle_what_is_ready()) {
                return self.end(reason).await;
            }
            self.worker.outcomes.of_calls_that_are_ready().await;
            self.queue_last_said();
            self.worker.watch_calls();
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
        self.worker.health.reconnected();
        heard.iter().for_each(|text| self.frame(text));
        self.queue_last_said();
    }

    fn handle(&mut self, wake: Wake) -> Option<Disconnect> {
        match wake {
            Wake::Received(received) => return self.received(received),
            Wake::Ended(outcome) => self.worker.settle(outcome),
            Wake::ToolsChanged => self.worker.registration.changed(Instant::now()),
            Wake::Timer => return self.tick(Instant::now()),
            Wake::Stop => {
                self.worker.stop(Instant::now());
                self.announce_stop();
            }
            Wake::Said(context) => self.send_said(context),
            Wake::Finished => return Some(Disconnect::Stopped),
            Wake::Late(late) => self.worker.late(&late),
            Wake::Succeeded(_) => unreachable!("a handover ends the session"),
        }
        None
    }

    fn handle_what_is_ready(&mut self) -> Option<Disconnect> {
        let before = self.waiting_bytes();
        for _ in 0..self.burst {
            if let Some(outcome) = self.worker.outcomes.try_recv() {
                self.worker.settle(outcome);
            } else if let Some(received) = self.socket.try_next() {
                if let Some(reason) = self.received(received) {
                    return Some(reason);
                }
            } else {
                self.burst = (self.burst / 2).max(*BURST.start());
                return None;
            }
            self.queue_last_said();
            if self.waiting_bytes().saturating_sub(before) > BURST_BYTES {
                return None;
            }
        }
        self.burst = (self.burst * 2).min(*BURST.end());
        None
    }

    /// Bytes that wait to be written.
    fn waiting_bytes(&self) -> usize {
        self.socket.queued_bytes() + self.worker.outbox.unsent_bytes()
    }

    fn received(&mut self, received: Received) -> Option<Disconnect> {
        match text(received) {
            Ok(Some(text)) => self.frame(&text),
            Ok(None) => {}
            Err(Disconnect::Closed { code, reason, .. }) => return Some(self.closed(code, reason)),
            Err(reason) => return Some(reason),
        }
        None
    }

    /// A close is a refusal if the platform has said why right before it, and if its code is that of one.
    fn closed(&mut self, code: Option<u16>, reason: String) -> Disconnect {
        match self.refusal.take().filter(|_| code.is_some_and(|code| REFUSALS.contains(&code))) {
            Some(error) => Disconnect::refused(code, error),
            None => Disconnect::closed(code, redact(&reason, &self.secret)),
        }
    }

    fn frame(&mut self, text: &Utf8Bytes) {
        if self.pulse.is_awaiting() {
            self.pulse.alive_at(Instant::now());
        }
        self.refusal = None;
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
            Some(PlatformFrame::Error { error }) => self.error(&error),
            Some(PlatformFrame::Drain(_)) => {
                info!("the platform is about to close this socket");
                self.replacement.find(self.worker.registration_frame(), self.opened.elapsed());
            }
            Some(notice) => self.notice(notice),
        }
    }

    /// Reports an error of the platform. It may be about the last registration, and a close may follow or not.
    fn error(&mut self, error: &str) {
        let error = redact(error, &self.secret);
        let retry_after = self.worker.registration.failed(Instant::now());
        warn!(
            error = cut(&error, MAX_ERROR_BYTES),
            registration.retry_after_ms = retry_after.map(|delay| delay.as_millis()),
            "platform error received"
        );
        self.worker.reporter.event(Event::PlatformError { message: error.clone() });
        self.refusal = Some(error);
    }

    fn notice(&mut self, notice: PlatformFrame<'_>) {
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
                warn!(retry_after_ms = throttled.retry_after_ms, "the platform took no registration");
                self.worker.registration.throttled(retry_after, Instant::now());
                Event::RegisterThrottled { retry_after }
            }
            PlatformFrame::ToolHealthAlert(alert) => {
                if self.worker.health.is_news(&alert) {
                    let details = alert.details.as_ref().map(|details| redact(&details.to_string(), &self.secret));
                    warn!(
                        tool.name = alert.tool,
                        tool.status = alert.status,
                        details = details.as_deref().map(|details| cut(details, MAX_ERROR_BYTES)),
                        "tool reported as unwell by the platform"
                    );
                }
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
        self.pulse.alive_at(self.socket.last_taken());
        if self.pulse.is_dead(now) {
            return Some(Disconnect::Silent);
        }
        if self.pulse.is_due(now) {
            self.pulse.want(now);
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
        let held = worker.held.next_look();
        let others = [worker.registration.due(), worker.dispatcher.next_overdue(), worker.outbox.next_expiry(), held];
        let end = worker.stopping.map(|stopping| match worker.calls_are_over() {
            true => stopping.until,
            false => stopping.calls_until,
        });
        others.into_iter().chain([end]).flatten().fold(self.pulse.next(), Instant::min)
    }

    fn register(&mut self, now: Instant) {
        // A set of tools may be large, and the latest is enough.
        if self.socket.queued_bytes() > 0 {
            return self.worker.registration.postponed(now);
        }
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

    /// Queues the last reports and log entries of ended calls, which go out before their replies.
    fn queue_last_said(&mut self) {
        if self.worker.last_said.is_empty() {
            return;
        }
        let wanted = self.worker.outlet.wanted();
        for (call_id, mut said) in self.worker.last_said.drain(..) {
            if self.socket.queued_bytes() > SAID_BYTES {
                continue;
            }
            if self.socket.queued_bytes() > BURST_BYTES {
                said.leave_out_log();
            }
            said_frames(&call_id, said, wanted).for_each(|frame| self.socket.queue(frame));
        }
    }

    /// Sends the reports and log entries of calls, first of those that have waited longest: each once, and no more of
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

    /// Closes this socket, from where calls that are on their way are still taken, and goes on with the next.
    fn hand_over(self, next: Box<Opened>) -> Ended {
        self.worker.predecessors.close(self.socket, self.secret, self.features);
        Ended { reason: Disconnect::Moved, accepted: self.accepted, up: self.opened.elapsed(), next: Some(next) }
    }

    async fn end(mut self, reason: Disconnect) -> Ended {
        let deadline = self.end_deadline(&reason);
        let mut delivery = Delivery {
            pulse: &mut self.pulse,
            outbox: &mut self.worker.outbox,
            health: &mut self.worker.health,
            features: self.features,
        };
        // The platform answers a close once it has read everything before it, so that confirms every reply.
        if self.socket.end_by(&reason, deadline, &mut delivery).await {
            self.worker.outbox.all_arrived();
        }
        Ended { reason, accepted: self.accepted, up: self.opened.elapsed(), next: None }
    }

    /// An orderly end has the rest of the time that a stop may take, as long as a reply may still be on its way.
    fn end_deadline(&self, reason: &Disconnect) -> Instant {
        let usual = Instant::now() + CLOSE_LIMIT;
        match self.worker.stopping {
            Some(stopping) if *reason == Disconnect::Stopped && !self.worker.outbox.is_empty() => stopping.until,
            Some(stopping) => usual.min(stopping.until),
            None => usual,
        }
    }
}

/// The end of one session.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) reason: Disconnect,
    /// True if the platform has accepted the worker.
    pub(crate) accepted: bool,
    /// The time for which the socket was open.
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

/// A reason for the loop to go on.
enum Wake {
    Received(Received),
    /// Everything is written, and a call has something to tell.
    Said(Context),
    /// Everything is written, and the worker stops and has nothing more to write.
    Finished,
    Ended(Outcome),
    ToolsChanged,
    Timer,
    Stop,
    /// A frame that crossed the close of an earlier socket.
    Late(Late),
    Succeeded(Box<Opened>),
}

/// Delivers replies to the platform, and asks with heartbeats which have arrived.
struct Delivery<'a> {
    pulse: &'a mut Heartbeat,
    outbox: &'a mut Outbox,
    health: &'a mut HealthReports,
    features: Features,
}

impl FrameSource for Delivery<'_> {
    /// A heartbeat goes between two replies: it confirms those before it, and it does not wait for those behind it.
    fn next_frame(&mut self) -> Option<Cow<'_, Bytes>> {
        if self.pulse.take_wanted() {
            self.outbox.heartbeat_sent();
            return Some(Cow::Owned(self.health.heartbeat(Instant::now()).into()));
        }
        if self.outbox.wants_confirmation() {
            self.outbox.heartbeat_sent();
            self.pulse.sent(Instant::now());
            return Some(Cow::Owned(HealthReports::silent_heartbeat().into()));
        }
        // The outbox keeps replies whole: which socket they go out on, and what its platform knows, is clear only now.
        let reply = self.outbox.next_unsent()?;
        Some(if self.features.contains(Feature::ErrorDetails) {
            Cow::Borrowed(reply)
        } else {
            without_error_details(reply)
        })
    }
}

/// The number of frames and outcomes that are treated before the next write. A burst begins small, so that the platform works on the first
/// replies while the next are made; it doubles whenever there is more, so that one flush serves many calls, and halves
/// whenever there is not.
const BURST: RangeInclusive<usize> = 32..=256;

/// Past so many bytes of replies a burst is written whatever its count: more would only leave the cache before it does.
const BURST_BYTES: usize = 128 * 1024;

/// A flush serves several results below this size; larger ones are not gathered for one.
const SMALL_BYTES: usize = 16 * 1024;

/// Past so many queued bytes calls that end say nothing before their replies.
const SAID_BYTES: usize = 1024 * 1024;

/// An error of the platform is cut here in the log.
const MAX_ERROR_BYTES: usize = 1024;

/// The close codes that may follow an `error` which refuses the worker: policy, and two of the gateway's own, for a worker that
/// could not be checked and for one that should try again.
const REFUSALS: [u16; 3] = [1008, 1011, 1013];

/// Serves one socket until it ends, another one takes over, or `stop` becomes true.
pub(crate) async fn run_session(
    worker: &mut Worker,
    opened: Opened,
    replacement: &mut Replacement,
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
        replacement,
    };
    session.open(opened.registration.as_ref(), &opened.heard);
    let ended = session.run(stop).await;
    worker.outlet.want(Wanted::default());
    worker.last_said.clear();
    ended
}

/// Returns true if others like it may gather in memory before they reach the outbox, which bounds them.
fn is_small(outcome: &Outcome) -> bool {
    outcome.result.as_ref().map_or(true, |output| output.json().len() < SMALL_BYTES)
}

/// The next call that has something to tell. The worker holds an outlet itself, so there is always one to come.
fn poll_saying(saying: &mut mpsc::UnboundedReceiver<Context>, cx: &mut task::Context<'_>) -> Poll<Wake> {
    match ready!(saying.poll_recv(cx)) {
        Some(context) => Poll::Ready(Wake::Said(context)),
        None => Poll::Pending,
    }
}
