//! Settings of the gateway RPC protocol.

use std::time::Duration;

use platools_protocol::rpc;
use serde::{Deserialize, Serialize};

/// Settings of the gateway RPC protocol. The defaults are those of the protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RpcSettings {
    /// The most bytes of a message. A larger one of up to 4 MiB is dropped, logged and answered with an error; a still larger one closes
    /// the connection with 1009. Callers that have not proven who they are have 16 KiB at most, and 1009 past that. Default: 512 KiB.
    pub max_message_bytes: usize,
    /// The interval between two WebSocket pings. Default: 30 seconds.
    pub ping_interval: Duration,
    /// The longest time without a message or a pong of the caller; its connection is closed then. It has to be longer than
    /// [`ping_interval`](Self::ping_interval). Default: 60 seconds.
    pub read_deadline: Duration,
    /// The longest time for a caller to take one message; its connection ends then. Default: 10 seconds.
    pub write_deadline: Duration,
    /// The number of messages that wait for a slow caller; further events are dropped. Default: 256.
    pub waiting_messages: usize,
    /// Messages of so many bytes in all wait for a slow caller. Further events are dropped; over a response that does not fit the
    /// connection is closed with 1013, unless it is the only message. Default: 16 MiB.
    pub waiting_bytes: usize,
    /// The number of requests of one connection that run at once; further ones are refused. Default: 256.
    pub requests_in_flight: usize,
    /// The access of callers without a valid key or token. Default: [`AnonymousAccess::Empty`].
    pub anonymous: AnonymousAccess,
    /// Lets viewers with a valid key or token read `chat.history` of the conversations that they see. Default: no; operators and admins read it.
    pub viewers_read_history: bool,
}

/// The access of callers without a valid key or token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum AnonymousAccess {
    /// Nothing: their `connect` is refused.
    None,
    /// The health of the gateway. Lists of tools and agents are empty for them.
    #[default]
    Empty,
    /// The tools and agents of the default project.
    Catalogue,
}

impl AnonymousAccess {
    /// `none`, `empty` or `catalogue`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "none" => Some(Self::None),
            "empty" => Some(Self::Empty),
            "catalogue" => Some(Self::Catalogue),
            _ => None,
        }
    }
}

impl Default for RpcSettings {
    fn default() -> Self {
        Self {
            max_message_bytes: rpc::MAX_MESSAGE_BYTES,
            ping_interval: rpc::PING_INTERVAL,
            read_deadline: rpc::READ_DEADLINE,
            write_deadline: rpc::WRITE_DEADLINE,
            waiting_messages: rpc::MAX_WAITING_MESSAGES,
            waiting_bytes: 16 * 1024 * 1024,
            requests_in_flight: 256,
            anonymous: AnonymousAccess::default(),
            viewers_read_history: false,
        }
    }
}
