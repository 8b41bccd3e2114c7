//! [`RpcSettings`]: limits of callers over gateway RPC. [`AnonymousAccess`]: the permissions of callers without a valid key or token.

use std::time::Duration;

use platools_protocol::rpc;

use super::section::section;
use super::value::{KIB, Size, words};
use super::{check_deadline, refused};
use crate::domain::error::Error;

section! {
    /// Callers over the gateway RPC protocol at `/ws`. See [that page](rpc.md#limits).
    #[derive(PartialEq, Eq)]
    pub struct RpcSettings: "rpc" titled "Callers over gateway RPC" {
        /// Longest message of a caller at `/ws`. A longer one of up to 4 MiB is dropped, logged and answered with an error.
        ///
        /// A still longer one closes the connection with 1009. Callers that have not proven their identity have 16 KiB at most.
        pub max_message_bytes: usize as Size = rpc::MAX_MESSAGE_BYTES, named("max_message"), at_least("1KiB");
        /// Time from one ping of a caller at `/ws` to the next.
        pub ping_interval: Duration = rpc::PING_INTERVAL, at_least("1s");
        /// Longest time of a caller at `/ws` without a message or a pong. It is longer than `rpc.ping_interval`.
        pub read_deadline: Duration = rpc::READ_DEADLINE;
        /// Longest time of a caller at `/ws` to take one message.
        pub write_deadline: Duration = rpc::WRITE_DEADLINE, at_least("1s");
        /// Messages that wait for a slow caller at `/ws`. Further events are dropped.
        pub waiting_messages: usize = rpc::MAX_WAITING_MESSAGES, at_least("1");
        /// Size of the messages that wait for a slow caller at `/ws`. Further events are dropped.
        ///
        /// A response that does not fit closes the connection with 1013, unless it is the only message.
        pub waiting_bytes: usize as Size = 16 * 1024 * KIB, at_least("1KiB");
        /// Requests of one connection at `/ws` in flight. Further ones are refused.
        pub requests_in_flight: usize = 256, at_least("1");
        /// Access of callers at `/ws` without a valid key or token: none, empty (lists) or catalog (of the default project).
        pub anonymous: AnonymousAccess = AnonymousAccess::default(), common();
        /// Right of viewers at `/ws` to read the history of the conversations that they see.
        ///
        /// Operators and admins read it in any case.
        pub viewers_read_history: bool = false;
    }
}

impl RpcSettings {
    /// Checks that a caller has more time than from one ping to the next.
    pub(super) fn check(&self) -> Result<(), Error> {
        check_deadline("rpc", self.read_deadline, self.ping_interval).map_err(refused)
    }
}

words! {
    /// The access of callers without a valid key or token.
    pub enum AnonymousAccess: "`none`, `empty` or `catalog`" {
        /// Nothing: their `connect` is refused.
        None = "none",
        /// The health of the gateway. Lists of tools and agents are empty for them.
        #[default]
        Empty = "empty",
        /// The tools and agents of the default project.
        Catalog = "catalog",
    }
}
