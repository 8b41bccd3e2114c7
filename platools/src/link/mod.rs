//! The link between a worker and its platform.
//!
//! A [`Worker`] is what outlives a socket: its calls, the replies not yet known to have arrived, its registrations. A
//! session is the event loop of one live socket, which it owns. Everything they decide with (the backoff, the pulse, the
//! outbox, the registrations, the health reports) is plain state without I/O, tested on its own.

mod calls;
mod connector;
mod health;
mod held;
mod instance;
mod opened;
mod outbox;
mod outcomes;
mod registration;
mod replies;
mod report;
mod session;
mod signing;
mod successor;
mod thread;
mod worker;

pub use report::Event;

pub(crate) use connector::Connector;
pub(crate) use opened::Opened;
pub(crate) use outbox::Bounds;
pub(crate) use session::{Ended, run_session};
pub(crate) use successor::Successor;
pub(crate) use thread::LinkThread;
pub(crate) use worker::{Settings, Worker, at, farewell};

/// Passes on the state and the events of a worker's link.
pub(crate) type Reporter = platools_transport::Reporter<Event>;

#[cfg(test)]
mod tests;
