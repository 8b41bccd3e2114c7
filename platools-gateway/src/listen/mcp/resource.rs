//! What clients are told of who may ask: RFC 9728, as far as it is true without an authorization server.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Json;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::json;

use super::Adapter;
use super::failure::refusal;
use crate::core::error::{Error, ErrorKind};
use crate::listen::http::KnownHost;

/// Where that is said; the path of what it is about follows.
pub(super) const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// What there is to know of the resource whose path follows. That there is one of this path is not said by it.
pub(super) async fn show(
    State(adapter): State<Arc<Adapter>>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    if let Err(error) = adapter.sessions.core.limiter().request_from(from.ip()) {
        return refusal(&error);
    }
    let path = request.uri().path().strip_prefix(WELL_KNOWN).unwrap_or_default();
    let Some(resource) = adapter.places.url(request.extensions().get::<KnownHost>(), path) else {
        let message =
            "the gateway does not know the host of this request as its own; add it to `http.names`, or set `mcp.url`";
        return refusal(&Error::new(ErrorKind::InvalidRequest, message));
    };
    Json(json!({
        "resource": resource,
        "resource_name": "platools gateway",
        "bearer_methods_supported": ["header"],
    }))
    .into_response()
}

/// Tells whoever brought no credential, or a wrong one, where to read what is taken.
pub(super) fn challenge(adapter: &Adapter, parts: &Parts, error: &Error) -> Response {
    let mut response = refusal(error);
    if response.status() == StatusCode::UNAUTHORIZED {
        let is_wrong =
            parts.headers.contains_key(header::AUTHORIZATION).then_some("error=\"invalid_token\"".to_owned());
        let path = format!("{WELL_KNOWN}{}", parts.uri.path());
        let metadata = adapter.places.url(parts.extensions.get::<KnownHost>(), &path);
        let metadata = metadata.map(|url| format!("resource_metadata=\"{url}\""));
        let says: Vec<_> = is_wrong.into_iter().chain(metadata).collect();
        let challenge = format!("Bearer {}", says.join(", "));
        let challenge = HeaderValue::from_str(challenge.trim_end()).unwrap_or(HeaderValue::from_static("Bearer"));
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    }
    response
}
