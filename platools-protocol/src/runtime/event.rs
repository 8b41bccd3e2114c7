//! The names of the events that a gateway sends to an agent, such as [`CHANNEL_MESSAGE`]. `gateway_event.rs` has the frame of an event.

/// A message in a channel: [`ChannelMessage`](super::ChannelMessage).
pub const CHANNEL_MESSAGE: &str = "channel.message";

/// An agent has connected: [`AgentPresence`](super::AgentPresence).
pub const PRESENCE_JOINED: &str = "presence.joined";

/// An agent has gone: [`AgentPresence`](super::AgentPresence).
pub const PRESENCE_LEFT: &str = "presence.left";

/// A tool is called.
pub const TOOL_CALL: &str = "tool.call";

/// A tool has answered.
pub const TOOL_RESULT: &str = "tool.result";

/// The connection has another state: [`ConnectionChange`](super::ConnectionChange). Clients make these themselves, too.
pub const CONNECTION_STATE: &str = "connection.state";

/// A frame of the agent's was refused: `{"error"}`.
pub const ERROR: &str = "error";
