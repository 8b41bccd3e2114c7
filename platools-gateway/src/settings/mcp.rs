//! How clients of the Model Context Protocol are served.

use std::num::NonZeroU32;

use anyhow::ensure;
use axum::http::Uri;
use clap::Args;
use platools_gateway::McpSettings;
use serde::{Deserialize, Serialize};

use super::SHORTEST_PATIENCE;
use super::size::Size;
use super::span::Span;

/// What was said of clients of the Model Context Protocol.
#[derive(Debug, Default, Args, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct GivenMcp {
    /// Where clients find the gateway if a proxy answers for it, such as https://gateway.example.com. Default: as they ask.
    #[arg(long = "mcp-url", value_name = "URL", env = "PLATOOLS_GATEWAY_MCP_URL")]
    url: Option<String>,
    /// Authorization servers whose tokens the gateway takes, as https URLs with commas between them. Default: none.
    #[arg(
        long = "mcp-authorization-servers",
        value_name = "URLS",
        env = "PLATOOLS_GATEWAY_MCP_AUTHORIZATION_SERVERS",
        value_delimiter = ','
    )]
    authorization_servers: Option<Vec<String>>,
    /// How long an answer at /mcp is held back to be sent whole if it is large. Default: 10s.
    #[arg(long = "mcp-stream-after", value_name = "TIME", env = "PLATOOLS_GATEWAY_MCP_STREAM_AFTER")]
    stream_after: Option<Span>,
    /// How long a session at /mcp lasts that is not used. Default: 1h.
    #[arg(long = "mcp-session-idle", value_name = "TIME", env = "PLATOOLS_GATEWAY_MCP_SESSION_IDLE")]
    session_idle: Option<Span>,
    /// Sessions of one project at /mcp. Default: 1000.
    #[arg(long = "mcp-max-sessions", value_name = "NUMBER", env = "PLATOOLS_GATEWAY_MCP_MAX_SESSIONS")]
    max_sessions: Option<NonZeroU32>,
    /// Sessions of one key or token at /mcp. Default: 100.
    #[arg(
        long = "mcp-max-sessions-per-caller",
        value_name = "NUMBER",
        env = "PLATOOLS_GATEWAY_MCP_MAX_SESSIONS_PER_CALLER"
    )]
    max_sessions_per_caller: Option<NonZeroU32>,
    /// What is kept of a session for a client that comes back to a stream it lost. Default: 1MiB.
    #[arg(long = "mcp-replay", value_name = "SIZE", env = "PLATOOLS_GATEWAY_MCP_REPLAY")]
    replay: Option<Size>,
    /// Longest result at /mcp. Default: 6MiB.
    #[arg(long = "mcp-max-result", value_name = "SIZE", env = "PLATOOLS_GATEWAY_MCP_MAX_RESULT")]
    max_result: Option<Size>,
    /// How long a call at /mcp may take. Default: 10m.
    #[arg(long = "mcp-call-limit", value_name = "TIME", env = "PLATOOLS_GATEWAY_MCP_CALL_LIMIT")]
    call_limit: Option<Span>,
    /// How long a call at /mcp waits for its worker if that went away. Default: 30s.
    #[arg(long = "mcp-worker-return", value_name = "TIME", env = "PLATOOLS_GATEWAY_MCP_WORKER_RETURN")]
    worker_return: Option<Span>,
}

/// How clients of the Model Context Protocol are served.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Mcp {
    /// Where clients find the gateway if a proxy answers for it. Default: as they ask.
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    /// Authorization servers whose tokens the gateway takes. Default: none.
    authorization_servers: Vec<String>,
    /// How long an answer is held back to be sent whole if it is large. Default: 10 seconds.
    stream_after: Span,
    /// How long a session lasts that is not used. Default: 1 hour.
    session_idle: Span,
    /// How many sessions there may be. Default: 1000.
    max_sessions: NonZeroU32,
    /// How many of them one key or token may have. Default: 100.
    max_sessions_per_caller: NonZeroU32,
    /// What is kept of a session for a client that comes back to a stream it lost. Default: 1 MiB.
    replay: Size,
    /// Longest result. Default: 6 MiB.
    max_result: Size,
    /// How long a call may take. Default: 10 minutes.
    call_limit: Span,
    /// How long it waits for its worker if that went away. Default: 30 seconds.
    worker_return: Span,
}

impl Default for Mcp {
    fn default() -> Self {
        let number = |number| NonZeroU32::new(number).expect("a default is not zero");
        Self {
            url: None,
            authorization_servers: Vec::new(),
            stream_after: Span::from_secs(10),
            session_idle: Span::from_secs(60 * 60),
            max_sessions: number(1000),
            max_sessions_per_caller: number(100),
            replay: Size::bytes(1024 * 1024),
            max_result: Size::bytes(6 * 1024 * 1024),
            call_limit: Span::from_secs(10 * 60),
            worker_return: Span::from_secs(30),
        }
    }
}

impl Mcp {
    pub(super) fn check(&self) -> anyhow::Result<()> {
        for (name, span) in [("session_idle", self.session_idle), ("call_limit", self.call_limit)] {
            ensure!(span.get() >= SHORTEST_PATIENCE, "`mcp.{name}` is {span}; it takes at least 1s");
        }
        if let Some(url) = &self.url {
            ensure!(
                is_origin(url),
                "`mcp.url` is {url:?}; it takes a scheme and a host, such as https://gateway.example.com"
            );
        }
        for url in &self.authorization_servers {
            ensure!(
                is_issuer(url),
                "`mcp.authorization_servers` has {url:?}; it takes https URLs without a query, such as https://login.example.com"
            );
        }
        Ok(())
    }

    /// As the gateway takes them.
    pub(crate) fn settings(&self) -> McpSettings {
        let mut settings = McpSettings::default();
        settings.url.clone_from(&self.url);
        settings.authorization_servers.clone_from(&self.authorization_servers);
        settings.stream_after = self.stream_after.get();
        settings.session_idle = self.session_idle.get();
        settings.max_sessions = self.max_sessions.get() as usize;
        settings.max_sessions_per_caller = self.max_sessions_per_caller.get() as usize;
        settings.replay_bytes = usize::try_from(self.replay.get()).unwrap_or(usize::MAX);
        settings.max_result_bytes = usize::try_from(self.max_result.get()).unwrap_or(usize::MAX);
        settings.call_limit = self.call_limit.get();
        settings.worker_return = self.worker_return.get();
        settings
    }
}

/// Whether a text is a scheme and a host, with a port or without, and nothing else.
fn is_origin(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let host = rest.map(|rest| rest.strip_suffix('/').unwrap_or(rest));
    host.is_some_and(|host| !host.is_empty() && !host.contains(['/', '@', '?', '#', '*', ' ']))
}

/// Whether a text is the URL of an issuer, as RFC 8414 has it: https, with a path or without, and nothing else.
fn is_issuer(text: &str) -> bool {
    let url = text.parse::<Uri>().ok().filter(|url| url.scheme_str() == Some("https") && url.query().is_none());
    let authority = url.as_ref().and_then(Uri::authority);
    authority.is_some_and(|authority| !authority.host().is_empty() && !authority.as_str().contains('@'))
        && !text.contains('#')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_those_of_the_library() {
        assert_eq!(Mcp::default().settings(), McpSettings::default());
    }

    #[test]
    fn an_issuer_is_an_https_url_without_query_or_password() {
        for text in ["https://login.example.com", "https://login.example.com:8443/tenants/a/"] {
            assert!(is_issuer(text), "{text}");
        }
        for text in [
            "login.example.com",
            "http://login.example.com",
            "https://",
            "https://u:p@a",
            "https://a/?x",
            "https://a/#x",
            "",
        ] {
            assert!(!is_issuer(text), "{text}");
        }
    }

    #[test]
    fn an_origin_is_a_scheme_and_a_host() {
        for text in ["https://a.example", "http://a.example:8080", "http://[::1]:80/"] {
            assert!(is_origin(text), "{text}");
        }
        for text in ["a.example", "https://", "https://a/b", "https://u:p@a", "ftp://a", "https://*.a"] {
            assert!(!is_origin(text), "{text}");
        }
    }
}
