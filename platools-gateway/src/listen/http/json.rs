//! [`json`]: makes an HTTP response with a JSON body.

use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use serde::Serialize;

/// A response with a JSON body.
pub(in crate::listen) fn json(body: &impl Serialize) -> Response {
    let body = serde_json::to_vec(body).expect("strings, numbers and raw JSON always serialize");
    let mut response = Response::new(Body::from(body));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
