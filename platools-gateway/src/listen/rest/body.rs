//! The body of a request.

use std::sync::Arc;
use std::time::Duration;

use axum::body::BodyDataStream;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use futures::StreamExt as _;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::problem::{Problem, invalid};
use crate::core::Core;
use crate::core::limits::MAX_BODY_BYTES;

/// A body is read so far before the connection is given up.
const MAX_DISCARDED_BYTES: usize = 8 * MAX_BODY_BYTES as usize;

/// How long a body may take to arrive.
const UPLOAD: Duration = Duration::from_secs(30);

/// A body that is text.
pub(super) struct Text(pub(super) String);

impl FromRequest<Arc<Core>> for Text {
    type Rejection = Problem;

    async fn from_request(request: Request, core: &Arc<Core>) -> Result<Self, Problem> {
        let too_slow =
            |_| Problem::new(StatusCode::REQUEST_TIMEOUT, "upload_timeout", "the body took too long to arrive");
        let body = timeout(UPLOAD, collect(request.into_body().into_data_stream(), core.limiter().body_bytes()))
            .await
            .map_err(too_slow)??;
        String::from_utf8(body).map(Self).map_err(|error| invalid(format!("the body is not UTF-8: {error}")))
    }
}

/// A body that is one JSON object.
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<Arc<Core>> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, core: &Arc<Core>) -> Result<Self, Problem> {
        let Text(text) = Text::from_request(request, core).await?;
        parse(&text).map(Self)
    }
}

/// Reads one JSON object.
pub(super) fn parse<'a, T: serde::Deserialize<'a>>(text: &'a str) -> Result<T, Problem> {
    // A derived type also takes a list of its fields, which nobody means to send.
    if !text.trim_start().starts_with('{') {
        return Err(invalid("the body must be a JSON object"));
    }
    serde_json::from_str(text).map_err(|error| invalid(format!("the body is not what is expected here: {error}")))
}

/// Collects a body.
///
/// Some of what is too much is read and thrown away: a client that is still sending may never see an answer that comes
/// before its body was read.
async fn collect(mut chunks: BodyDataStream, max_bytes: usize) -> Result<Vec<u8>, Problem> {
    let (mut body, mut length) = (Vec::new(), 0);
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| invalid(format!("the body broke off: {error}")))?;
        length += chunk.len();
        if length <= max_bytes {
            body.extend_from_slice(&chunk);
        } else if length > MAX_DISCARDED_BYTES {
            break;
        }
    }
    if length > max_bytes {
        let detail = format!("the body is larger than {max_bytes} bytes");
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail));
    }
    Ok(body)
}
