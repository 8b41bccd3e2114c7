//! `CallSettings`: the patience of calls with their tools, and with workers that are not there.

use std::time::Duration;

/// The times that calls may take, and wait for workers that are not connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallSettings {
    /// How long a call that finds no link waits for a worker that is reconnecting: one that was connected within the last minute, or
    /// any within the first minute of the gateway. Zero fails such calls at once. Default: 2 seconds.
    pub wait_for_worker: Duration,
    /// How long a call waits for its answer once the connection that it was sent over has ended, if its worker offered no extensions:
    /// such workers send no answer again over their next connection. Default: 2 seconds.
    pub wait_for_lost_answer: Duration,
    /// The longest time that a call may take, whatever its caller names or its tool declares. Clients of the Model Context Protocol have
    /// [`McpSettings::call_limit`](crate::McpSettings::call_limit). Default: 10 minutes.
    pub max_timeout: Duration,
    /// How long a call waits for its worker to come back once the connection that it was sent over has ended, if the worker sends its answers
    /// again. A worker that is back and says that the call goes on is waited for until the call's deadline. Where another process of this SDK
    /// takes the worker's place, the wait is `wait_for_lost_answer` from then on. Default: 30 seconds.
    pub worker_return: Duration,
}

impl Default for CallSettings {
    fn default() -> Self {
        Self {
            wait_for_worker: Duration::from_secs(2),
            wait_for_lost_answer: Duration::from_secs(2),
            worker_return: Duration::from_secs(30),
            max_timeout: Duration::from_secs(600),
        }
    }
}
