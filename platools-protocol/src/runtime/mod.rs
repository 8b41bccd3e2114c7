//! The runtime protocol, between an agent that holds a session and its gateway.
//!
//! An agent requests a session and a ticket over HTTP, at the paths in [`path`], and opens a WebSocket with the ticket. Over the WebSocket
//! the agent sends [`AgentFrame`]s, and the gateway sends [`GatewayEvent`]s. Both are JSON text frames; the member `type` tells their kind.
//! Each can be parsed and written, so both ends use this module.
//!
//! `data` stays raw JSON text. Its reader decodes it once, straight into types. Unknown members are ignored. Times are ISO 8601 and end in
//! `Z`.
//!
//! ```
//! use platools_protocol::runtime::{AgentFrame, GatewayEvent, event};
//!
//! let AgentFrame::Subscribe { channel_id } = AgentFrame::parse(r#"{"type":"channel.subscribe","channelId":"c-1"}"#)? else {
//!     panic!("it is a subscription")
//! };
//! assert_eq!(channel_id, "c-1");
//!
//! let text = r#"{"type":"presence.left","timestamp":"2026-03-01T10:30:00Z","data":{"agentId":"a"}}"#;
//! let left = GatewayEvent::parse(text)?;
//! assert_eq!(left.kind, event::PRESENCE_LEFT);
//! assert_eq!(left.data.get(), r#"{"agentId":"a"}"#);
//! assert_eq!(left.to_text(), text);
//! # Ok::<(), platools_protocol::runtime::FrameError>(())
//! ```

mod agent_frame;
mod channel;
mod connection;
pub mod event;
mod gateway_event;
pub mod path;
mod presence;
mod session;

use std::time::Duration;

pub use agent_frame::{AgentFrame, FrameError, is_reserved_type};
pub use channel::{Channel, ChannelMessage, Channels, NewChannel, NewMessage};
pub use connection::ConnectionChange;
pub use gateway_event::GatewayEvent;
pub use presence::{AgentPresence, Presence};
pub use session::{Connect, Connected, Disconnect, Done, Failure, HeartbeatReply, SessionInfo, Status, Ticket};

/// The largest frame an agent may send, and the largest body of a request: 256 KiB.
pub const MAX_MESSAGE_BYTES: usize = 256 * 1024;

/// The largest metadata of a session, of a channel or of a message, as JSON: 8 KiB.
pub const MAX_METADATA_BYTES: usize = 8 * 1024;

/// The longest `type` of a frame, in bytes.
pub const MAX_TYPE_BYTES: usize = 128;

/// The number of sockets that an agent may have open.
pub const MAX_SOCKETS: usize = 3;

/// The lifetime of a ticket: 60 seconds, and for one socket.
pub const TICKET_LIFETIME: Duration = Duration::from_secs(60);

/// Time between two heartbeats: 30 seconds.
pub const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(30);

/// A session without a heartbeat for so long is ended: 120 seconds.
pub const SESSION_SILENCE: Duration = Duration::from_secs(120);

/// The number of entries of a page, unless the request says otherwise.
pub const DEFAULT_PAGE: usize = 50;

/// The largest number of entries of a page.
pub const MAX_PAGE: usize = 100;

#[cfg(test)]
mod tests;
