//! How clients of the Model Context Protocol are served.

use std::time::Duration;

/// How clients of the Model Context Protocol are served at `/mcp`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct McpSettings {
    /// Where clients find the gateway, such as `https://gateway.example.com`, if a proxy answers for it there: what they are told
    /// of the address, and a host that is allowed. Default: what a request's `Host` says.
    pub url: Option<String>,
    /// Hosts that requests may be for, as `name` or `name:port`, besides loopback names and the address that is listened on.
    /// Default: none.
    pub allowed_hosts: Vec<String>,
    /// Origins of web pages that may ask, such as `https://app.example.com`, besides those of loopback names. What is no web
    /// page has no origin, and is not concerned. Default: none.
    pub allowed_origins: Vec<String>,
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
            allowed_hosts: Vec::new(),
            allowed_origins: Vec::new(),
            session_idle: Duration::from_secs(60 * 60),
            max_sessions: 1000,
            max_sessions_per_caller: 100,
            replay_bytes: 1024 * 1024,
            call_limit: Duration::from_secs(10 * 60),
            worker_return: Duration::from_secs(30),
        }
    }
}
