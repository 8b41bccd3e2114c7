//! [`challenge`]: the response to a client with a missing or wrong credential.
//!
//! It names no metadata of RFC 9728. The gateway accepts its own keys and tokens only, and a client that finds metadata would begin an
//! OAuth sign-in that cannot succeed.

use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;

use super::errors::refusal;
use crate::domain::error::Error;

/// Refuses a request; one without a valid credential is asked for it.
pub(super) fn challenge(parts: &Parts, error: &Error) -> Response {
    let mut response = refusal(error);
    if response.status() == StatusCode::UNAUTHORIZED {
        let is_wrong = parts.headers.contains_key(header::AUTHORIZATION);
        let challenge = if is_wrong { "Bearer error=\"invalid_token\"" } else { "Bearer" };
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    }
    response
}
