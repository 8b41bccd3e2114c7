//! [`BuiltinState`] and [`BuiltinEvents`]: the feed of a gateway whose application provides none: the agent's tools, their workers, and its
//! calls.

use std::sync::Arc;

use platools_protocol::tool_sync::ToolDeclaration;
use serde::Serialize;
use serde_json::{Value, json};

use super::message::Event;
use super::shown_tools::DashboardTools;
use super::snapshot::Snapshot;
use super::watch::initial_data;
use super::{Feed, Watched};
use crate::authority::{Action, Resource, authorize, may_use};
use crate::catalog::{Catalog, CatalogTool};
use crate::directory::Directory;
use crate::domain::identity::{Caller, Identity, Scope};
use crate::domain::ids::{AgentId, EnvironmentId, LinkId};
use crate::journal::{CallSummary, Journal};
use crate::links::tool_health::ReportedHealth;
use crate::links::{ConnectedWorker, HealthMonitor, Links, WorkerObserver};
use crate::ports::call_observer::{BegunCall, CallObserver, EndedCall};
use crate::ports::time::{ms_of, rfc3339};

/// The gateway's own state of an agent: its tools, the workers that host them, and its calls in flight.
#[derive(Debug)]
pub(crate) struct BuiltinState {
    pub(crate) feed: Feed,
    pub(crate) directory: Arc<Directory>,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) links: Arc<Links>,
    pub(crate) health: Arc<HealthMonitor>,
    pub(crate) journal: Arc<Journal>,
}

impl BuiltinState {
    /// The tools of an agent's environment that its profile allows and the watching caller may see. `None` if the agent is gone.
    pub(super) fn tools(&self, watched: &Watched) -> Option<DashboardTools> {
        let snapshot = self.directory.snapshot();
        let row = snapshot.agent(&watched.agent_id)?;
        let environment = super::dashboards::environment_of(&snapshot, row)?;
        let allowed = row.profile.tools.as_deref();
        let tools = self.feed.0.shown_tools.of(self, &row.project_id, &environment);
        Some(tools.filtered(|identity, tool| {
            may_use(&watched.caller, Action::Watch, identity, &tool.declaration)
                && is_allowed(allowed, &tool.declaration)
        }))
    }

    /// The complete state of an agent, and a hash of its tools.
    pub(super) async fn snapshot(&self, watched: &Watched) -> Option<(bytes::Bytes, u64)> {
        let agent = &watched.agent_id;
        // A process beside the gateway reads the catalog when it needs it.
        self.catalog.load().await.ok()?;
        let tools = self.tools(watched)?;
        let snapshot = self.directory.snapshot();
        let row = snapshot.agent(agent)?;
        let environment = super::dashboards::environment_of(&snapshot, row)?;
        let workers = self.links.list(&row.project_id).into_iter();
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
        let data = BuiltinSnapshot { tools, workers, calls: calls.collect() };
        Some((initial_data(&Snapshot::of(&data).ok()?), hash))
    }

    /// The status of a tool, as dashboards are shown it.
    pub(super) fn status(&self, identity: &Identity, tool: &CatalogTool) -> ToolStatus {
        let scope = identity.scope();
        let name = &tool.declaration.name;
        ToolStatus {
            is_online: self.links.is_online(&scope, &tool.version()),
            is_enabled: self.directory.snapshot().is_enabled(&scope, name),
            health: self.health.of_tool(&scope, name),
        }
    }
}

/// Events of workers and calls, for dashboards.
#[derive(Debug)]
pub(crate) struct BuiltinEvents(pub(crate) Feed);

/// The status of a tool.
pub(super) struct ToolStatus {
    pub(super) is_online: bool,
    pub(super) is_enabled: bool,
    pub(super) health: Option<ReportedHealth>,
}

/// The complete state of an agent, as a snapshot has it.
#[derive(Serialize)]
struct BuiltinSnapshot {
    tools: DashboardTools,
    workers: Vec<Value>,
    calls: Vec<Value>,
}

fn is_allowed(allowed: Option<&[String]>, tool: &ToolDeclaration) -> bool {
    allowed.is_none_or(|allowed| allowed.contains(&tool.name))
}

fn worker_shown(worker: &ConnectedWorker) -> Value {
    json!({
        "connectionId": worker.link_id.as_str(),
        "entity": worker.identity.entity,
        "entityId": worker.identity.entity_id.as_str(),
        "environment": worker.identity.environment,
        "connectedAt": rfc3339(worker.connected_ms),
    })
}

impl Feed {
    /// Returns true if no application provides snapshots.
    pub(crate) fn has_builtin_state(&self) -> bool {
        self.0.provider.is_none()
    }

    /// Makes the dashboards of an environment compare their tools with the present ones.
    pub(crate) fn tools_changed(&self, environment: &EnvironmentId) {
        if self.has_builtin_state() {
            self.0.shown_tools.forget(environment);
            self.0
                .subscriptions
                .in_environment(environment)
                .iter()
                .for_each(|subscription| subscription.mailbox.tools_changed());
        }
    }
}

impl BuiltinEvents {
    /// The agent of a call, if a dashboard is connected that may see the call.
    fn watched_agent<'a>(&self, caller: &'a Caller, identity: &Identity) -> Option<&'a AgentId> {
        let agent = caller.agent_id.as_ref()?;
        let subscription = self.0.0.subscriptions.of(agent)?;
        let call = Resource::Call {
            project: &identity.project_id,
            environment: &identity.environment_id,
            user: caller.user_id.as_deref(),
            agent: Some(agent),
        };
        authorize(&subscription.watched.caller, Action::Watch, call).is_ok().then_some(agent)
    }

    fn tell(&self, environment: &EnvironmentId, kind: &str, data: &Value) {
        self.0.0.shown_tools.forget(environment);
        let subscriptions = self.0.0.subscriptions.in_environment(environment);
        let told = self.0.each(
            subscriptions,
            || Event::new(kind, data).text(),
            |subscription, text| {
                subscription.mailbox.event(text);
                // Whether they are online has changed.
                subscription.mailbox.tools_changed();
            },
        );
        told.expect("a value always serializes");
    }
}

impl WorkerObserver for BuiltinEvents {
    fn tools_changed(&self, scope: &Scope) {
        self.0.tools_changed(&scope.environment);
    }

    fn worker_came(&self, worker: &ConnectedWorker) {
        self.tell(&worker.identity.environment_id, "worker_connected", &worker_shown(worker));
    }

    fn worker_left(&self, identity: &Identity, link_id: &LinkId) {
        let data = json!({
            "connectionId": link_id.as_str(),
            "entity": identity.entity,
            "entityId": identity.entity_id.as_str(),
            "environment": identity.environment,
        });
        self.tell(&identity.environment_id, "worker_disconnected", &data);
    }
}

impl CallObserver for BuiltinEvents {
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
