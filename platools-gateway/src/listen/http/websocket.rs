//! Functions that refuse a request for a WebSocket of another version than 13, and a request without a WebSocket to a path that serves only
//! WebSockets.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use super::ErrorView;

/// The only version of RFC 6455.
const VERSION: HeaderValue = HeaderValue::from_static("13");

/// True for a request for a WebSocket of another version than the gateway speaks.
pub(super) fn has_other_version(headers: &HeaderMap) -> bool {
    asks_for_websocket(headers) && headers.get(header::SEC_WEBSOCKET_VERSION) != Some(&VERSION)
}

/// The answer to such a request. It names the version to try again with.
pub(super) fn other_version() -> Response {
    upgrade_required("the gateway speaks version 13 of the WebSocket protocol; send `Sec-WebSocket-Version: 13`")
}

/// The answer to a request that only a WebSocket serves.
pub(in crate::listen) fn upgrade_required(detail: &str) -> Response {
    let error = ErrorView::new(StatusCode::UPGRADE_REQUIRED, "upgrade_required", detail);
    let mut response = error.into_response();
    let headers = response.headers_mut();
    headers.insert(header::SEC_WEBSOCKET_VERSION, VERSION);
    // RFC 9110 asks for both in an answer with 426.
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    response
}

fn asks_for_websocket(headers: &HeaderMap) -> bool {
    let offered = headers.get_all(header::UPGRADE).iter().filter_map(|value| value.to_str().ok());
    offered.flat_map(|value| value.split(',')).any(|protocol| protocol.trim().eq_ignore_ascii_case("websocket"))
}
