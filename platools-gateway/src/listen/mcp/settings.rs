//! How clients of the Model Context Protocol are served.

use std::time::Duration;

/// How clients of the Model Context Protocol are served at `/mcp`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct McpSettings {
    /// URL that clients find the gateway at if a proxy answers for it, such as `https://gateway.example.com`. Clients are told this URL. Its
    /// host counts as one of [`HttpSettings::names`](crate::HttpSettings::names), and its origin as an allowed one. Default: the host of
    /// the request, if it is a name or an address of the gateway.
    pub url: Option<String>,
    /// A session that is not used for so long ends. Default: 1 hour.
    pub session_idle: Duration,
    /// One project has at most so many sessions. A caller that has some of them loses its idlest one for a new one. Default: 1000.
    pub max_sessions: usize,
    /// One key or token has at most so many sessions. Default: 100.
    pub max_sessions_per_caller: usize,
    /// So many bytes of messages are kept for a client of a session that comes back to a stream it lost. Default: 1 MiB.
    pub replay_bytes: usize,
    /// A call takes at most so long. Default: 10 minutes.
    pub call_limit: Duration,
    /// A call whose worker went away while it ran waits so long for it to come back with the answer. Default: 30 seconds.
    pub worker_return: Duration,
}

impl Default for McpSettings {
    fn default() -> Self {
        Self {
            url: None,
            session_idle: Duration::from_secs(60 * 60),
            max_sessions: 1000,
            max_sessions_per_caller: 100,
            replay_bytes: 1024 * 1024,
            call_limit: Duration::from_secs(10 * 60),
            worker_return: Duration::from_secs(30),
        }
    }
}
