//! [`CallSettings`]: time limits of calls, and of the time that a call waits for a worker that is not connected.

use std::time::Duration;

use super::section::section;
use super::value::{minutes, seconds};

section! {
    /// Time limits of calls, and their waits for workers that are not connected.
    #[derive(Copy, PartialEq, Eq)]
    pub struct CallSettings: "calls" titled "Calls" {
        /// Wait of a call for a worker that is reconnecting; 0s fails the call at once.
        ///
        /// A worker counts as reconnecting if it was connected within the last minute; in the first minute of the gateway, each one does.
        pub wait_for_worker: Duration = seconds(2);
        /// Wait of a call for its answer after its connection ended, if the worker knows no extensions.
        ///
        /// Such a worker does not send an answer again over its next connection.
        pub wait_for_lost_answer: Duration = seconds(2);
        /// Longest time of a call, whatever its caller requests or its tool declares.
        ///
        /// Clients of the Model Context Protocol have `mcp.call_limit` instead.
        pub max_timeout: Duration = minutes(10), at_least("1s");
        /// Wait of a call for its worker to come back after its connection ended, if the worker sends answers again.
        ///
        /// A worker that is back and reports that the call goes on is waited for until the call's deadline. Where another process
        /// takes the worker's place, the wait is `calls.wait_for_lost_answer` from then on. Calls at `/mcp` have `mcp.worker_return` instead.
        pub worker_return: Duration = seconds(30);
    }
}
