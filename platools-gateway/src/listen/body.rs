//! The body of a request, as text.

use std::fmt;
use std::marker::PhantomData;
use std::string::FromUtf8Error;
use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::http::StatusCode;
use futures::StreamExt as _;
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use tokio::time::timeout;

use crate::core::limits::MAX_BODY_BYTES;

/// A body is read so far before the connection is given up.
const MAX_DISCARDED_BYTES: usize = 8 * MAX_BODY_BYTES as usize;

/// How long a body may take to arrive.
const UPLOAD: Duration = Duration::from_secs(30);

/// Why there is no text; what the caller is told.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unread {
    #[error("the body took too long to arrive")]
    TooSlow,
    #[error("the body is larger than {max_bytes} bytes")]
    TooLarge { max_bytes: usize },
    #[error("the body broke off: {0}")]
    BrokenOff(axum::Error),
    #[error("the body is not UTF-8: {0}")]
    NotText(FromUtf8Error),
}

impl Unread {
    /// How it is answered: the status, and the name for programs.
    pub(super) fn status_and_code(&self) -> (StatusCode, &'static str) {
        match self {
            Self::TooSlow => (StatusCode::REQUEST_TIMEOUT, "upload_timeout"),
            Self::TooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "too_large"),
            Self::BrokenOff(_) | Self::NotText(_) => (StatusCode::BAD_REQUEST, "invalid_request"),
        }
    }
}

/// Reads one JSON object, or says what is wrong with it.
pub(super) fn parse_object<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, String> {
    // A derived type also takes a list of its fields, which nobody means to send.
    if !text.trim_start().starts_with('{') {
        return Err("the body must be a JSON object".to_owned());
    }
    serde_json::from_str(text).map_err(|error| format!("the body is not what is expected here: {error}"))
}

/// What has to be an object inside a body: a derived type also takes a list of its fields there.
#[derive(Debug, Default)]
pub(super) struct Object<T>(pub(super) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
            type Value = T;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<T, A::Error> {
                T::deserialize(MapAccessDeserializer::new(members))
            }
        }

        deserializer.deserialize_map(Members(PhantomData)).map(Self)
    }
}

/// Reads a body that is text.
pub(super) async fn read_text(body: Body, max_bytes: usize) -> Result<String, Unread> {
    let body = timeout(UPLOAD, collect(body.into_data_stream(), max_bytes)).await.map_err(|_| Unread::TooSlow)??;
    String::from_utf8(body).map_err(Unread::NotText)
}

/// Collects a body.
///
/// Some of what is too much is read and thrown away: a client that is still sending may never see an answer that comes
/// before its body was read.
async fn collect(mut chunks: BodyDataStream, max_bytes: usize) -> Result<Vec<u8>, Unread> {
    let (mut body, mut length) = (Vec::new(), 0);
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(Unread::BrokenOff)?;
        length += chunk.len();
        if length <= max_bytes {
            body.extend_from_slice(&chunk);
        } else if length > MAX_DISCARDED_BYTES {
            break;
        }
    }
    if length > max_bytes { Err(Unread::TooLarge { max_bytes }) } else { Ok(body) }
}
