//! What callers over the gateway RPC protocol may ask for, and how long they may take.

use std::time::Duration;

use platools::wire::rpc;

/// What callers over the gateway RPC protocol may ask for, and how long they may take. The defaults are those of the protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RpcSettings {
    /// A message that is read has at most so many bytes; over a larger one the connection is closed with 1009. Default: 512 KiB.
    pub max_message_bytes: usize,
    /// How long it is from one WebSocket ping to the next. Default: 30 seconds.
    pub ping_interval: Duration,
    /// How long a caller may send neither a message nor a pong before its connection is closed. It has to be longer than
    /// [`ping_interval`](Self::ping_interval). Default: 60 seconds.
    pub read_deadline: Duration,
    /// How long a caller may take for one message before its connection ends. Default: 10 seconds.
    pub write_deadline: Duration,
    /// So many messages wait for a slow caller; further events are dropped. Default: 256.
    pub waiting_messages: usize,
    /// So many requests of one connection are under way at once; further ones are refused. Default: 256.
    pub requests_in_flight: usize,
}

impl Default for RpcSettings {
    fn default() -> Self {
        Self {
            max_message_bytes: rpc::MAX_MESSAGE_BYTES,
            ping_interval: rpc::PING_INTERVAL,
            read_deadline: rpc::READ_DEADLINE,
            write_deadline: rpc::WRITE_DEADLINE,
            waiting_messages: rpc::MAX_WAITING_MESSAGES,
            requests_in_flight: 256,
        }
    }
}
