//! The runtime protocol: an agent's session on a gateway.
//!
//! [`RuntimeClient`] connects and disconnects by its `Lifecycle`. While it is connected, a [`Connection`](crate::connection::Connection)
//! opens one socket after the other, each with a new session, by the rules of `AgentProtocol`. The `Core` has the state that they share:
//! requests over HTTP, channels and listeners. Each listener has a queue of its own and, if it is a function, a task, so none holds up
//! the connection or another listener.

mod builder;
mod channels;
mod client;
mod core;
mod error;
mod event;
mod gateway;
mod lifecycle;
mod listener;
mod listeners;
mod opener;
mod private_key;
mod protocol;
mod retry_after;

pub use builder::{RuntimeClientBuilder, RuntimeSettings};
pub use client::RuntimeClient;
pub use error::{RuntimeError, RuntimeErrorKind};
pub use event::RuntimeEvent;
pub use listener::{HandlerOutcome, ListenerReturn};
pub use listeners::ListenerId;
pub use private_key::PrivateKey;
