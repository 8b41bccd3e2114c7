//! The challenge for clients without a credential, and the metadata of RFC 9728 if there are authorization servers. The Model Context
//! Protocol wants at least one in the document, and a client that finds a document without one begins a sign-in that cannot work.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Json;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::json;

use super::McpAdapter;
use super::failure::refusal;
use crate::domain::error::{Error, ErrorKind};
use crate::listen::http::KnownHost;

/// The path of the metadata; the path of an endpoint follows.
pub(super) const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// The metadata of the endpoint whose path follows. It does not say that there is such an endpoint.
pub(super) async fn show(
    State(adapter): State<Arc<McpAdapter>>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    if let Err(error) = adapter.sessions.core.limiter().request_from(from.ip()) {
        return refusal(&error);
    }
    if adapter.sessions.settings.authorization_servers.is_empty() {
        let message =
            "there are no authorization servers; send a key or token of the gateway as `Authorization: Bearer`";
        return refusal(&Error::new(ErrorKind::NotFound, message));
    }
    let path = request.uri().path().strip_prefix(WELL_KNOWN).unwrap_or_default();
    let Some(resource) = adapter.public_url.url(request.extensions().get::<KnownHost>(), path) else {
        let message = "the gateway does not know the host of this request as its own; add it to `http.names` (`--http-names`), or set \
             `mcp.url` (`--mcp-url`)";
        return refusal(&Error::new(ErrorKind::InvalidRequest, message));
    };
    Json(json!({
        "resource": resource,
        "resource_name": "platools gateway",
        "authorization_servers": adapter.sessions.settings.authorization_servers,
        "bearer_methods_supported": ["header"],
    }))
    .into_response()
}

/// Challenges a request without a credential, or with a wrong one; names the metadata if there is any.
pub(super) fn challenge(adapter: &McpAdapter, parts: &Parts, error: &Error) -> Response {
    let mut response = refusal(error);
    if response.status() == StatusCode::UNAUTHORIZED {
        let is_wrong =
            parts.headers.contains_key(header::AUTHORIZATION).then_some("error=\"invalid_token\"".to_owned());
        let path = format!("{WELL_KNOWN}{}", parts.uri.path());
        let has_metadata = !adapter.sessions.settings.authorization_servers.is_empty();
        let url = || adapter.public_url.url(parts.extensions.get::<KnownHost>(), &path);
        let metadata = has_metadata.then(url).flatten();
        let metadata = metadata.map(|url| format!("resource_metadata=\"{url}\""));
        let says: Vec<_> = is_wrong.into_iter().chain(metadata).collect();
        let challenge = format!("Bearer {}", says.join(", "));
        let challenge = HeaderValue::from_str(challenge.trim_end()).unwrap_or(HeaderValue::from_static("Bearer"));
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    }
    response
}
