//! [`Frames`]: handles each frame that a worker sends, such as a registration, a heartbeat or the answer to a call.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use axum::extract::ws::close_code;
use platools_protocol::tool_sync::{
    Feature, Features, FrameError, PlatformFrame, RegisterThrottled, ResultAck, ToolDeclaration, ToolFailure,
    ToolHealth, ToolLog, ToolProgress, ToolResult, ToolsRegistered, UnreadableTool, Welcome, WorkerFrame,
};
use platools_protocol::truncate::truncate;

use super::health_alerts::{self, alerts};
use super::responses::Responses;
use super::socket::STALLED;
use super::throttled_registration::ThrottledRegistration;
use crate::catalog::{Changes, ToolsTooLarge};
use crate::cluster::Cluster;
use crate::core::Core;
use crate::domain::error::causes_of;
use crate::domain::identity::{Identity, Scope};
use crate::domain::ids::CallId;
use crate::domain::lock::lock;
use crate::domain::surrogates::well_formed;
use crate::links::registration::{MAX_TOOLS, Registration, left_out};
use crate::links::tool_health::HealthReports;
use crate::links::{Link, LinkFence};
use crate::listen::ws::{Close, End};
use crate::pending::{LogEntry, Progress, Receipt, Report, WorkerAnswer};

/// Bytes of a tool's error message that reach the caller.
const MAX_MESSAGE_BYTES: usize = 64 * 1024;

/// Bytes of a traceback that reach the journal.
const MAX_TRACEBACK_BYTES: usize = 64 * 1024;

/// Bytes of a progress message that reach the caller.
const MAX_PROGRESS_BYTES: usize = 1024;

/// Bytes of a log entry of a tool that reach the caller.
const MAX_LOG_BYTES: usize = 8 * 1024;

/// The most answers that one frame acknowledges.
const MANY_ANSWERS: usize = 64;

/// Names of tools that an error lists.
const MANY_NAMES: usize = 20;

/// The next step after a frame.
pub(super) enum NextStep {
    /// Read the next one.
    Read,
    /// End the link.
    End(End),
}

/// Handles the frames of one link, one after the other.
pub(super) struct Frames<'a> {
    core: &'a Core,
    identity: Identity,
    scope: Scope,
    fence: LinkFence,
    connection_id: String,
    features: Features,
    responses: Responses,
    health: HealthReports,
    /// The answers that were read and are not acknowledged yet.
    unacknowledged: Mutex<Vec<String>>,
    /// The registration that came too soon.
    kept: ThrottledRegistration,
}

impl<'a> Frames<'a> {
    pub(super) fn new(core: &'a Core, link: &Link, responses: Responses) -> Self {
        let identity = link.identity().clone();
        let connection_id = link.id().to_string();
        Self {
            core,
            scope: identity.scope(),
            identity,
            fence: link.fence(),
            connection_id,
            features: link.features(),
            responses,
            health: core.health.reports(link),
            unacknowledged: Mutex::default(),
            kept: ThrottledRegistration::default(),
        }
    }

    /// Greets the worker.
    pub(super) fn welcome(&self) -> NextStep {
        let mut welcome = Welcome::new(self.connection_id.as_str());
        welcome.organization_id = Some(self.identity.organization_id.to_string());
        welcome.project_id = Some(self.identity.project_id.to_string());
        welcome.environment_id = Some(self.identity.environment_id.to_string());
        // Workers know their entity by its slug, which is also the one that calls name.
        welcome.entity_id = Some(self.identity.entity.clone());
        welcome.features = self.features;
        self.reply(&PlatformFrame::Welcome(welcome))
    }

    /// Handles one frame.
    pub(super) async fn receive(&self, text: &str) -> NextStep {
        let text = well_formed(text);
        match WorkerFrame::parse(&text) {
            Ok(WorkerFrame::Heartbeat { tools_health }) => self.heartbeat(&tools_health),
            Ok(WorkerFrame::ToolRegister { tools, unreadable }) => self.register(tools, &unreadable).await,
            Err(FrameError::Malformed { kind: "tool_register", reason, .. }) => {
                tracing::warn!(reason, "registration not read");
                self.reply(&PlatformFrame::Error { error: format!("tool_register failed: {reason}") })
            }
            // The worker is alive all the same, and would take silence for a dead link.
            Err(error @ FrameError::Malformed { kind: "heartbeat", .. }) => {
                tracing::warn!(reason = error.outline(), "tool health in a heartbeat ignored");
                self.reply(&PlatformFrame::HeartbeatAck {})
            }
            answer => {
                self.receive_about_calls(answer);
                NextStep::Read
            }
        }
    }

    /// Forgets the health that the worker reported: the link has ended.
    pub(super) fn forget_health(&self) {
        self.health.forget();
    }

    /// Handles a frame that crossed the close. Only frames about calls still count: the call went to this worker, whichever socket it is on.
    pub(super) fn receive_late(&self, text: &str) {
        self.receive_about_calls(WorkerFrame::parse(&well_formed(text)));
    }

    fn receive_about_calls(&self, frame: Result<WorkerFrame<'_>, FrameError>) {
        match frame {
            Ok(WorkerFrame::ToolResult(frame)) => self.result(frame),
            Ok(WorkerFrame::ToolError(frame)) => self.failure(frame),
            Ok(WorkerFrame::ToolProgress(frame)) if self.features.contains(Feature::Progress) => self.progress(frame),
            Ok(WorkerFrame::ToolLog(frame)) if self.features.contains(Feature::Log) => self.log(frame),
            Ok(WorkerFrame::Drain(_)) if self.features.contains(Feature::Drain) => {
                tracing::info!("worker stops");
                self.fence.note_drain();
            }
            Ok(_) => tracing::debug!("a frame that is no answer was ignored"),
            Err(error) => self.unread(error),
        }
    }

    /// Ends the call that a frame past the limit answers: the worker would only send it again.
    pub(super) fn refuse_large(&self, text: &str) {
        let (call_id, what) = match WorkerFrame::parse(text) {
            Ok(WorkerFrame::ToolResult(frame)) => (frame.call_id.into_owned(), "result"),
            Ok(WorkerFrame::ToolError(frame)) => (frame.call_id.into_owned(), "error"),
            _ => return,
        };
        let message =
            format!("the tool's {what} is larger than 10 MiB, the most that a worker may send; have it return less");
        self.answer(&call_id, WorkerAnswer::Failed { message, details: None, traceback: None });
    }

    fn result(&self, frame: ToolResult<'_>) {
        let answer = WorkerAnswer::Returned { result: frame.result.to_owned(), latency_ms: frame.latency_ms };
        self.answer(&frame.call_id, answer);
    }

    fn failure(&self, frame: ToolFailure<'_>) {
        let message = truncate(&frame.error, MAX_MESSAGE_BYTES).to_owned();
        let is_agreed = self.features.contains(Feature::ErrorDetails);
        let details = Some(frame.details).filter(|details| is_agreed && !details.is_empty()).map(Box::new);
        let traceback = frame.traceback.map(|traceback| truncate(&traceback, MAX_TRACEBACK_BYTES).into());
        self.answer(&frame.call_id, WorkerAnswer::Failed { message, details, traceback });
    }

    fn progress(&self, frame: ToolProgress<'_>) {
        let message = frame.message.map(|message| truncate(&message, MAX_PROGRESS_BYTES).to_owned());
        let progress = Progress { progress: frame.progress, total: frame.total, message };
        self.report(&frame.call_id, Report::Progress(progress));
    }

    fn log(&self, frame: ToolLog<'_>) {
        let entry = LogEntry { level: frame.level, message: truncate(&frame.message, MAX_LOG_BYTES).to_owned() };
        self.report(&frame.call_id, Report::Log(entry));
    }

    fn report(&self, call_id: &str, report: Report) {
        let call_id = CallId::from(call_id);
        if let Some(cluster) = self.origin_of(&call_id) {
            cluster.report(&self.scope, &call_id, self.fence.link_id(), report);
            return;
        }
        self.fence.note_running(&call_id);
        self.core.pending.report(&self.scope, &call_id, report);
    }

    /// Acknowledges the answers that were read, if there are any.
    pub(super) fn acknowledge(&self) -> NextStep {
        let call_ids = std::mem::take(&mut *self.unacknowledged());
        if call_ids.is_empty() {
            return NextStep::Read;
        }
        self.reply(&PlatformFrame::ResultAck(ResultAck::new(call_ids)))
    }

    /// True if there are answers to acknowledge, but so few that more may go into the same frame.
    pub(super) fn may_acknowledge_later(&self) -> bool {
        (1..MANY_ANSWERS).contains(&self.unacknowledged().len())
    }

    fn unacknowledged(&self) -> MutexGuard<'_, Vec<String>> {
        lock(&self.unacknowledged)
    }

    /// Handles a frame that cannot be read. If it answers a call, the call is over all the same: nothing else will come for it.
    fn unread(&self, error: FrameError) {
        tracing::warn!(reason = error.outline(), "frame not read");
        if let FrameError::Malformed { kind: "tool_result" | "tool_error", call_id: Some(call_id), .. } = error {
            let message = "the worker's answer cannot be read".to_owned();
            self.answer(&call_id, WorkerAnswer::Failed { message, details: None, traceback: None });
        }
    }

    fn answer(&self, call_id: &str, answer: WorkerAnswer) {
        let is_acknowledged = self.features.contains(Feature::ResultAck);
        let id = CallId::from(call_id);
        if let Some(cluster) = self.origin_of(&id) {
            // The worker keeps the answer until the other gateway has it, also if this one ends before.
            let (responses, ack) = (self.responses.clone(), ResultAck::new(vec![call_id.to_owned()]));
            cluster.answer(&self.scope, &id, answer, move || {
                if is_acknowledged && responses.send(vec![PlatformFrame::ResultAck(ack).to_text()]).is_err() {
                    tracing::debug!("an acknowledgement was left out: the worker does not read");
                }
            });
            return;
        }
        if is_acknowledged {
            self.unacknowledged().push(call_id.to_owned());
        }
        let id: String = call_id.chars().take(64).collect();
        match self.core.pending.answer(&self.scope, &CallId::from(call_id), answer) {
            Receipt::Accepted => {}
            Receipt::NotPending => tracing::debug!(call.id = ?id, "an answer nobody waits for was ignored"),
            Receipt::Foreign => tracing::warn!(call.id = ?id, "answer ignored: the call is another worker's"),
        }
    }

    /// The connection to the gateway where a call began, if that is another one.
    fn origin_of(&self, call_id: &CallId) -> Option<&Cluster> {
        self.core.cluster.as_deref().filter(|cluster| cluster.is_foreign(call_id))
    }

    fn heartbeat(&self, tools: &BTreeMap<String, ToolHealth>) -> NextStep {
        self.fence.note_heartbeat();
        self.core.health.report(&self.health, tools);
        let mut frames = alerts(tools);
        if !frames.is_empty() {
            tracing::warn!(tools = frames.len(), "worker reported unhealthy tools");
        }
        frames.push(PlatformFrame::HeartbeatAck {});
        self.reply_all(&frames)
    }

    async fn register(&self, tools: Vec<ToolDeclaration>, unreadable: &[UnreadableTool]) -> NextStep {
        for tool in unreadable {
            tracing::warn!(tool.name = ?tool.name, reason = tool.reason, "tool left out of the registration");
        }
        let alerts = health_alerts::left_out(unreadable, &left_out(&tools));
        // Of a worker's registrations only the latest counts.
        self.kept.take();
        let answered = match self.store(tools).await {
            Ok(wait) => {
                let error = "too many registrations; this one is stored after the delay, if no other comes until then";
                self.reply(&PlatformFrame::RegisterThrottled(RegisterThrottled::new(error, whole_ms(wait))))
            }
            Err(next) => next,
        };
        match answered {
            NextStep::Read => self.reply_all(&alerts),
            end @ NextStep::End(_) => end,
        }
    }

    /// Waits until a registration that came too soon may be stored. Cancel-safe.
    pub(super) async fn kept_is_due(&self) {
        self.kept.until_due().await;
    }

    /// Stores the registration that came too soon. The worker is told once it is stored.
    pub(super) async fn register_kept(&self) -> NextStep {
        match self.kept.take() {
            Some(tools) => self.store(tools).await.err().unwrap_or(NextStep::Read),
            None => NextStep::Read,
        }
    }

    /// Stores a registration, or keeps it and returns the time until it may be stored.
    async fn store(&self, tools: Vec<ToolDeclaration>) -> Result<Duration, NextStep> {
        Err(match self.core.registrations.register(&self.identity, &self.fence, tools).await {
            Ok(Registration::Stored(changes)) => self.reply(&self.registered(changes)),
            Ok(Registration::Throttled { wait, tools }) => {
                self.kept.keep(tools, wait);
                return Ok(wait);
            }
            Ok(Registration::TooMany { count }) => {
                let error = format!("too many tools: {count} were declared, {MAX_TOOLS} are allowed");
                refuse(close_code::POLICY, error)
            }
            Ok(Registration::TooLarge(too_large)) => refuse(close_code::POLICY, too_large_text(&too_large)),
            Ok(_) => NextStep::Read,
            Err(error) => {
                tracing::error!(%error, causes = causes_of(&error), "registration not stored");
                let error = "the registration could not be stored; connect again";
                refuse(close_code::ERROR, error)
            }
        })
    }

    fn registered(&self, changes: Changes) -> PlatformFrame<'static> {
        tracing::info!(
            tools.count = changes.count,
            tools.added = changes.added,
            tools.updated = changes.updated,
            tools.pruned = changes.pruned,
            "tools registered"
        );
        let mut frame = ToolsRegistered::new(self.identity.entity.as_str(), self.identity.environment_id.as_str());
        frame.count = changes.count;
        frame.new_tools = changes.added;
        frame.updated = changes.updated;
        frame.pruned = changes.pruned;
        PlatformFrame::ToolsRegistered(frame)
    }

    fn reply(&self, frame: &PlatformFrame<'_>) -> NextStep {
        self.reply_all(std::slice::from_ref(frame))
    }

    fn reply_all(&self, frames: &[PlatformFrame<'_>]) -> NextStep {
        match self.responses.send(frames.iter().map(PlatformFrame::to_text).collect()) {
            Ok(()) => NextStep::Read,
            Err(_) => NextStep::End(STALLED),
        }
    }
}

/// The end of a link whose worker is told its mistake in an `error` frame.
fn refuse(code: u16, error: impl Into<String>) -> NextStep {
    NextStep::End(End::Refuse(Close::because(code, error)))
}

/// A time in milliseconds, rounded up, so that a worker that waits exactly so long is admitted.
fn whole_ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX).saturating_add(1)
}

/// The error of a registration that has too many bytes: it names the tools that do not fit.
fn too_large_text(ToolsTooLarge { bytes, room, past, .. }: &ToolsTooLarge) -> String {
    let names = past.iter().take(MANY_NAMES).map(String::as_str).collect::<Vec<_>>().join(", ");
    let more = past.len().saturating_sub(MANY_NAMES);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!(
        "the tools are too large: {bytes} bytes were declared, {room} are allowed; nothing was registered, and these do not fit: \
         {names}{more}"
    )
}
