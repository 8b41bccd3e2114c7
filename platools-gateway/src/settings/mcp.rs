//! [`McpSettings`]: limits of clients of the Model Context Protocol.

use std::time::Duration;

use super::section::section;
use super::value::{KIB, Size, minutes, seconds};

section! {
    /// Clients of the Model Context Protocol at `/mcp`. See [that page](mcp.md).
    #[derive(PartialEq, Eq)]
    pub struct McpSettings: "mcp" titled "Clients of the Model Context Protocol" {
        /// Time for which a large answer is held back to be sent whole.
        ///
        /// After it, the answer is a stream of events, which some clients read only up to 1 MiB each.
        pub stream_after: Duration = seconds(10);
        /// Time after which an unused session ends.
        pub session_idle: Duration = minutes(60), at_least("1s");
        /// Sessions of one project at `/mcp`.
        ///
        /// With more, a caller loses its idlest session for a new one; a caller without one is refused with 429.
        pub max_sessions: usize = 1000, at_least("1");
        /// Sessions of one key or token at `/mcp`.
        pub max_sessions_per_caller: usize = 100, at_least("1");
        /// Size of the messages that are kept for a client that comes back to a lost stream.
        pub replay_bytes: usize as Size = 1024 * KIB, named("replay");
        /// Longest result at `/mcp`, as JSON. An error that names the limit replaces a longer one.
        ///
        /// An object travels twice, as text and as structured content, and some clients read no message of more than 16 MiB. A worker
        /// sends no result of more than 10 MiB.
        pub max_result_bytes: usize as Size = 6 * 1024 * KIB, named("max_result");
        /// Longest time of a call at `/mcp`, and the time of a call whose tool declares no timeout.
        pub call_limit: Duration = minutes(10), at_least("1s");
        /// Wait of a running call at `/mcp` for its worker to come back with the answer.
        pub worker_return: Duration = seconds(30);
    }
}
