//! [`websocket_url`]: makes the address of a server's WebSocket from the URL in the settings of a client. The path depends on the
//! [`ClientKind`]: a worker, a caller or an agent.

use tokio_tungstenite::tungstenite::http::Uri;
use tokio_tungstenite::tungstenite::http::uri::{Authority, PathAndQuery, Scheme};

use crate::error::{Error, ErrorKind};

/// The kind of a client. It decides the path of the WebSocket, and the words for the server in errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientKind {
    /// A worker, which dials a platform.
    Worker,
    /// A caller, which dials a gateway.
    Caller,
    /// An agent with a session, which sends requests to a gateway and opens WebSockets. The path of each is behind that of the URL.
    Agent,
}

impl ClientKind {
    /// Returns the words for the server.
    pub fn peer(self) -> &'static str {
        match self {
            Self::Worker => "the platform",
            Self::Caller | Self::Agent => "the gateway",
        }
    }

    /// Returns the words for the credential that the server refuses.
    pub fn credential(self) -> &'static str {
        match self {
            Self::Worker => "the secret",
            Self::Caller => "the connection",
            Self::Agent => "the ticket",
        }
    }

    fn example(self) -> &'static str {
        match self {
            Self::Worker => "set PLATOS_URL or call `url(..)`, for example with https://platform.example.com",
            Self::Caller | Self::Agent => "call `url(..)`, for example with https://gateway.example.com",
        }
    }

    /// The path of the socket, behind that of the URL.
    fn path(self, base: &str) -> String {
        match self {
            Self::Worker => format!("{base}/ws/sdk"),
            // Written-out addresses are what the documentation of gateways shows.
            Self::Caller if base.ends_with(platools_protocol::rpc::PATH) => base.to_owned(),
            Self::Caller => format!("{base}{}", platools_protocol::rpc::PATH),
            Self::Agent => format!("{base}/"),
        }
    }

    fn invalid(self, what: &str) -> Error {
        Error::new(ErrorKind::InvalidUrl, format!("{}'s URL {what}", self.peer()))
    }
}

/// The address that is dialled: `http` becomes `ws`, `https` becomes `wss`, and the path for the kind of client goes behind that of the
/// URL, before any query.
///
/// # Errors
/// The URL is missing or malformed, of another scheme, or carries a password.
pub(crate) fn websocket_url(client: ClientKind, url: &str) -> Result<Uri, Error> {
    let url = url.trim();
    if url.is_empty() {
        return Err(client.invalid(&format!("is empty; {}", client.example())));
    }
    let parts = url.parse::<Uri>().map_err(|error| client.invalid("cannot be read").with_source(error))?;
    let parts = parts.into_parts();
    let (Some(scheme), Some(authority)) = (parts.scheme, parts.authority) else {
        return Err(client.invalid("must begin with http://, https://, ws:// or wss:// and name a host"));
    };
    let path = parts.path_and_query.as_ref().map_or("", PathAndQuery::path).trim_end_matches('/');
    let query = parts.path_and_query.as_ref().and_then(PathAndQuery::query).map(|query| format!("?{query}"));
    Uri::builder()
        .scheme(websocket_scheme(client, &scheme)?)
        .authority(without_password(client, authority)?)
        .path_and_query(format!("{}{}", client.path(path), query.unwrap_or_default()))
        .build()
        .map_err(|error| client.invalid("cannot be read").with_source(error))
}

/// Another path on the same host, behind that of the address; without the address's query.
pub(crate) fn behind(address: &Uri, path_and_query: &str) -> Result<Uri, Error> {
    let mut parts = address.clone().into_parts();
    let base = address.path().trim_end_matches('/');
    let target = format!("{base}{path_and_query}").parse();
    parts.path_and_query = Some(target.map_err(|error| invalid_path(path_and_query).with_source(error))?);
    Uri::from_parts(parts).map_err(|error| invalid_path(path_and_query).with_source(error))
}

/// The error of a path that a URL cannot have. It leaves out the query, which may have a ticket.
pub(crate) fn invalid_path(path_and_query: &str) -> Error {
    let path = path_and_query.split('?').next().unwrap_or_default();
    let message = format!("the path `{path}` or its query cannot be part of a URL; percent-encode their characters");
    Error::new(ErrorKind::InvalidUrl, message)
}

fn websocket_scheme(client: ClientKind, scheme: &Scheme) -> Result<&'static str, Error> {
    match scheme.as_str() {
        "http" | "ws" => Ok("ws"),
        "https" | "wss" => Ok("wss"),
        other => Err(client.invalid(&format!("has the scheme `{other}`; use http, https, ws or wss"))),
    }
}

fn without_password(client: ClientKind, authority: Authority) -> Result<Authority, Error> {
    if authority.as_str().contains('@') {
        return Err(client.invalid("carries a user or password; give the secret to `secret(..)` instead"));
    }
    if authority.host().is_empty() {
        return Err(client.invalid("names no host"));
    }
    Ok(authority)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::error::WithCauses;

    #[test]
    fn urls_become_those_of_the_other_sdks() {
        let vectors: Value =
            serde_json::from_str(include_str!("../../tests/vectors/urls.json")).expect("the vectors are JSON");
        for case in vectors["cases"].as_array().expect("cases") {
            let url = case["url"].as_str().expect("a URL");
            let dialled = websocket_url(ClientKind::Worker, url).unwrap_or_else(|error| panic!("{url}: {error}"));
            assert_eq!(Some(dialled.to_string().as_str()), case["websocket_url"].as_str());
        }
        for url in vectors["rejected"].as_array().expect("rejected").iter().filter_map(Value::as_str) {
            assert_eq!(websocket_url(ClientKind::Worker, url).expect_err(url).kind(), ErrorKind::InvalidUrl, "{url:?}");
        }
    }

    #[test]
    fn a_password_in_the_url_is_refused_without_repeating_it() {
        let error = websocket_url(ClientKind::Worker, "https://me:hunter2@host").expect_err("a password");
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }

    #[test]
    fn a_gateways_socket_may_be_spelled_out_or_not() {
        for (url, dialled) in [
            ("http://host:8080", "ws://host:8080/ws"),
            ("https://host/", "wss://host/ws"),
            ("ws://host/ws", "ws://host/ws"),
            ("wss://host/ws/", "wss://host/ws"),
            ("https://host/behind/a/proxy?x=1", "wss://host/behind/a/proxy/ws?x=1"),
        ] {
            assert_eq!(websocket_url(ClientKind::Caller, url).expect(url).to_string(), dialled);
        }
        let address = websocket_url(ClientKind::Agent, "https://host/behind/?x=1").expect("an address");
        assert_eq!(behind(&address, "/v1/x?y=2").expect("a path").to_string(), "wss://host/behind/v1/x?y=2");
        let refused = behind(&address, "/a b?ticket=hush").expect_err("a space");
        let text = WithCauses(&refused).to_string();
        assert!(text.contains("`/a b`") && !text.contains("hush"), "{text}");
        let error = websocket_url(ClientKind::Caller, "host:8080").expect_err("no scheme");
        assert!(error.to_string().starts_with("the gateway's URL must begin with"), "{error}");
    }
}
