//! The built-in events of the feed: the agent's tools, the workers that host them, and the agent's calls.

use platools_protocol::tool_sync::ToolDeclaration;
use serde::Serialize;
use serde_json::{Value, json};

use super::message::Event;
use super::shown_tools::OwnTools;
use super::snapshot::Snapshot;
use super::watch::initial_data;
use super::{Feed, Watched};
use crate::authority::{Action, Resource, authorize};
use crate::core::Core;
use crate::domain::identity::{Caller, Identity, Scope};
use crate::domain::ids::{AgentId, ConnectionId, EnvironmentId};
use crate::journal::CallSummary;
use crate::links::{ConnectedWorker, WorkerObserver};
use crate::ports::call_observer::{BegunCall, CallObserver, EndedCall};
use crate::ports::time::{ms_of, rfc3339};
use crate::tools::may;

/// The complete state of an agent.
#[derive(Serialize)]
struct OwnState {
    tools: OwnTools,
    workers: Vec<Value>,
    calls: Vec<Value>,
}

impl Core {
    /// The tools of an agent's environment that its profile allows, as far as the watching caller may know of them. `None` if there is no
    /// such agent.
    pub(super) fn own_tools(&self, watched: &Watched) -> Option<OwnTools> {
        let snapshot = self.directory.snapshot();
        let row = snapshot.agent(&watched.agent_id)?;
        let environment = super::admission::environment_of(&snapshot, row)?;
        let allowed = row.profile.tools.as_deref();
        let tools = self.feed.0.shown_tools.of(self, &row.project_id, &environment);
        Some(tools.filtered(|identity, tool| {
            may(&watched.caller, Action::Watch, identity, tool) && is_allowed(allowed, &tool.declaration)
        }))
    }

    /// The complete state of an agent, and a hash of its tools.
    pub(super) async fn own_snapshot(&self, watched: &Watched) -> Option<(bytes::Bytes, u64)> {
        let agent = &watched.agent_id;
        // Beside a gateway they are read when they are needed.
        self.catalog.load().await.ok()?;
        let tools = self.own_tools(watched)?;
        let snapshot = self.directory.snapshot();
        let row = snapshot.agent(agent)?;
        let environment = super::admission::environment_of(&snapshot, row)?;
        let workers = self.workers.list(&row.project_id).into_iter();
        let workers = workers.filter(|worker| worker.identity.environment_id == environment);
        let calls = self.journal.running_calls(&row.project_id).into_iter();
        let is_shown = |call: &CallSummary| {
            let is_of_agent = call.agent_id.as_ref() == Some(agent);
            is_of_agent && authorize(&watched.caller, Action::Watch, call.resource(&row.project_id)).is_ok()
        };
        let calls = calls.filter(is_shown).map(|call| {
            json!({
                "callId": call.call_id.as_str(),
                "tool": call.tool,
                "entity": call.entity,
                "environment": call.environment,
                "beganAt": rfc3339(call.started_ms),
            })
        });
        let hash = tools.hash();
        let workers = workers.map(|worker| worker_shown(&worker)).collect();
        let data = OwnState { tools, workers, calls: calls.collect() };
        Some((initial_data(&Snapshot::of(&data).ok()?), hash))
    }

    /// Has dashboards look whether the tools of a worker are others now.
    pub(crate) fn tools_changed(&self, scope: &Scope) {
        self.feed.tools_changed(&scope.environment);
    }

    /// Has the dashboards of projects that changed after a revision of the directory look whether their tools are others now.
    pub(crate) fn tools_changed_since(&self, revision: i64) {
        if !self.feed.has_own_state() {
            return;
        }
        let snapshot = self.directory.snapshot();
        self.feed.0.shown_tools.forget_all();
        let changed = self.feed.0.seats.in_projects(|project| snapshot.has_changed_since(project, revision));
        changed.iter().for_each(|seat| seat.mailbox.tools_changed());
    }
}

fn is_allowed(allowed: Option<&[String]>, tool: &ToolDeclaration) -> bool {
    allowed.is_none_or(|allowed| allowed.contains(&tool.name))
}

fn worker_shown(worker: &ConnectedWorker) -> Value {
    json!({
        "connectionId": worker.connection_id.as_str(),
        "entity": worker.identity.entity,
        "entityId": worker.identity.entity_id.as_str(),
        "environment": worker.identity.environment,
        "connectedAt": rfc3339(worker.connected_ms),
    })
}

/// Tells dashboards of workers and calls.
#[derive(Debug)]
pub(crate) struct OwnEvents(pub(crate) Feed);

impl Feed {
    /// True if no application provides snapshots.
    pub(crate) fn has_own_state(&self) -> bool {
        self.0.provider.is_none()
    }

    /// Has the dashboards of an environment look whether their tools are others now.
    pub(crate) fn tools_changed(&self, environment: &EnvironmentId) {
        if self.has_own_state() {
            self.0.shown_tools.forget(environment);
            self.0.seats.in_environment(environment).iter().for_each(|seat| seat.mailbox.tools_changed());
        }
    }
}

impl OwnEvents {
    /// The agent of a call, if a dashboard is connected that may see the call.
    fn watched_agent<'a>(&self, caller: &'a Caller, identity: &Identity) -> Option<&'a AgentId> {
        let agent = caller.agent_id.as_ref()?;
        let seat = self.0.0.seats.of(agent)?;
        let call = Resource::Call {
            project: &identity.project_id,
            environment: &identity.environment_id,
            user: caller.user_id.as_deref(),
            agent: Some(agent),
        };
        authorize(&seat.watched.caller, Action::Watch, call).is_ok().then_some(agent)
    }

    fn tell(&self, environment: &EnvironmentId, kind: &str, data: &Value) {
        self.0.0.shown_tools.forget(environment);
        let seats = self.0.0.seats.in_environment(environment);
        let told = self.0.each(
            seats,
            || Event::new(kind, data).text(),
            |seat, text| {
                seat.mailbox.event(text);
                // Whether they are online has changed.
                seat.mailbox.tools_changed();
            },
        );
        told.expect("a value always serializes");
    }
}

impl WorkerObserver for OwnEvents {
    fn worker_came(&self, worker: &ConnectedWorker) {
        self.tell(&worker.identity.environment_id, "worker_connected", &worker_shown(worker));
    }

    fn worker_left(&self, identity: &Identity, connection_id: &ConnectionId) {
        let data = json!({
            "connectionId": connection_id.as_str(),
            "entity": identity.entity,
            "entityId": identity.entity_id.as_str(),
            "environment": identity.environment,
        });
        self.tell(&identity.environment_id, "worker_disconnected", &data);
    }
}

impl CallObserver for OwnEvents {
    fn call_began(&self, call: &BegunCall<'_>) {
        let Some(agent) = self.watched_agent(call.caller, call.identity) else { return };
        let data = json!({
            "callId": call.call_id.as_str(),
            "tool": call.tool,
            "entity": call.identity.entity,
            "environment": call.identity.environment,
            "beganAt": rfc3339(ms_of(call.began)),
        });
        // Nothing in it that cannot be written.
        let _ = self.0.publish(agent, Event::new("call_began", &data));
    }

    fn call_ended(&self, call: &EndedCall<'_>) {
        let Some(agent) = self.watched_agent(call.caller, call.identity) else { return };
        let data = json!({
            "callId": call.call_id.as_str(),
            "tool": call.tool,
            "entity": call.identity.entity,
            "environment": call.identity.environment,
            "outcome": call.outcome,
            "tookMs": u64::try_from(call.took.as_millis()).unwrap_or(u64::MAX),
        });
        let _ = self.0.publish(agent, Event::new("call_ended", &data));
    }
}
