//! A caller's connection to a gateway.
//!
//! A run, on a task of its own, opens one socket after the other; a session is the loop of one socket, which it owns. Handles
//! send it requests that are written already. What is decided (which answer belongs to whom, which events are missing, whose
//! run is to be aborted) is in the exchange, plain state without I/O.

mod builder;
mod chat;
mod client;
mod conversation;
mod error;
mod event;
mod exchange;
mod opening;
mod run;
mod session;
mod tool;

pub use builder::RpcClientBuilder;
pub use chat::{Chat, ChatEvent, ChatItem};
pub use client::RpcClient;
pub use conversation::Conversation;
pub use error::{RequestError, RequestErrorKind};
pub use event::{GatewayEvent, RpcEvent};
pub use tool::ToolRequest;

#[cfg(test)]
mod tests;
