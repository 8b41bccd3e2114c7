//! Clients of a gateway: [`RpcClient`] calls tools and chats, [`RuntimeClient`] is an agent with a session.
//!
//! | | host of tools, `platools::PlatoolsClient` | caller, [`RpcClient`] | agent, [`RuntimeClient`] |
//! |---|---|---|---|
//! | credential | `secret`: the entity's | `secret`: a key or a token | `secret`: a key or a token |
//! | begins | `run_forever` | `connect` | `connect` |
//! | ends | `ClientHandle::stop`, after the calls that run | `disconnect` | `disconnect` |
//! | state | `state`, `watch_state` | `state`, `watch_state` | `state`, `watch_state` |
//! | events | `events`, with notice of missed ones | `events`, with notice of missed ones | `events`, or handlers by `on` |
//!
//! [`RpcClient`] calls tools and talks to agents over one WebSocket:
//!
//! ```no_run
//! use platools_client::{ChatItem, RpcClient};
//! use serde_json::json;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let client =
//!     RpcClient::builder().url("https://gateway.example.com").secret("...").user_id("user_123").connect().await?;
//!
//! let reply = client.call_tool("add", json!({"a": 2, "b": 40})).send::<i64>().await?;
//! println!("{} after {} ms", reply.result, reply.latency_ms);
//!
//! let conversation = client.conversation("main");
//! let mut chat = conversation.say("What is 2+2?").await?;
//! while let Some(item) = chat.next().await {
//!     match item? {
//!         ChatItem::Event(event) => println!("{event:?}"),
//!         ChatItem::Reply(reply) => println!("{}", reply.content),
//!         _ => {}
//!     }
//! }
//! // The same conversation, also if the connection was lost meanwhile.
//! let reply = conversation.say("Add 5 to the result.").await?.reply().await?;
//! println!("{}", reply.content);
//! # Ok(())
//! # }
//! ```

mod builder;
mod connection;
mod rpc;
mod runtime;

pub use builder::ClientBuilder;
/// The frames and payloads of the protocols.
pub use platools_protocol as protocol;
pub use platools_transport::{
    ConnectionState, Disconnect, Error, ErrorKind, Jitter, OnRefusal, Reconnect, Roots, Secret, Tls,
};
pub use rpc::{
    Chat, ChatEvent, ChatItem, Conversation, GatewayEvent, RequestError, RequestErrorKind, RpcClient, RpcClientBuilder,
    RpcEvent, RpcSettings, ToolRequest,
};
pub use runtime::{
    HandlerOutcome, ListenerId, ListenerReturn, PrivateKey, RuntimeClient, RuntimeClientBuilder, RuntimeError,
    RuntimeErrorKind, RuntimeEvent, RuntimeSettings,
};
