//! [`McpSettings`]: limits of clients of the Model Context Protocol.

use std::time::Duration;

use axum::http::Uri;

use super::refused;
use super::section::section;
use super::value::{KIB, Size, minutes, seconds};
use crate::domain::error::Error;

section! {
    /// Clients of the Model Context Protocol at `/mcp`. See [that page](mcp.md).
    #[derive(PartialEq, Eq)]
    pub struct McpSettings: "mcp" titled "Clients of the Model Context Protocol" {
        /// URL of the gateway for clients behind a proxy, such as https://gateway.example.com.
        ///
        /// Clients are told this URL. Its host counts as one of `http.names`, and its origin as one of `http.allowed_origins`. By default,
        /// clients are told the host of their request, if it is a name or an address of the gateway.
        pub url: Option<String> = None, shaped("URL"), example("https://gateway.example.com"), common();
        /// Authorization servers whose tokens the gateway accepts: https URLs of issuers.
        ///
        /// The metadata of RFC 9728 names them, with which clients begin a sign-in. Without any, there is no such document, and clients use
        /// a key or token.
        pub authorization_servers: Vec<String> = Vec::new(), shaped("URLS");
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

impl McpSettings {
    /// Checks the URLs.
    pub(super) fn check(&self) -> Result<(), Error> {
        if let Some(url) = self.url.as_ref().filter(|url| !is_origin(url)) {
            let expected = "it takes a scheme and a host, such as https://gateway.example.com";
            return Err(refused(format!("`mcp.url` is {url:?}; {expected}")));
        }
        if let Some(url) = self.authorization_servers.iter().find(|url| !is_issuer(url)) {
            let expected = "it takes https URLs without a query, such as https://login.example.com";
            return Err(refused(format!("`mcp.authorization_servers` has {url:?}; {expected}")));
        }
        Ok(())
    }
}

/// Tells whether a text is a scheme and a host, with a port or without, and nothing else.
fn is_origin(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let host = rest.map(|rest| rest.strip_suffix('/').unwrap_or(rest));
    host.is_some_and(|host| !host.is_empty() && !host.contains(['/', '@', '?', '#', '*', ' ']))
}

/// Tells whether a text is the URL of an issuer, as RFC 8414 has it: https, with a path or without, and nothing else.
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
