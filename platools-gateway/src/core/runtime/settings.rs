//! Settings of agents with sessions.

use std::time::Duration;

use platools_protocol::{rpc, runtime};

use crate::store::ChannelBounds;

/// Settings of agents with sessions. The defaults are those of the protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RuntimeSettings {
    /// A session without a heartbeat for so long is ended. Default: 2 minutes.
    pub session_timeout: Duration,
    /// The lifetime of a ticket for a socket. Default: 1 minute.
    pub ticket_lifetime: Duration,
    /// A frame that is read has at most so many bytes; over a larger one the socket is closed with 1009. Default: 256 KiB.
    pub max_frame_bytes: usize,
    /// The interval between two WebSocket pings. Default: 30 seconds.
    pub ping_interval: Duration,
    /// The longest time without a frame or a pong of the agent; its socket is closed then. It has to be longer than
    /// [`ping_interval`](Self::ping_interval). Default: 60 seconds.
    pub read_deadline: Duration,
    /// The longest time for an agent to take one frame; its socket ends then. Default: 10 seconds.
    pub write_deadline: Duration,
    /// The number of events that wait for a slow socket; with more, it is closed. Default: 1024.
    pub waiting_events: usize,
    /// The number of messages of each channel that are kept. Default: 1000.
    pub channel_history: u32,
    /// Bytes of the messages of one channel. With more, its oldest messages are deleted; its newest message stays. Default: 16 MiB.
    pub max_channel_bytes: u64,
    /// Bytes of the channels of one project. With more, the largest channel loses its oldest messages. Default: 1 GiB.
    pub max_project_bytes: u64,
    /// Channels of one project. A further one is refused. Default: 10,000.
    pub max_channels: u32,
    /// Channels that were made by one agent and are still there. A further one is refused. Default: 1,000.
    pub max_channels_of_agent: u32,
    /// The time without a message, and without anybody who joins or leaves, at which a channel without members is deleted. Default: 30
    /// days.
    pub channel_idle: Duration,
}

impl Default for RuntimeSettings {
    fn default() -> Self {
        Self {
            session_timeout: runtime::SESSION_SILENCE,
            ticket_lifetime: runtime::TICKET_LIFETIME,
            max_frame_bytes: runtime::MAX_MESSAGE_BYTES,
            ping_interval: rpc::PING_INTERVAL,
            read_deadline: rpc::READ_DEADLINE,
            write_deadline: rpc::WRITE_DEADLINE,
            waiting_events: 1024,
            channel_history: 1000,
            max_channel_bytes: 16 * 1024 * 1024,
            max_project_bytes: 1024 * 1024 * 1024,
            max_channels: 10_000,
            max_channels_of_agent: 1000,
            channel_idle: Duration::from_secs(30 * 24 * 60 * 60),
        }
    }
}

impl RuntimeSettings {
    /// The bounds of channels, as the database takes them.
    pub(super) fn channel_bounds(&self) -> ChannelBounds {
        let as_i64 = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
        ChannelBounds {
            messages: i64::from(self.channel_history),
            bytes: as_i64(self.max_channel_bytes),
            project_bytes: as_i64(self.max_project_bytes),
        }
    }
}
