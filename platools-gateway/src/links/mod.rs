//! `Links`: the live links of workers. `Registrations` registers their tools, and `HealthMonitor` has the health of the tools.
//!
//! Links whose sockets other gateways have are `remote_link`s in the same table. Each link has two sides: `LiveLink` for the services and `Link` for the task of the worker's socket. `messages` are the calls and
//! notices from the first to the second. `routing` picks a link for a call, and `membership` has the tools of each link.

mod changes;
mod departed_tools;
mod link;
mod link_observer;
mod live_link;
mod load_balancing;
mod membership;
mod messages;
mod outlet;
mod prune_schedule;
pub mod registration;
mod registration_rate;
mod remote_link;
mod routing;
mod table;
mod takeovers;
pub mod tool_health;
mod worker;
mod worker_peer;

pub use crate::domain::generation::Generation;
pub(crate) use changes::LinkChanges;
pub(crate) use link::NewLink;
pub use link::{ClosingSignal, Link, LinkFence};
pub(crate) use link_observer::LinkObserver;
pub(crate) use live_link::{CallForm, LiveLink, busy};
pub(crate) use messages::{ArgumentForm, Refused};
pub use messages::{CallFrame, Closing, Delivery, Notice, Order};
pub(crate) use outlet::MemberOutlet;
pub use registration::{Registration, Registrations};
pub(crate) use remote_link::RemoteLink;
pub(crate) use table::Links;
pub(crate) use tool_health::{HealthMonitor, HealthObserver, LinkHealth};
pub use worker::ConnectedWorker;
pub(crate) use worker::{WorkerObserver, WorkerObservers};
pub(crate) use worker_peer::WorkerPeer;

#[cfg(test)]
mod tests;
