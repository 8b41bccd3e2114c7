//! An agent's session on a gateway.
//!
//! A [`RuntimeClient`] is connected or not, as its user says. While it is, a run on a task of its own opens one socket after
//! the other, each with a new session; a session is the loop of one socket, which it owns. What both need, and the client,
//! is the core: requests over HTTP, the channels, whoever listens. Listeners have a queue each and, where they are
//! functions, a task: none holds up the loop or another one.

mod builder;
mod channels;
mod client;
mod core;
mod error;
mod event;
mod gateway;
mod limited;
mod listener;
mod listeners;
mod opening;
mod phase;
mod private_key;
mod run;
mod session;

pub use builder::RuntimeClientBuilder;
pub use client::RuntimeClient;
pub use error::{RuntimeError, RuntimeErrorKind};
pub use event::RuntimeEvent;
pub use listener::{HandlerOutcome, ListenerReturn};
pub use listeners::ListenerId;
pub use private_key::PrivateKey;
