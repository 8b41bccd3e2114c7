//! [`McpSettings`]: the settings of `/mcp`.

use std::time::Duration;

use platools::mcp::MAX_RESULT_BYTES;
use platools::mcp::http::STREAM_AFTER;

/// How clients of the Model Context Protocol are served at `/mcp`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct McpSettings {
    /// URL that clients find the gateway at if a proxy answers for it, such as `https://gateway.example.com`. Clients are told this URL. Its
    /// host counts as one of [`HttpSettings::names`](crate::HttpSettings::names), and its origin as an allowed one. Default: the host of
    /// the request, if it is a name or an address of the gateway.
    pub url: Option<String>,
    /// Authorization servers whose tokens the gateway takes, by the URLs of their issuers: named in the metadata of RFC 9728, with which
    /// clients begin a sign-in. Without any there is no such document, and clients use a key or token that they were given. Default:
    /// none.
    pub authorization_servers: Vec<String>,
    /// How long the answer to a message is held back to be sent whole if it is large. After that it is sent as a stream of events, which
    /// some clients read only up to 1 MiB each. Default: 10 seconds.
    pub stream_after: Duration,
    /// A session that is not used for so long ends. Default: 1 hour.
    pub session_idle: Duration,
    /// One project has at most so many sessions. A caller that has some of them loses its idlest one for a new one. Default: 1000.
    pub max_sessions: usize,
    /// One key or token has at most so many sessions. Default: 100.
    pub max_sessions_per_caller: usize,
    /// So many bytes of messages are kept for a client of a session that comes back to a stream it lost. Default: 1 MiB.
    pub replay_bytes: usize,
    /// The most bytes of a result, as JSON. A larger one is replaced by an error that names the limit. An object travels twice, as text and as
    /// structured content, and some clients read no message of more than 16 MiB. A worker sends no result of more than 10 MiB. Default: 6 MiB.
    pub max_result_bytes: usize,
    /// A call takes at most so long, and as long if its tool declares no timeout. Default: 10 minutes.
    pub call_limit: Duration,
    /// A call whose worker went away while it ran waits so long for it to come back with the answer. Default: 30 seconds.
    pub worker_return: Duration,
}

impl Default for McpSettings {
    fn default() -> Self {
        Self {
            url: None,
            authorization_servers: Vec::new(),
            stream_after: STREAM_AFTER,
            session_idle: Duration::from_secs(60 * 60),
            max_sessions: 1000,
            max_sessions_per_caller: 100,
            replay_bytes: 1024 * 1024,
            max_result_bytes: MAX_RESULT_BYTES,
            call_limit: Duration::from_secs(10 * 60),
            worker_return: Duration::from_secs(30),
        }
    }
}
