//! The link between a worker and its platform.
//!
//! A [`Worker`] outlives its sockets. It has three state machines without a socket, each tested on its own: `WorkerCalls` takes calls from
//! the frame to the outcome, `Delivery` makes replies and heartbeats, and `Registration` declares the tools. `Session` is the event loop of
//! one live socket: it moves frames between the socket and the three state machines.

mod blocking_handlers;
mod calls;
mod connector;
mod delivery;
mod event;
mod handover;
mod health;
mod instance;
mod link_thread;
mod outbox;
mod outcomes;
mod registration;
mod replacement;
mod replies;
mod report_sender;
mod session;
mod worker;

pub use event::Event;

pub(crate) use connector::Connector;
pub(crate) use handover::OpenedSocket;
pub(crate) use link_thread::LinkThread;
pub(crate) use outbox::Bounds;
pub(crate) use replacement::Replacement;
pub(crate) use session::{SessionEnd, run_session};
pub(crate) use worker::{Settings, Worker, at, farewell};

/// Passes on the state and the events of a worker's link.
pub(crate) type Reporter = platools_transport::Reporter<Event>;

#[cfg(test)]
mod tests;
