//! Gateway RPC: a caller of tools and agents.
//!
//! [`RpcClient`] is a handle of a [`Connection`](crate::connection::Connection), which it sends requests that are written already.
//! `CallerProtocol` has the rules: the `Exchange` finds the receiver of each answer, events that are missing, and runs to abort.

mod builder;
mod chat;
mod chat_channel;
mod client;
mod conversation;
mod error;
mod event;
mod exchange;
mod opener;
mod protocol;
mod tool_request;

pub use builder::{RpcClientBuilder, RpcSettings};
pub use chat::{Chat, ChatItem};
pub use chat_channel::ChatEvent;
pub use client::RpcClient;
pub use conversation::Conversation;
pub use error::{RequestError, RequestErrorKind};
pub use event::{GatewayEvent, RpcEvent};
pub use tool_request::ToolRequest;

#[cfg(test)]
mod tests;
