//! From a platform's URL to the address of its tool-sync socket.

use tokio_tungstenite::tungstenite::http::Uri;
use tokio_tungstenite::tungstenite::http::uri::{Authority, PathAndQuery, Scheme};

use crate::error::{Error, ErrorKind};

/// What is added to the path of every platform's URL.
const SOCKET_PATH: &str = "/ws/sdk";

/// The address a worker dials: `http` becomes `ws`, `https` becomes `wss`, and `/ws/sdk` goes behind the path, before any
/// query.
///
/// # Errors
/// The URL is missing or malformed, of another scheme, or carries a password.
pub(crate) fn websocket_url(url: &str) -> Result<Uri, Error> {
    let url = url.trim();
    if url.is_empty() {
        return Err(invalid(
            "the platform's URL is empty; set PLATOS_URL or call `url(..)`, for example with \
                            https://platform.example.com",
        ));
    }
    let parts = url.parse::<Uri>().map_err(|error| invalid("the platform's URL cannot be read").with_source(error))?;
    let parts = parts.into_parts();
    let (Some(scheme), Some(authority)) = (parts.scheme, parts.authority) else {
        return Err(invalid("the platform's URL must begin with http://, https://, ws:// or wss:// and name a host"));
    };
    let path = parts.path_and_query.as_ref().map_or("", PathAndQuery::path).trim_end_matches('/');
    let query = parts.path_and_query.as_ref().and_then(PathAndQuery::query).map(|query| format!("?{query}"));
    Uri::builder()
        .scheme(websocket_scheme(&scheme)?)
        .authority(without_password(authority)?)
        .path_and_query(format!("{path}{SOCKET_PATH}{}", query.unwrap_or_default()))
        .build()
        .map_err(|error| invalid("the platform's URL cannot be read").with_source(error))
}

fn websocket_scheme(scheme: &Scheme) -> Result<&'static str, Error> {
    match scheme.as_str() {
        "http" | "ws" => Ok("ws"),
        "https" | "wss" => Ok("wss"),
        other => Err(invalid(format!("the platform's URL has the scheme `{other}`; use http, https, ws or wss"))),
    }
}

fn without_password(authority: Authority) -> Result<Authority, Error> {
    if authority.as_str().contains('@') {
        return Err(invalid("the platform's URL carries a user or password; give the secret to `secret(..)` instead"));
    }
    if authority.host().is_empty() {
        return Err(invalid("the platform's URL names no host"));
    }
    Ok(authority)
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidUrl, message)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn urls_become_those_of_the_other_sdks() {
        let vectors: Value =
            serde_json::from_str(include_str!("../../../../tests/vectors/urls.json")).expect("the vectors are JSON");
        for case in vectors["cases"].as_array().expect("cases") {
            let url = case["url"].as_str().expect("a URL");
            let dialled = websocket_url(url).unwrap_or_else(|error| panic!("{url}: {error}"));
            assert_eq!(Some(dialled.to_string().as_str()), case["websocket_url"].as_str());
        }
        for url in vectors["rejected"].as_array().expect("rejected").iter().filter_map(Value::as_str) {
            assert_eq!(websocket_url(url).expect_err(url).kind(), ErrorKind::InvalidUrl, "{url:?}");
        }
    }

    #[test]
    fn a_password_in_the_url_is_refused_without_repeating_it() {
        let error = websocket_url("https://me:hunter2@host").expect_err("a password");
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }
}
