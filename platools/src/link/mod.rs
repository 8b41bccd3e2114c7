//! The link between a worker and its platform.
//!
//! A [`Worker`] is what outlives a socket: its calls, the replies not yet known to have arrived, its registrations. A
//! session is the event loop of one live socket, which it owns. Everything they decide with (the backoff, the pulse, the
//! outbox, the registrations, the health reports) is plain state without I/O, tested on its own.

mod backoff;
mod calls;
mod connect;
mod health;
mod heartbeat;
mod held;
#[cfg(feature = "runtime")]
mod http;
mod opened;
mod outbox;
mod outcomes;
mod registration;
mod replies;
mod report;
mod retry;
mod session;
mod signing;
mod socket;
mod successor;
mod task;
mod thread;
mod traffic;
mod websocket;
mod worker;

pub use backoff::{
    BACKOFF_BASE_MS, BACKOFF_MAX_MS, Jitter, MAX_BACKOFF_ATTEMPTS, OnRefusal, Reconnect, backoff_delay_ms,
};
pub use connect::{Roots, Secret, Tls};
pub use heartbeat::HEARTBEAT_INTERVAL_MS;
pub use report::{ConnectionState, Disconnect, Event};

pub(crate) use backoff::Schedule;
pub(crate) use connect::Connector;
#[cfg(feature = "runtime")]
pub(crate) use connect::{Dialler, Endpoint, Transport, bearer, redact};
#[cfg(feature = "runtime")]
pub(crate) use heartbeat::Heartbeat;
pub(crate) use heartbeat::check_interval;
#[cfg(feature = "runtime")]
pub(crate) use http::{Answer, Http};
pub(crate) use opened::Opened;
pub(crate) use outbox::Bounds;
pub(crate) use report::Reporter;
pub(crate) use retry::next_delay;
pub(crate) use session::{Ended, run_session};
#[cfg(feature = "runtime")]
pub(crate) use socket::{Received, Socket, text};
pub(crate) use successor::Successor;
pub(crate) use task::on_a_task;
pub(crate) use thread::LinkThread;
#[cfg(feature = "runtime")]
pub(crate) use traffic::Traffic;
#[cfg(all(test, feature = "runtime"))]
pub(crate) use websocket::WebSocket;
pub(crate) use worker::{Settings, Worker, at, farewell};

#[cfg(test)]
mod tests;
