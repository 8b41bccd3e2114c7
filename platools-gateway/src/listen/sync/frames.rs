//! What a worker's frames mean.

use std::collections::BTreeMap;

use axum::extract::ws::close_code;
use platools::wire::{
    FrameError, HealthStatus, PlatformFrame, RegisterThrottled, ToolDeclaration, ToolFailure, ToolHealth,
    ToolHealthAlert, ToolResult, ToolsRegistered, Welcome, WorkerFrame,
};
use tokio::sync::mpsc;

use super::link::End;
use crate::core::identity::{Identity, Scope};
use crate::core::ids::CallId;
use crate::core::registration::MAX_TOOLS;
use crate::core::{Changes, Core, Fence, Link, Outcome, Receipt, Registration};

/// What to do after a frame.
pub(super) enum Next {
    /// Read the next one.
    Read,
    /// End the link.
    End(End),
}

/// Treats the frames of one link, one after the other.
pub(super) struct Frames<'a> {
    core: &'a Core,
    identity: Identity,
    scope: Scope,
    fence: Fence,
    connection_id: String,
    replies: mpsc::Sender<Vec<String>>,
}

impl<'a> Frames<'a> {
    pub(super) fn new(core: &'a Core, link: &Link, replies: mpsc::Sender<Vec<String>>) -> Self {
        let identity = link.identity().clone();
        let connection_id = link.connection_id().to_string();
        Self { core, scope: identity.scope(), identity, fence: link.fence(), connection_id, replies }
    }

    /// Greets the worker.
    pub(super) fn welcome(&self) -> Next {
        let mut welcome = Welcome::new(self.connection_id.as_str());
        welcome.organization_id = Some(self.identity.organization_id.to_string());
        welcome.project_id = Some(self.identity.project_id.to_string());
        welcome.environment_id = Some(self.identity.environment_id.to_string());
        welcome.entity_id = Some(self.identity.entity_id.to_string());
        self.reply(&PlatformFrame::Welcome(welcome))
    }

    /// Treats one frame.
    pub(super) async fn receive(&self, text: &str) -> Next {
        match WorkerFrame::parse(text) {
            Ok(WorkerFrame::ToolResult(frame)) => {
                self.result(frame);
                Next::Read
            }
            Ok(WorkerFrame::ToolError(frame)) => {
                self.failure(frame);
                Next::Read
            }
            Ok(WorkerFrame::Heartbeat { tools_health }) => self.heartbeat(&tools_health),
            Ok(WorkerFrame::ToolRegister { tools }) => self.register(tools).await,
            Ok(_) => self.ignore("it is of a type this version does not treat"),
            // The worker is alive all the same, and would take silence for a dead link.
            Err(FrameError::Malformed { kind: "heartbeat", reason, .. }) => {
                tracing::warn!(?reason, "a heartbeat's figures were ignored");
                self.reply(&PlatformFrame::HeartbeatAck {})
            }
            Err(error) => self.ignore(error),
        }
    }

    /// Treats a frame that crossed the close. Only answers still count: the call went to this worker, whichever socket it is on.
    pub(super) fn receive_late(&self, text: &str) {
        match WorkerFrame::parse(text) {
            Ok(WorkerFrame::ToolResult(frame)) => self.result(frame),
            Ok(WorkerFrame::ToolError(frame)) => self.failure(frame),
            Ok(_) | Err(_) => {}
        }
    }

    fn result(&self, frame: ToolResult<'_>) {
        let outcome = Outcome::Returned { result: frame.result.to_owned(), latency_ms: frame.latency_ms };
        self.answer(&frame.call_id, outcome);
    }

    fn failure(&self, frame: ToolFailure<'_>) {
        self.answer(&frame.call_id, Outcome::Failed { message: frame.error.into_owned() });
    }

    fn ignore(&self, reason: impl std::fmt::Display) -> Next {
        // Cut short and escaped: the reason may quote the worker.
        let reason: String = reason.to_string().chars().take(200).collect();
        tracing::warn!(?reason, "a frame was ignored");
        Next::Read
    }

    fn answer(&self, call_id: &str, outcome: Outcome) {
        let id: String = call_id.chars().take(64).collect();
        match self.core.answer(&self.scope, &CallId::from(call_id), outcome) {
            Receipt::Accepted => {}
            Receipt::NotPending => tracing::debug!(call.id = ?id, "an answer nobody waits for was ignored"),
            Receipt::Foreign => tracing::warn!(call.id = ?id, "an answer to another worker's call was ignored"),
        }
    }

    fn heartbeat(&self, tools: &BTreeMap<String, ToolHealth>) -> Next {
        let alerts = tools.iter().filter_map(|(name, health)| alert(name, health));
        // More tools than may be registered are nobody's health.
        let mut frames: Vec<_> = alerts.take(MAX_TOOLS).collect();
        if !frames.is_empty() {
            tracing::warn!(tools = frames.len(), "the worker reports tools that are not well");
        }
        frames.push(PlatformFrame::HeartbeatAck {});
        self.reply_all(&frames)
    }

    async fn register(&self, tools: Vec<ToolDeclaration>) -> Next {
        match self.core.register(&self.identity, &self.fence, tools).await {
            Ok(Registration::Stored(changes)) => self.reply(&self.registered(changes)),
            Ok(Registration::Throttled { retry_after_ms }) => {
                let error = "too many registrations; register again after the delay";
                self.reply(&PlatformFrame::RegisterThrottled(RegisterThrottled::new(error, retry_after_ms)))
            }
            Ok(Registration::TooMany { count }) => {
                let error = format!("too many tools: {count} were declared, {MAX_TOOLS} are allowed");
                refuse(error, close_code::POLICY)
            }
            Ok(_) => Next::Read,
            Err(error) => {
                let source = std::error::Error::source(&error).map(ToString::to_string);
                tracing::error!(%error, source, "a registration could not be stored");
                refuse("the registration could not be stored; connect again".to_owned(), close_code::ERROR)
            }
        }
    }

    fn registered(&self, changes: Changes) -> PlatformFrame<'static> {
        tracing::info!(
            tools.count = changes.count,
            tools.added = changes.added,
            tools.updated = changes.updated,
            tools.pruned = changes.pruned,
            "tools registered"
        );
        let mut frame = ToolsRegistered::new(self.identity.entity_id.as_str(), self.identity.environment_id.as_str());
        frame.count = changes.count;
        frame.new_tools = changes.added;
        frame.updated = changes.updated;
        frame.pruned = changes.pruned;
        PlatformFrame::ToolsRegistered(frame)
    }

    fn reply(&self, frame: &PlatformFrame<'_>) -> Next {
        self.reply_all(std::slice::from_ref(frame))
    }

    fn reply_all(&self, frames: &[PlatformFrame<'_>]) -> Next {
        match self.replies.try_send(frames.iter().map(PlatformFrame::to_text).collect()) {
            Ok(()) => Next::Read,
            Err(_) => Next::End(End::close(close_code::POLICY, "the worker does not read")),
        }
    }
}

/// Tells the worker why, and ends the link.
fn refuse(error: String, code: u16) -> Next {
    Next::End(End::Refuse { code, error })
}

/// The alert about one tool, if it is not well.
fn alert(name: &str, health: &ToolHealth) -> Option<PlatformFrame<'static>> {
    let status = match health.status {
        HealthStatus::Healthy => return None,
        HealthStatus::Degraded => "degraded",
        HealthStatus::Down => "down",
    };
    let details = serde_json::json!({
        "avg_latency_ms": health.avg_latency_ms,
        "error_count_1h": health.error_count_1h,
        "last_error": health.last_error,
    });
    Some(PlatformFrame::ToolHealthAlert(ToolHealthAlert::new(name, status, Some(details))))
}
