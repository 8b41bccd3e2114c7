//! [`layer`]: adds the CORS headers with which a browser lets a web page read the response.

use std::time::Duration;

use axum::http::{HeaderName, Method, header};
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};

/// The time that a browser may remember a preflight.
const MAX_AGE: Duration = Duration::from_secs(10 * 60);

/// Response headers that scripts read.
const EXPOSED: [HeaderName; 7] = [
    header::ETAG,
    header::RETRY_AFTER,
    header::WWW_AUTHENTICATE,
    header::LOCATION,
    HeaderName::from_static("x-request-id"),
    HeaderName::from_static("mcp-session-id"),
    HeaderName::from_static("mcp-protocol-version"),
];

/// Grants the page that asks all that a program may do. The guard has checked the page's origin before, so the layer repeats it. It grants no
/// credentials of the browser: a page sends its key itself, and the cookie of a session is for the gateway's own pages.
pub(super) fn layer() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(AllowOrigin::mirror_request())
        .allow_methods([Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers(AllowHeaders::mirror_request())
        // A page from the internet may be allowed to use a gateway in a private network.
        .allow_private_network(true)
        .expose_headers(EXPOSED)
        .max_age(MAX_AGE)
}
