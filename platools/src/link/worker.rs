//! What of a worker outlives its sockets.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};
use tokio_tungstenite::tungstenite::Utf8Bytes;
use tracing::warn;

use super::opened::Predecessors;
use super::outbox::{Bounds, Outbox};
use super::registration::Registration;
use super::report::{Event, Reporter};
use crate::dispatch::{Dispatcher, Failure, Limits, Outcome};
use crate::registry::{RegisteredTool, ToolRegistry};
use crate::signature::Verifier;
use crate::text::cut;
use crate::time::after;
use crate::tool::{Context, Entry, Outlet, Report, Unsent, Wanted};
use crate::wire::{
    HealthStatus, ResultAck, ToolDeclaration, ToolFailure, ToolHealth, ToolLog, ToolProgress, WorkerFrame, result_frame,
};

/// Messages of failures are cut here: an error that filled a frame would close the socket.
const MAX_MESSAGE_BYTES: usize = 64 * 1024;

/// The latest error of a tool is cut here: it is repeated in every heartbeat.
const MAX_LAST_ERROR_BYTES: usize = 512;

/// The settings of a worker.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) limits: Limits,
    pub(crate) outbox: Bounds,
    pub(crate) heartbeat_interval: Duration,
    /// How long a stop waits for running calls.
    pub(crate) drain_limit: Duration,
    pub(crate) verify_signatures: bool,
}

/// A worker: its calls and its replies.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(super) dispatcher: Dispatcher,
    pub(super) outcomes: mpsc::UnboundedReceiver<Outcome>,
    pub(super) outlet: Outlet,
    /// Calls that have something to tell.
    pub(super) saying: mpsc::UnboundedReceiver<Context>,
    /// What calls said last, to be sent before their replies.
    pub(super) last_said: Vec<(Arc<str>, Unsent)>,
    pub(super) changes: watch::Receiver<u64>,
    pub(super) outbox: Outbox,
    /// The sockets before the current one, while they are being closed.
    pub(super) predecessors: Predecessors,
    pub(super) registration: Registration,
    pub(super) verifier: Option<Verifier>,
    pub(super) reporter: Reporter,
    pub(super) settings: Settings,
    /// Set once the worker is to stop: no new calls, and no longer than this for the running ones.
    pub(super) drain_until: Option<Instant>,
    registry: ToolRegistry,
}

impl Worker {
    pub(crate) fn new(registry: ToolRegistry, settings: Settings, reporter: Reporter) -> Self {
        let (outlet, saying) = Outlet::new();
        let (dispatcher, outcomes) = Dispatcher::new(registry.clone(), settings.limits, outlet.clone());
        Self {
            dispatcher,
            outcomes,
            outlet,
            saying,
            last_said: Vec::new(),
            changes: registry.changes(),
            outbox: Outbox::new(settings.outbox),
            predecessors: Predecessors::default(),
            registration: Registration::default(),
            verifier: settings.verify_signatures.then(Verifier::new),
            reporter,
            settings,
            drain_until: None,
            registry,
        }
    }

    /// Takes in what ends, and what comes late, while there is no socket. Never returns; cancel-safe.
    pub(crate) async fn between_sockets(&mut self) -> Infallible {
        loop {
            let overdue = self.dispatcher.next_overdue();
            tokio::select! {
                // The dispatcher holds a sender, so there is always an outcome to come.
                Some(outcome) = self.outcomes.recv() => self.settle(outcome),
                () = at(overdue) => self.abort_overdue(Instant::now()),
                late = self.predecessors.next() => self.late(&late),
            }
        }
    }

    /// Takes no new calls from now on, and gives the running ones the time they have when a worker stops.
    pub(super) fn drain(&mut self, now: Instant) {
        self.dispatcher.drain();
        self.drain_until = Some(after(now, self.settings.drain_limit));
    }

    /// Gives up every call that runs or waits, with an error as its reply.
    pub(crate) fn cancel_calls(&mut self) {
        while let Ok(outcome) = self.outcomes.try_recv() {
            self.settle(outcome);
        }
        for outcome in self.dispatcher.cancel_all() {
            self.reply(outcome);
        }
    }

    /// How many replies are not known to have arrived.
    pub(crate) fn unconfirmed(&self) -> usize {
        self.outbox.unconfirmed()
    }

    /// Puts the reply to a call that ran into the outbox, and makes room for the next.
    pub(super) fn settle(&mut self, outcome: Outcome) {
        if self.dispatcher.ended(outcome.key) {
            self.reply(outcome);
        }
    }

    /// Puts a reply into the outbox, and before it what the call said last, if there is a socket for that.
    pub(super) fn reply(&mut self, mut outcome: Outcome) {
        if let Some(said) = outcome.said.take().filter(|_| self.outlet.is_open()) {
            self.last_said.push((Arc::clone(&outcome.call_id), *said));
        }
        let (key, ended) = (outcome.key, outcome.ended);
        let dropped = self.outbox.push(key, frame(outcome), ended);
        if dropped > 0 {
            warn!(replies.dropped = dropped, "the platform confirms too little; the oldest replies were given up");
            self.reporter.event(Event::RepliesDropped { count: dropped });
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

    /// How every tool fared in the last hour, as a frame.
    pub(super) fn heartbeat_frame(&self, now: Instant) -> Utf8Bytes {
        let health = |tool: &RegisteredTool| (tool.name().to_owned(), health(tool, now));
        let tools_health: BTreeMap<_, _> = self.registry.registered().iter().map(|tool| health(tool)).collect();
        WorkerFrame::Heartbeat { tools_health }.to_text().into()
    }
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
async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}

fn frame(outcome: Outcome) -> Utf8Bytes {
    let text = match outcome.result {
        Ok(output) => {
            let mut frame = output.into_bytes();
            let latency_ms = u64::try_from(outcome.latency.as_millis()).unwrap_or(u64::MAX);
            result_frame::tail(&mut frame, latency_ms);
            String::from_utf8(frame).expect("JSON is UTF-8")
        }
        Err(Failure { error, shown_causes }) => {
            let failure = ToolFailure::new(&outcome.call_id, cut(error.message(), MAX_MESSAGE_BYTES));
            let failure = match &shown_causes {
                Some(causes) => failure.with_traceback(cut(causes, MAX_MESSAGE_BYTES)),
                None => failure,
            };
            WorkerFrame::ToolError(failure).to_text()
        }
    };
    text.into()
}

fn declaration(tool: &RegisteredTool) -> ToolDeclaration {
    let definition = tool.definition();
    let mut declaration =
        ToolDeclaration::new(&definition.name, &definition.description, definition.input_schema.clone());
    declaration.output_schema.clone_from(&definition.output_schema);
    definition.auth.as_str().clone_into(&mut declaration.auth);
    declaration.roles.clone_from(&definition.roles);
    declaration.annotations.clone_from(&definition.annotations);
    declaration
}

fn health(tool: &RegisteredTool, now: Instant) -> ToolHealth {
    let verdict = tool.health().verdict(now);
    let status = match () {
        () if verdict.is_down() => HealthStatus::Down,
        () if verdict.is_degraded() => HealthStatus::Degraded,
        () => HealthStatus::Healthy,
    };
    let latency_ms = u64::try_from(verdict.mean_latency.as_millis()).unwrap_or(u64::MAX);
    let last_error = verdict.last_error.map(|error| cut(&error, MAX_LAST_ERROR_BYTES).to_owned());
    ToolHealth::new(status, latency_ms, verdict.errors, last_error)
}
