//! The client of gateway RPC, which calls tools and chats with agents over one WebSocket.
//!
//! [`RpcClient`] writes a request as a frame and hands it to its [`Connection`](crate::connection::Connection). `CallerProtocol` has the
//! rules of the protocol. `PendingRequests` passes each answer to the caller that waits for it, counts missing events, and aborts the runs
//! of dropped chats.

mod abandoned_chat;
mod builder;
mod chat;
mod chat_channel;
mod client;
mod conversation;
mod error;
mod event;
mod opener;
mod pending_requests;
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
