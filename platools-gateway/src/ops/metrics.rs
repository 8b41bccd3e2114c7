//! `Metrics`: reads the counters and gauges of a gateway as [`Figures`].

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use crate::authority::{Action, Resource, authorize};
use crate::catalog::Catalog;
use crate::cluster::{BusFigures, Cluster, SharedPart};
use crate::connections::{Callers, OpenSockets};
use crate::directory::Directory;
use crate::domain::error::Error;
use crate::domain::identity::{Caller, Identity, Scope};
use crate::domain::ids::ProjectId;
use crate::domain::lock::lock;
use crate::feed::Feed;
use crate::journal::{Journal, JournalFigures};
use crate::limits::Limiter;
use crate::links::tool_health::severity;
use crate::links::{ConnectedWorker, Links};
use crate::ports::call_observer::{CallObserver, EndedCall};
use crate::sessions::{AgentEventFigures, Sessions};
use crate::tools::{ListedTool, SharedDeclaration, Tools};

/// The counters and gauges of a gateway, which it reads from its services.
#[derive(Debug)]
pub(crate) struct Metrics {
    pub(crate) directory: Arc<Directory>,
    pub(crate) limiter: Arc<Limiter>,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) links: Arc<Links>,
    pub(crate) tools: Arc<Tools>,
    pub(crate) journal: Arc<Journal>,
    pub(crate) callers: Arc<Callers>,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) feed: Feed,
    pub(crate) calls: Arc<CallFigures>,
    /// None for a gateway that is alone.
    pub(crate) cluster: Option<Arc<Cluster>>,
}

impl Metrics {
    /// The figures of the caller's project, and those of the whole gateway if it is the default project.
    ///
    /// # Errors
    /// The role is not enough, or the key or token belongs to a user or an agent.
    pub(crate) fn figures(&self, caller: &Caller) -> Result<Figures, Error> {
        authorize(caller, Action::View, Resource::Operations(&caller.project_id))?;
        let is_seen = |figures: &ToolFigures| {
            authorize(caller, Action::View, Resource::Environment(&figures.identity.environment_id)).is_ok()
        };
        let of_gateway = authorize(caller, Action::View, Resource::Gateway(self.directory.default_project())).is_ok();
        let (sessions, agent_sockets) = self.sessions.counts(&caller.project_id);
        Ok(Figures {
            gateway: of_gateway.then(|| self.gateway_figures()),
            sessions,
            agent_sockets,
            workers: self.tools.workers_seen_by(caller),
            calls: self.calls.of(&caller.project_id).into_iter().filter(is_seen).collect(),
            health: self.health_figures(caller),
        })
    }

    /// The health of the declared tools that a worker has reported.
    fn health_figures(&self, caller: &Caller) -> Vec<HealthFigure> {
        let sets = self.catalog.list_loaded(&caller.project_id).into_iter();
        let seen = sets
            .filter(|set| authorize(caller, Action::View, Resource::Environment(&set.identity.environment_id)).is_ok());
        let figures = seen.flat_map(|set| {
            let identity = Arc::new(set.identity.clone());
            let listed = set.tools.iter().map(|tool| self.tools.listed(&identity, tool));
            let figure = |ListedTool { identity, declaration, health, .. }: ListedTool| {
                Some(HealthFigure { tool: declaration, identity, severity: severity(health?.status) })
            };
            listed.filter_map(figure).collect::<Vec<_>>()
        });
        figures.collect()
    }

    fn gateway_figures(&self) -> GatewayFigures {
        GatewayFigures {
            connections: self.limiter.open_connections(),
            callers: self.callers.count(),
            watched_agents: self.feed.connection_count(),
            sockets: self.open_sockets(),
            refused: self.limiter.refused().to_vec(),
            dropped_events: self.limiter.dropped_events(),
            journal: self.journal.figures(),
            agent_events: self.sessions.handle().event_figures(),
            cluster: self.cluster.as_deref().map(ClusterFigures::of),
        }
    }

    /// The WebSockets that are open: of callers, dashboards, agents with sessions, and workers.
    pub(crate) fn open_sockets(&self) -> OpenSockets {
        OpenSockets { workers: self.links.count(), ..self.callers.sockets() }
    }

    /// Drops the figures of tools that are not in the catalog any more.
    pub(crate) fn sweep(&self) {
        self.calls.retain(|scope, tool| self.catalog.has(scope, tool));
    }
}

/// The figures of a project, and those of the gateway for callers that may see them.
#[derive(Debug)]
#[non_exhaustive]
pub struct Figures {
    /// Figures of the whole gateway; only for callers of the default project.
    pub gateway: Option<GatewayFigures>,
    /// Agents of the project that have a session.
    pub sessions: usize,
    /// Sockets of the project's agents.
    pub agent_sockets: usize,
    /// Workers of the project.
    pub workers: Vec<ConnectedWorker>,
    /// Calls of the project's tools.
    pub calls: Vec<ToolFigures>,
    /// The health of the project's tools that workers reported.
    pub health: Vec<HealthFigure>,
}

/// The health of one tool.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct HealthFigure {
    /// The tool.
    pub tool: SharedDeclaration,
    /// The entity of the tool.
    pub identity: Arc<Identity>,
    /// 0 for healthy, 1 for degraded, 2 for down.
    pub severity: u8,
}

/// Figures of the whole gateway, which tell of every project.
#[derive(Debug)]
#[non_exhaustive]
pub struct GatewayFigures {
    /// Connections that are open, of workers and of callers.
    pub connections: usize,
    /// Callers that are connected over a socket of their own.
    pub callers: usize,
    /// Agents that a dashboard watches.
    pub watched_agents: usize,
    /// WebSockets that are open, whose total `/health` tells.
    pub sockets: OpenSockets,
    /// Requests, connections and attempts that the limits refused since the start, by the name of the limit's setting.
    pub refused: Vec<(&'static str, u64)>,
    /// Events that callers at `/ws` missed since the start, because they read too slowly.
    pub dropped_events: u64,
    /// Calls that were written into the journal, were lost, or wait.
    pub journal: JournalFigures,
    /// Custom events of agents that the application's handlers took, or were dropped.
    pub agent_events: AgentEventFigures,
    /// The gateways of the installation, and the parts that they share. None for a gateway that is alone.
    pub cluster: Option<ClusterFigures>,
}

/// The other gateways of an installation, and the parts that they share, as one of them sees them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClusterFigures {
    /// The gateways that are alive, this one too.
    pub gateways: usize,
    /// True while it is connected to the other gateways.
    pub has_bus: bool,
    /// True while its database answers, and it has its lock there.
    pub has_database: bool,
    /// Requests to other gateways, and losses.
    pub bus: BusFigures,
}

impl ClusterFigures {
    fn of(cluster: &Cluster) -> Self {
        Self {
            gateways: cluster.members().count(),
            has_bus: cluster.outages().has(SharedPart::Bus),
            has_database: cluster.outages().has(SharedPart::Database),
            bus: cluster.messenger().figures(),
        }
    }
}

/// Calls of one tool since the start of the gateway.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ToolFigures {
    /// The tool.
    pub tool: String,
    /// The entity of the tool.
    pub identity: Identity,
    /// The number of calls with each outcome: `ok`, `abandoned`, or the code of an error.
    pub outcomes: BTreeMap<&'static str, u64>,
    /// A histogram of the times: one number for each of [`LATENCY_BOUNDS`], and one for longer times.
    pub latencies: [u64; LATENCY_BOUNDS.len() + 1],
    /// The sum of the times.
    pub total: Duration,
}

/// Counts calls.
#[derive(Debug, Default)]
pub(crate) struct CallFigures {
    tools: Mutex<CalledTools>,
}

/// The tools that were called, by project, by scope, and by name.
type CalledTools = HashMap<ProjectId, HashMap<Scope, HashMap<String, ToolFigures>>>;

impl CallFigures {
    /// The tools of a project that were called, by entity, environment and name.
    fn of(&self, project: &ProjectId) -> Vec<ToolFigures> {
        let tools = self.lock();
        let called = tools.get(project).into_iter().flat_map(HashMap::values);
        let mut called: Vec<_> = called.flat_map(HashMap::values).cloned().collect();
        called.sort_by(|left, right| left.place().cmp(&right.place()));
        called
    }

    /// Forgets tools that are gone.
    fn retain(&self, is_there: impl Fn(&Scope, &str) -> bool) {
        self.lock().retain(|_, tools| {
            tools.retain(|scope, called| {
                called.retain(|name, _| is_there(scope, name));
                !called.is_empty()
            });
            !tools.is_empty()
        });
    }

    fn lock(&self) -> MutexGuard<'_, CalledTools> {
        // Every section leaves the table whole, so a panic in another task spoils nothing.
        lock(&self.tools)
    }
}

impl CallObserver for CallFigures {
    fn call_ended(&self, call: &EndedCall<'_>) {
        let mut tools = self.lock();
        // Looked up before it is copied, as below.
        if !tools.contains_key(&call.identity.project_id) {
            tools.insert(call.identity.project_id.clone(), HashMap::new());
        }
        let Some(tools) = tools.get_mut(&call.identity.project_id) else { return };
        let called = tools.entry(call.identity.scope()).or_default();
        // Looked up before it is copied: nearly every call is of a tool that was called before.
        if !called.contains_key(call.tool) {
            called.insert(call.tool.to_owned(), ToolFigures::new(call));
        }
        if let Some(tool) = called.get_mut(call.tool) {
            tool.count(call.outcome, call.took);
        }
    }
}

impl ToolFigures {
    fn new(call: &EndedCall<'_>) -> Self {
        Self {
            tool: call.tool.to_owned(),
            identity: call.identity.clone(),
            outcomes: BTreeMap::new(),
            latencies: Default::default(),
            total: Duration::ZERO,
        }
    }

    fn count(&mut self, outcome: &'static str, took: Duration) {
        *self.outcomes.entry(outcome).or_default() += 1;
        self.latencies[LATENCY_BOUNDS.partition_point(|bound| *bound < took.as_secs_f64())] += 1;
        self.total += took;
    }

    fn place(&self) -> (&str, &str, &str) {
        (&self.identity.entity, &self.identity.environment, &self.tool)
    }
}

/// The upper bounds of the histogram of call times, in seconds. The last bucket has no bound.
pub const LATENCY_BOUNDS: [f64; 14] = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_kept_of_tools_that_are_gone() {
        let figures = CallFigures::default();
        let tool = |name: &str| ToolFigures {
            tool: name.to_owned(),
            identity: Identity::sample(),
            outcomes: BTreeMap::new(),
            latencies: Default::default(),
            total: Duration::ZERO,
        };
        let (project, scope) = (Identity::sample().project_id, Identity::sample().scope());
        let called = ["a", "b"].map(|name| (name.to_owned(), tool(name)));
        figures.lock().insert(project.clone(), HashMap::from([(scope, HashMap::from(called))]));
        figures.retain(|_, name| name == "a");
        assert_eq!(figures.of(&project).iter().map(|tool| &*tool.tool).collect::<Vec<_>>(), ["a"]);
        assert!(figures.of(&"other".into()).is_empty());
        figures.retain(|_, _| false);
        assert!(figures.lock().is_empty());
    }

    #[test]
    fn a_bucket_has_what_took_as_long_as_its_bound_and_no_longer() {
        let mut tool = ToolFigures {
            tool: "t".to_owned(),
            identity: Identity::sample(),
            outcomes: BTreeMap::new(),
            latencies: Default::default(),
            total: Duration::ZERO,
        };
        for millis in [0, 1, 2, 3, 30_000, 30_001] {
            tool.count("ok", Duration::from_millis(millis));
        }
        assert_eq!(tool.latencies, [2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1]);
        assert_eq!((tool.outcomes["ok"], tool.total.as_millis()), (6, 60_007));
    }
}
