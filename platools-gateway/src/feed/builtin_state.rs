//! [`BuiltinState`]: the snapshot for dashboards when the application provides none: an agent's tools, the workers that host them, and its
//! calls. [`BuiltinEvents`] publishes the changes of that state.

use std::sync::Arc;

use platools_protocol::tool_sync::ToolDeclaration;
use serde::Serialize;

use super::message::{Event, raw};
use super::remote_dashboards::may_see;
use super::shown_tools::{DashboardTools, ShownTool, ShownTools, ToolStatus};
use super::snapshot::{FeedSnapshot, Watched};
use super::{Feed, deliver};
use crate::authority::{Action, authorize, may_use};
use crate::catalog::{Catalog, CatalogTool};
use crate::directory::{self, Directory};
use crate::domain::agent::Agent;
use crate::domain::environment::resolve;
use crate::domain::identity::{Caller, Identity, Scope};
use crate::domain::ids::{CallId, EnvironmentId, LinkId, ProjectId};
use crate::journal::{CallSummary, Journal};
use crate::links::{ConnectedWorker, HealthMonitor, Links, WorkerObserver};
use crate::ports::call_observer::{BegunCall, CallObserver, EndedCall};
use crate::ports::feed_fan_out::{CallOwner, MessageToDashboards};
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
        let environment = environment_of(&snapshot, row)?;
        let allowed = row.profile.tools.as_deref();
        let is_allowed = |tool: &ToolDeclaration| allowed.is_none_or(|allowed| allowed.contains(&tool.name));
        let tools = self.shown_tools(&row.project_id, &environment);
        Some(tools.filtered(|identity, tool| {
            may_use(&watched.caller, Action::Watch, identity, &tool.declaration) && is_allowed(&tool.declaration)
        }))
    }

    /// The complete state of an agent, and a hash of its tools.
    pub(super) async fn snapshot(&self, watched: &Watched) -> Option<(FeedSnapshot, u64)> {
        // A process beside the gateway reads the catalog when it needs it.
        self.catalog.load().await.ok()?;
        let tools = self.tools(watched)?;
        let snapshot = self.directory.snapshot();
        let row = snapshot.agent(&watched.agent_id)?;
        let environment = environment_of(&snapshot, row)?;
        let workers = self.links.list(&row.project_id);
        let workers = workers.iter().filter(|worker| worker.identity.environment_id == environment);
        let is_shown = |call: &&CallSummary| {
            let is_of_agent = call.agent_id.as_ref() == Some(&watched.agent_id);
            is_of_agent && authorize(&watched.caller, Action::Watch, call.resource(&row.project_id)).is_ok()
        };
        let calls = self.journal.running_calls(&row.project_id);
        let calls = calls.iter().filter(is_shown).map(|call| FeedCall {
            began_at: Some(rfc3339(call.started_ms)),
            ..FeedCall::new(&call.call_id, &call.tool, &call.entity, &call.environment)
        });
        let hash = tools.hash();
        let data = BuiltinSnapshot { tools, workers: workers.map(FeedWorker::from).collect(), calls: calls.collect() };
        Some((FeedSnapshot::of(&data).ok()?, hash))
    }

    /// The tools of an environment, made now unless they are kept.
    fn shown_tools(&self, project: &ProjectId, environment: &EnvironmentId) -> Arc<ShownTools> {
        self.feed.0.shown_tools.get_or(environment, || {
            let sets = self.catalog.list_loaded(project).into_iter();
            let sets = sets.filter(|set| set.identity.environment_id == *environment);
            sets.flat_map(|set| {
                let identity = Arc::new(set.identity.clone());
                let shown = |tool: &Arc<CatalogTool>| ShownTool::new(&identity, tool, &self.status(&identity, tool));
                set.tools.iter().map(shown).collect::<Vec<_>>()
            })
            .collect()
        })
    }

    fn status(&self, identity: &Identity, tool: &CatalogTool) -> ToolStatus {
        let scope = identity.scope();
        let name = &tool.declaration.name;
        ToolStatus {
            is_online: self.links.is_online(&scope, &tool.version()),
            is_enabled: self.directory.snapshot().is_enabled(&scope, name),
            health: self.health.of_tool(&scope, name),
        }
    }
}

/// Sends events of workers and calls to dashboards.
#[derive(Debug)]
pub(crate) struct BuiltinEvents(pub(crate) Feed);

impl BuiltinEvents {
    /// Sends an event about a call to the dashboard of its agent, if that may see the call. A dashboard at another gateway is checked there.
    fn publish_call<'a>(&self, caller: &Caller, identity: &Identity, kind: &str, make: impl FnOnce() -> FeedCall<'a>) {
        let Some(agent) = &caller.agent_id else { return };
        let subscriptions = &self.0.0.subscriptions;
        let (subscription, gateway) = (subscriptions.of(agent), subscriptions.gateway_of(agent));
        if subscription.is_none() && gateway.is_none() {
            return;
        }
        let (project, environment) = (identity.project_id.clone(), identity.environment_id.clone());
        let call = CallOwner { project, environment, user: caller.user_id.clone() };
        let text = Event::new(kind, &make()).text().expect("texts and numbers always serialize");
        if let Some(subscription) = subscription {
            if may_see(&subscription, agent, &call) {
                subscription.mailbox.event(text);
            }
        } else if let (Some(shared), Some(gateway)) = (subscriptions.shared(), gateway) {
            let message = MessageToDashboards::CallEvent { agent: agent.clone(), call, text: raw(&text) };
            shared.fan_out.send(gateway, message);
        }
    }

    /// Sends an event about a worker to the dashboards of its environment, which then compare their tools with the present ones.
    fn publish_worker(&self, environment: &EnvironmentId, kind: &str, worker: &FeedWorker<'_>) {
        self.0.0.shown_tools.forget(environment);
        let subscriptions = self.0.0.subscriptions.in_environment(environment);
        let event = || Event::new(kind, worker).text();
        let sent = deliver(subscriptions, event, |subscription, text| {
            subscription.mailbox.event(text);
            // Tools go online and offline with their workers.
            subscription.mailbox.tools_changed();
        });
        sent.expect("texts always serialize");
    }
}

impl WorkerObserver for BuiltinEvents {
    fn tools_changed(&self, scope: &Scope) {
        self.0.0.shown_tools.forget(&scope.environment);
        let subscriptions = self.0.0.subscriptions.in_environment(&scope.environment);
        subscriptions.iter().for_each(|subscription| subscription.mailbox.tools_changed());
    }

    fn worker_came(&self, worker: &ConnectedWorker) {
        self.publish_worker(&worker.identity.environment_id, "worker_connected", &worker.into());
    }

    fn worker_left(&self, identity: &Identity, link_id: &LinkId) {
        let worker = FeedWorker::new(identity, link_id);
        self.publish_worker(&identity.environment_id, "worker_disconnected", &worker);
    }
}

impl CallObserver for BuiltinEvents {
    fn call_began(&self, call: &BegunCall<'_>) {
        self.publish_call(call.caller, call.identity, "call_began", || {
            let began_at = Some(rfc3339(ms_of(call.began)));
            FeedCall { began_at, ..FeedCall::of(call.call_id, call.tool, call.identity) }
        });
    }

    fn call_ended(&self, call: &EndedCall<'_>) {
        self.publish_call(call.caller, call.identity, "call_ended", || {
            let took_ms = Some(u64::try_from(call.took.as_millis()).unwrap_or(u64::MAX));
            let notice = FeedCall::of(call.call_id, call.tool, call.identity);
            FeedCall { outcome: Some(call.outcome), took_ms, ..notice }
        });
    }
}

/// The complete state of an agent, as a snapshot has it.
#[derive(Serialize)]
struct BuiltinSnapshot<'a> {
    tools: DashboardTools,
    workers: Vec<FeedWorker<'a>>,
    calls: Vec<FeedCall<'a>>,
}

/// A worker, as dashboards see it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FeedWorker<'a> {
    connection_id: &'a str,
    entity: &'a str,
    entity_id: &'a str,
    environment: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    connected_at: Option<String>,
}

impl<'a> FeedWorker<'a> {
    fn new(identity: &'a Identity, link_id: &'a LinkId) -> Self {
        let Identity { entity, entity_id, environment, .. } = identity;
        let (connection_id, entity_id) = (link_id.as_str(), entity_id.as_str());
        Self { connection_id, entity, entity_id, environment, connected_at: None }
    }
}

impl<'a> From<&'a ConnectedWorker> for FeedWorker<'a> {
    fn from(worker: &'a ConnectedWorker) -> Self {
        let connected_at = Some(rfc3339(worker.connected_ms));
        Self { connected_at, ..Self::new(&worker.identity, &worker.link_id) }
    }
}

/// A call, as dashboards see it: without its arguments and its result.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FeedCall<'a> {
    call_id: &'a str,
    tool: &'a str,
    entity: &'a str,
    environment: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    began_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    took_ms: Option<u64>,
}

impl<'a> FeedCall<'a> {
    fn new(call_id: &'a CallId, tool: &'a str, entity: &'a str, environment: &'a str) -> Self {
        let (began_at, outcome, took_ms) = (None, None, None);
        Self { call_id: call_id.as_str(), tool, entity, environment, began_at, outcome, took_ms }
    }

    fn of(call_id: &'a CallId, tool: &'a str, identity: &'a Identity) -> Self {
        Self::new(call_id, tool, &identity.entity, &identity.environment)
    }
}

/// The environment of an agent's tools.
pub(super) fn environment_of(snapshot: &directory::DirectorySnapshot, agent: &Agent) -> Option<EnvironmentId> {
    let environments = snapshot.environments(&agent.project_id);
    resolve(environments, agent.profile.environment.as_deref()).map(|environment| environment.id.clone())
}
