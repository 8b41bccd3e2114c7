//! The link between a worker and its platform.
//!
//! A [`Worker`] is what outlives a socket: its calls, the replies not yet known to have arrived, its registrations. A
//! session is the event loop of one live socket, which it owns. Everything they decide with (the backoff, the pulse, the
//! outbox, the registrations, the health reports) is plain state without I/O, tested on its own.

mod connector;
mod event;
mod handover;
mod health;
mod held_threads;
mod instance;
mod link_thread;
mod outbox;
mod outcomes;
mod platform_frames;
mod registration;
mod replacement;
mod replies;
mod session;
mod signing;
mod worker;

pub use event::Event;

pub(crate) use connector::Connector;
pub(crate) use handover::Opened;
pub(crate) use link_thread::LinkThread;
pub(crate) use outbox::Bounds;
pub(crate) use replacement::Replacement;
pub(crate) use session::{Ended, run_session};
pub(crate) use worker::{Settings, Worker, at, farewell};

/// Passes on the state and the events of a worker's link.
pub(crate) type Reporter = platools_transport::Reporter<Event>;

#[cfg(test)]
mod tests;
