//! The client of the runtime protocol, which holds an agent's session on a gateway.
//!
//! [`RuntimeClient`] connects and disconnects through its `Lifecycle`. While it is connected, a
//! [`Connection`](crate::connection::Connection) opens one socket after the other, each with a new session, by the rules of
//! `AgentProtocol`. `SharedState` has the state that client and connection share: HTTP requests, channels and listeners. Each listener has
//! a queue of its own and each function a task of its own, so a slow listener delays neither the connection nor other listeners.

mod builder;
mod channels;
mod client;
mod error;
mod event;
mod http_requests;
mod lifecycle;
mod listener_queues;
mod listener_return;
mod opener;
mod private_key;
mod protocol;
mod retry_after;
mod shared_state;

pub use builder::{RuntimeClientBuilder, RuntimeSettings};
pub use client::RuntimeClient;
pub use error::{RuntimeError, RuntimeErrorKind};
pub use event::RuntimeEvent;
pub use listener_queues::ListenerId;
pub use listener_return::{HandlerOutcome, ListenerReturn};
pub use private_key::PrivateKey;
