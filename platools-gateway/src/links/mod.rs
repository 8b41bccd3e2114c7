//! `Links`: the live links of workers. `Registrations` registers their tools, `HealthMonitor` has the health of them.
//!
//! `live` is the services' end of a link, `link` the end that the task of its socket owns, and `messages` travel between them. `routing`
//! picks a link for a call, or waits for one; `membership` has the tools that each link declared.

mod changes;
mod choice;
mod departed_tools;
mod departures;
mod link;
mod live;
mod membership;
mod messages;
mod peer;
pub mod registration;
mod registration_rate;
mod routing;
mod table;
mod takeovers;
pub mod tool_health;
mod worker;

pub use crate::domain::arrival::Arrival;
pub use link::{ClosingSignal, Link, LinkFence};
pub(crate) use live::{LiveLink, Refused, busy};
pub(crate) use messages::ArgumentForm;
pub use messages::{Closing, Delivery, Notice, Order, SignedParams};
pub(crate) use peer::WorkerPeer;
pub use registration::{Registration, Registrations};
pub(crate) use table::Links;
pub(crate) use tool_health::HealthMonitor;
pub use worker::ConnectedWorker;
pub(crate) use worker::WorkerObserver;

#[cfg(test)]
mod tests;
