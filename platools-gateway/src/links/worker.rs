//! [`ConnectedWorker`]: a connected worker, for operators who list the workers. `WorkerObserver`: the trait of code that is notified when
//! workers connect and disconnect.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use platools_protocol::tool_sync::WorkerInstance;

use crate::domain::identity::{Identity, Policy, Scope};
use crate::domain::ids::{GatewayNumber, LinkId};

/// A connected worker.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ConnectedWorker {
    /// Its socket.
    pub link_id: LinkId,
    /// Its identity.
    pub identity: Identity,
    /// The gateway that has its socket; `None` if it is this one.
    pub gateway: Option<GatewayNumber>,
    /// The time of its connection, in milliseconds since 1970.
    pub connected_ms: i64,
    /// The number of its calls without an answer.
    pub calls_in_flight: usize,
    /// The number of these that still wait for its socket.
    pub calls_queued: usize,
    /// The address it connects from.
    pub address: Option<IpAddr>,
    /// The process that it names.
    pub instance: Option<WorkerInstance>,
    /// The number of times that workers of its entity and environment took each other's place within the last ten minutes. A worker that connects again
    /// does not count.
    pub takeovers: usize,
    /// The same since the start of the gateway.
    pub takeovers_total: u64,
    /// The policy of its entity.
    pub policy: Policy,
    /// The time since its last heartbeat; `None` if another gateway has its socket.
    pub heartbeat_age: Option<Duration>,
    /// True if it takes no more calls: it stops, or an admin drained it.
    pub is_draining: bool,
    /// The number of tools that it declared.
    pub tool_count: usize,
}

/// Observer of workers that connect and disconnect, and of their tools. It must neither wait nor panic.
pub(crate) trait WorkerObserver: fmt::Debug + Send + Sync {
    /// The tools of a scope, or their health, have changed.
    fn tools_changed(&self, scope: &Scope);

    /// A worker is connected.
    fn worker_came(&self, worker: &ConnectedWorker);

    /// A worker that was connected is not any more.
    fn worker_left(&self, identity: &Identity, link_id: &LinkId);
}

/// All observers of workers.
#[derive(Debug, Clone, Default)]
pub(crate) struct WorkerObservers(pub(crate) Vec<Arc<dyn WorkerObserver>>);

impl WorkerObserver for WorkerObservers {
    fn tools_changed(&self, scope: &Scope) {
        self.0.iter().for_each(|observer| observer.tools_changed(scope));
    }

    fn worker_came(&self, worker: &ConnectedWorker) {
        self.0.iter().for_each(|observer| observer.worker_came(worker));
    }

    fn worker_left(&self, identity: &Identity, link_id: &LinkId) {
        self.0.iter().for_each(|observer| observer.worker_left(identity, link_id));
    }
}
