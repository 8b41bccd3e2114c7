//! `FigureReader`: reads the counters and gauges of a gateway from its services, as [`Figures`]. `metrics` has their names for
//! Prometheus.

use std::sync::Arc;

use super::call_figures::{CallFigures, ToolFigures};
use crate::authority::{Action, Resource, authorize};
use crate::catalog::Catalog;
use crate::cluster::{BusFigures, Cluster, SharedPart};
use crate::connections::{Callers, OpenSockets};
use crate::directory::Directory;
use crate::domain::error::Error;
use crate::domain::identity::{Caller, Identity};
use crate::feed::Feed;
use crate::journal::{Journal, JournalFigures};
use crate::limits::Limiter;
use crate::links::tool_health::severity;
use crate::links::{ConnectedWorker, Links};
use crate::sessions::{AgentEventFigures, Sessions};
use crate::tools::{ListedTool, SharedDeclaration, Tools};

/// The services whose counters and gauges are shown.
#[derive(Debug)]
pub(crate) struct FigureReader {
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

impl FigureReader {
    /// The figures of the caller's project, and those of the whole gateway if it is the default project.
    ///
    /// # Errors
    /// The role is not enough, or the key or token belongs to a user or an agent.
    pub(crate) fn read(&self, caller: &Caller) -> Result<Figures, Error> {
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
