//! `Worker`: the calls, the replies and the registrations, which outlive sockets.

use std::borrow::Cow;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};
use tokio_tungstenite::tungstenite::Utf8Bytes;
use tracing::{info, warn};

use super::Reporter;
use super::health::HealthReports;
use super::held::HeldThreads;
use super::opened::Predecessors;
use super::outbox::{Bounds, Outbox};
use super::outcomes::Outcomes;
use super::registration::Registration;
use super::replies::ReplyFrames;
use super::report::Event;
use super::thread::{Home, LinkThread, has_system_clock};
use crate::dispatch::{Dispatcher, Limits, Outcome};
use crate::registry::{RegisteredTool, ToolRegistry};
use crate::tool::{Context, Entry, Outlet, Report, SharedText, Unsent, Wanted};
use platools_protocol::signature::Verifier;
use platools_protocol::tool_sync::{ResultAck, ToolDeclaration, ToolLog, ToolProgress, WorkerFrame};
use platools_transport::after;

/// The most time that a stop keeps for telling the platform of calls that it has given up.
const MAX_FAREWELL: Duration = Duration::from_secs(1);

/// Numbers the workers of this process, for its log.
static WORKERS: AtomicU64 = AtomicU64::new(1);

/// The settings of a worker.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) limits: Limits,
    pub(crate) outbox: Bounds,
    pub(crate) heartbeat_interval: Duration,
    /// How long a stop takes at most.
    pub(crate) drain_limit: Duration,
    pub(crate) verify_signatures: bool,
}

/// A worker: its calls and its replies.
#[derive(Debug)]
pub(crate) struct Worker {
    /// Tells the workers of this process apart.
    pub(crate) number: u64,
    pub(super) dispatcher: Dispatcher,
    pub(super) outcomes: Outcomes,
    /// Handlers that keep their threads.
    pub(super) held: HeldThreads,
    /// The runtime of the link's thread; `None` before there is one.
    home: Option<Arc<Home>>,
    pub(super) outlet: Outlet,
    /// Calls that have something to tell.
    pub(super) saying: mpsc::UnboundedReceiver<Context>,
    /// What calls said last, to be sent before their replies.
    pub(super) last_said: Vec<(SharedText, Unsent)>,
    pub(super) changes: watch::Receiver<u64>,
    pub(super) replies: ReplyFrames,
    pub(super) outbox: Outbox,
    pub(super) health: HealthReports,
    /// The sockets before the current one, while they are being closed.
    pub(super) predecessors: Predecessors,
    pub(super) registration: Registration,
    pub(super) verifier: Option<Verifier>,
    pub(super) reporter: Reporter,
    pub(super) settings: Settings,
    /// Set once the worker is to stop: it takes no new calls.
    pub(crate) stopping: Option<Stopping>,
    /// The entity and the environment that the platform has last welcomed the worker as.
    pub(crate) scope: (Option<String>, Option<String>),
    registry: ToolRegistry,
}

impl Worker {
    pub(crate) fn new(registry: ToolRegistry, settings: Settings, reporter: Reporter) -> Self {
        let (outlet, saying) = Outlet::new();
        let (dispatcher, outcomes) = Dispatcher::new(registry.clone(), settings.limits, outlet.clone());
        Self {
            number: WORKERS.fetch_add(1, Ordering::Relaxed),
            dispatcher,
            outcomes: Outcomes::new(outcomes),
            held: HeldThreads::default(),
            home: None,
            outlet,
            saying,
            last_said: Vec::new(),
            changes: registry.changes(),
            replies: ReplyFrames::default(),
            outbox: Outbox::new(settings.outbox),
            health: HealthReports::new(registry.clone()),
            predecessors: Predecessors::default(),
            registration: Registration::default(),
            verifier: settings.verify_signatures.then(Verifier::new),
            reporter,
            settings,
            stopping: None,
            scope: (None, None),
            registry,
        }
    }

    /// Prepares the worker for a thread of its own, whose handlers run in the runtime of the caller. `None` if it is to stay a task there:
    /// under a clock that a test controls, or where the system has no thread left.
    ///
    /// # Panics
    /// Outside of a Tokio runtime, or in one without timers.
    pub(crate) fn set_apart(&mut self) -> Option<LinkThread> {
        let thread = has_system_clock().then(|| self.home()).flatten().map(|home| {
            let runtime = Handle::current();
            LinkThread { home, calls: self.dispatcher.set_apart(runtime.clone()), runtime }
        });
        match &thread {
            Some(thread) => self.outcomes.come_with(thread.calls.clone()),
            None => self.dispatcher.set_beside(),
        }
        thread
    }

    fn home(&mut self) -> Option<Arc<Home>> {
        if self.home.is_none() {
            self.home =
                Home::new().inspect_err(|error| warn!(%error, "the link gets no thread of its own")).ok().map(Arc::new);
        }
        self.home.clone()
    }

    /// Has calls that run looked at from time to time, if their link has a thread that is free for it.
    pub(super) fn watch_calls(&mut self) {
        if self.outcomes.come_from_apart() && !self.held.is_looking() && self.dispatcher.is_running() {
            self.held.look_soon(Instant::now());
        }
    }

    /// Takes in outcomes and late frames while there is no socket. Never returns; cancel-safe.
    pub(crate) async fn between_sockets(&mut self) -> Infallible {
        loop {
            self.watch_calls();
            let due = [self.dispatcher.next_overdue(), self.outbox.next_expiry(), self.held.next_look()];
            let due = due.into_iter().flatten().min();
            tokio::select! {
                outcome = self.outcomes.recv() => self.settle(outcome),
                () = at(due) => self.tick(Instant::now()),
                late = self.predecessors.next() => self.late(&late),
            }
        }
    }

    /// Ends calls that were given up and have had time enough, and gives up replies that are too old.
    pub(super) fn tick(&mut self, now: Instant) {
        self.abort_overdue(now);
        if self.held.is_due(now) {
            self.held.look(self.dispatcher.polls_going_on(), now);
        }
        let expired = self.outbox.expire(now);
        self.given_up(expired);
    }

    /// Takes no new calls from now on, and ends within the drain limit; the first stop decides when that is.
    pub(crate) fn stop(&mut self, now: Instant) -> Stopping {
        self.dispatcher.drain();
        *self.stopping.get_or_insert_with(|| {
            let (calls, limit) = (self.dispatcher.unfinished().count(), self.settings.drain_limit);
            info!(
                calls.unfinished = calls,
                drain_limit_ms = limit.as_millis(),
                "worker stops; calls may end within the limit"
            );
            Stopping::within(limit, now)
        })
    }

    /// Whether a call runs or waits, or a reply is not known to have arrived.
    pub(crate) fn has_work(&self) -> bool {
        !self.calls_are_over() || !self.outbox.is_empty()
    }

    /// Whether no call runs or waits, and the reply to each is in the outbox.
    pub(super) fn calls_are_over(&self) -> bool {
        self.dispatcher.is_idle() && self.outcomes.is_empty()
    }

    /// Gives up every call that runs or waits, with an error as its reply. Calls that wait are given up first, so that none
    /// of them starts in the place of one that ends.
    pub(crate) fn cancel_calls(&mut self) {
        let mut given_up = 0;
        for outcome in self.dispatcher.cancel_waiting() {
            given_up += 1;
            self.reply(outcome);
        }
        while let Some(outcome) = self.outcomes.try_recv() {
            self.settle(outcome);
        }
        for outcome in self.dispatcher.cancel_all() {
            given_up += 1;
            self.reply(outcome);
        }
        if given_up > 0 {
            warn!(calls.given_up = given_up, "calls given up, because the worker stops");
        }
    }

    /// How many replies are not known to have arrived.
    pub(crate) fn unconfirmed(&self) -> usize {
        self.outbox.unconfirmed()
    }

    /// Puts the reply to a call that was admitted into the outbox, and makes room for the next.
    pub(super) fn settle(&mut self, mut outcome: Outcome) {
        if self.dispatcher.ended(&mut outcome) {
            self.reply(outcome);
        }
    }

    /// Puts a reply into the outbox, and before it what the call said last, if there is a socket for that.
    pub(super) fn reply(&mut self, mut outcome: Outcome) {
        if let Some(said) = outcome.said.take().filter(|_| self.outlet.is_open()) {
            self.last_said.push((outcome.call_id.clone(), *said));
        }
        let (key, ended) = (outcome.key, outcome.ended);
        let dropped = self.outbox.push(key, self.replies.reply(outcome), ended);
        self.given_up(dropped);
    }

    fn given_up(&self, replies: usize) {
        if replies > 0 {
            warn!(replies.dropped = replies, "the platform confirms too little; the oldest replies were given up");
            self.reporter.event(Event::RepliesDropped { count: replies });
        }
    }

    /// These replies have arrived.
    pub(super) fn acknowledged(&mut self, ack: &ResultAck<'_>) {
        ack.call_ids.iter().for_each(|call_id| self.outbox.acknowledged(self.dispatcher.key(call_id)));
    }

    /// The complete set of tools, as a frame.
    pub(super) fn registration_frame(&self) -> Utf8Bytes {
        let tools = self.registry.registered().iter().map(|tool| declaration(tool)).collect();
        WorkerFrame::ToolRegister { tools, unreadable: Vec::new() }.to_text().into()
    }
}

/// When a worker that stops gives up its calls, and when it ends.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stopping {
    /// From here on its calls are given up. What is left is time to tell the platform so.
    pub(super) calls_until: Instant,
    /// Here it ends, whatever the platform has read.
    pub(crate) until: Instant,
}

impl Stopping {
    fn within(limit: Duration, now: Instant) -> Self {
        Self { calls_until: after(now, limit.saturating_sub(farewell(limit))), until: after(now, limit) }
    }
}

/// The part of a drain limit that is kept for telling the platform of calls that were given up.
pub(crate) fn farewell(limit: Duration) -> Duration {
    (limit / 10).min(MAX_FAREWELL)
}

/// What a call said, as frames, as far as somebody wants to know.
pub(super) fn said_frames(call_id: &str, said: Unsent, wanted: Wanted) -> impl Iterator<Item = Utf8Bytes> {
    let (progress, log) = said.into_parts();
    let progress = progress.filter(|_| wanted.progress).map(|Report { done, total, message }| {
        let mut progress = ToolProgress::new(call_id, done);
        progress.total = total;
        progress.message = message.map(Cow::Owned);
        WorkerFrame::ToolProgress(progress)
    });
    let log = log
        .filter(move |_| wanted.log)
        .map(|Entry { level, message }| WorkerFrame::ToolLog(ToolLog::new(call_id, level, message)));
    progress.into_iter().chain(log).map(|frame| frame.to_text().into())
}

/// Waits for a point in time; for ever, if there is none.
pub(crate) async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}

fn declaration(tool: &RegisteredTool) -> ToolDeclaration {
    let definition = tool.definition();
    let mut declaration =
        ToolDeclaration::new(&definition.name, &definition.description, definition.input_schema.clone());
    declaration.output_schema.clone_from(&definition.output_schema);
    definition.auth.as_str().clone_into(&mut declaration.auth);
    declaration.roles.clone_from(&definition.roles);
    declaration.annotations = definition.declared_annotations();
    declaration
}
