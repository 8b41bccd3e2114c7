//! The frames of the gateway RPC protocol, between a caller and its gateway.
//!
//! A caller and a gateway exchange JSON text frames over one WebSocket; the member `type` tells the kind of a frame. The caller sends
//! [`Request`]s, the gateway [`Response`]s and [`Event`]s. Each can be parsed and written, so both ends use this module.
//!
//! `params` and `payload` stay raw JSON text. Their reader decodes them once, straight into types, such as the types here for the methods
//! in [`method`] and the events in [`event`]. Unknown members are ignored. Every name and number comes from version 3 of the protocol.
//!
//! ```
//! use platools_protocol::rpc::{ErrorCode, GatewayFrame, Request, Response, RpcError};
//!
//! let text = r#"{"type":"req","id":"7","method":"chat.send","params":{"agentId":"main","message":"Hello!"}}"#;
//! let request = Request::parse(text)?;
//! assert_eq!((&*request.id, &*request.method), ("7", "chat.send"));
//!
//! let text = Response::failure(&*request.id, RpcError::new(ErrorCode::NotFound, "no such agent")).to_text();
//! let GatewayFrame::Response(response) = GatewayFrame::parse(&text)? else { panic!("it is a response") };
//! assert_eq!(response.outcome.map_err(|error| error.code).unwrap_err(), ErrorCode::NotFound);
//! # Ok::<(), platools_protocol::rpc::FrameError>(())
//! ```

mod error;
mod frame;
mod open_enum;
mod payload;
mod request_id;

use std::time::Duration;

pub use error::{ErrorCode, RpcError};
pub use frame::{Event, FrameError, GatewayFrame, Request, Response};
pub use payload::{
    AgentEvent, ChatAbort, ChatChunk, ChatReply, ChatSend, Connect, Connected, Role, RunStatus, ToolCallEvent,
    ToolResultEvent, ToolsCall, ToolsReply, Usage, event, method,
};

/// The version of the protocol that the reply to `connect` names.
pub const PROTOCOL: u32 = 3;

/// The path at which the gateway serves the protocol.
pub const PATH: &str = "/ws";

/// The largest message a gateway takes: 512 KiB. It drops a larger one and answers with an error, or closes the socket.
pub const MAX_MESSAGE_BYTES: usize = 512 * 1024;

/// Time between two WebSocket pings of the gateway: 30 seconds.
pub const PING_INTERVAL: Duration = Duration::from_secs(30);

/// The time without a message or pong after which a gateway takes the caller for dead: 60 seconds.
pub const READ_DEADLINE: Duration = Duration::from_secs(60);

/// The longest time for each write of the gateway: 10 seconds.
pub const WRITE_DEADLINE: Duration = Duration::from_secs(10);

/// The number of messages that wait for a slow caller: 256. Events beyond that are dropped, which shows as a gap in their `seq`; where a
/// response does not fit, the gateway closes the socket with [`CLOSE_TOO_SLOW`].
pub const MAX_WAITING_MESSAGES: usize = 256;

/// The close code for a caller so slow that not even a response fits.
pub const CLOSE_TOO_SLOW: u16 = 1013;

/// The longest `user_id`, in characters.
pub const MAX_USER_ID_CHARS: usize = 255;

#[cfg(test)]
mod tests;
