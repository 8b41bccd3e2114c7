//! [`RuntimeSettings`]: limits of agents with sessions, and of their channels.

use std::time::Duration;

use platools_protocol::{rpc, runtime};

use super::check::check_deadline;
use super::section::section;
use super::value::{GIB, MIB, Size, days};
use crate::domain::error::Error;

section! {
    /// Agents with sessions at `/ws/runtime`. See [that page](runtime.md).
    #[derive(PartialEq, Eq)]
    pub struct RuntimeSettings: "runtime" titled "Agents with sessions" {
        /// Time without a heartbeat after which a session ends.
        pub session_timeout: Duration = runtime::SESSION_SILENCE, at_least("1s");
        /// Lifetime of a ticket for a socket at `/ws/runtime`.
        pub ticket_lifetime: Duration = runtime::TICKET_LIFETIME, at_least("1s");
        /// Longest frame of an agent. A longer one closes the socket with 1009.
        pub max_frame_bytes: usize as Size = runtime::MAX_MESSAGE_BYTES, named("max_frame"), at_least("1KiB");
        /// Time from one ping of a socket at `/ws/runtime` to the next.
        pub ping_interval: Duration = rpc::PING_INTERVAL, at_least("1s");
        /// Longest time of an agent without a frame or a pong. It is longer than `runtime.ping_interval`.
        pub read_deadline: Duration = rpc::READ_DEADLINE;
        /// Longest time of an agent to take one event.
        pub write_deadline: Duration = rpc::WRITE_DEADLINE, at_least("1s");
        /// Events that wait for a slow agent. With more, its socket is closed.
        pub waiting_events: usize = 1024, at_least("1");
        /// Messages of one channel.
        pub channel_history: u32 = 1000, at_least("1");
        /// Size of the messages of one channel. Further ones replace the oldest; the newest message stays.
        pub max_channel_bytes: u64 as Size = 16 * MIB, named("channel_size");
        /// Size of the channels of one project. With more, the largest channel loses its oldest messages.
        pub max_project_bytes: u64 as Size = GIB, named("project_size");
        /// Channels of one project. A further one is refused.
        pub max_channels: u32 = 10_000, named("channels"), at_least("1");
        /// Channels that one agent made. A further one is refused.
        pub max_channels_of_agent: u32 = 1000, named("agent_channels"), at_least("1");
        /// Time after which a channel without members and without messages is deleted.
        pub channel_idle: Duration = days(30), at_least("1m");
    }
}

impl RuntimeSettings {
    /// Checks that an agent has more time than from one ping to the next.
    pub(super) fn check(&self) -> Result<(), Error> {
        check_deadline("runtime", self.read_deadline, self.ping_interval)
    }
}
