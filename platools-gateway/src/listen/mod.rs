//! How the gateway is reached: one adapter for each protocol, all over the same core. Adapters do not know each other.

mod bearer;
mod body;
mod broken;
mod forms;
mod mcp;
mod openai;
mod rest;
mod rpc;
mod server;
mod sync;

use std::sync::Arc;

use tokio_util::task::TaskTracker;

pub use mcp::McpSettings;
pub(crate) use mcp::Site;
pub use rpc::RpcSettings;
pub(crate) use server::{Server, Setup};
pub(crate) use sync::Patience;

// What adapters share they take from here.
use bearer::{bearer_token, caller_of};
use body::{Unread, parse_object, read_text};
use server::{Routes, Traffic};

use crate::core::Core;

/// The tasks that own sockets.
#[derive(Debug, Default)]
pub(crate) struct Sockets {
    /// Those of workers.
    pub(crate) links: TaskTracker,
    /// Those of callers, and of their sessions.
    pub(crate) callers: TaskTracker,
}

/// How the protocols are spoken.
#[derive(Debug, Clone, Default)]
pub(crate) struct Manners {
    /// The gateway's patience with workers.
    pub(crate) patience: Patience,
    pub(crate) rpc: RpcSettings,
    pub(crate) mcp: McpSettings,
}

/// Every route of the gateway. The tasks that own sockets are tracked.
pub(crate) fn routes(core: &Arc<Core>, sockets: &Sockets, manners: Manners, site: Site) -> Routes {
    let workers = sync::router(Arc::clone(core), sockets.links.clone(), manners.patience);
    let callers = rpc::router(Arc::clone(core), sockets.callers.clone(), manners.rpc);
    let clients = mcp::router(Arc::clone(core), sockets.callers.clone(), manners.mcp, site);
    // The adapter for HTTP also answers what no route matches.
    let openai = openai::router(Arc::clone(core)).method_not_allowed_fallback(rest::no_such_method);
    let served = rest::router(Arc::clone(core)).merge(openai).merge(workers).merge(callers).merge(clients);
    Routes { served, turned_away: rest::turned_away() }
}
