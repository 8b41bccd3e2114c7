//! [`read_text`]: reads the body of a request as text, within limits of length and time. `MemoryBudget` counts its bytes.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::string::FromUtf8Error;
use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::http::StatusCode;
use futures::StreamExt as _;
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use tokio::time::timeout;

use crate::domain::decode::decode;
use crate::domain::surrogates::well_formed;
use crate::limits::{HeldBytes, MAX_BODY_BYTES, OverBudget};

/// A body is read so far before the connection is given up.
const MAX_DISCARDED_BYTES: usize = 8 * MAX_BODY_BYTES as usize;

/// The longest time for a body to arrive.
const UPLOAD: Duration = Duration::from_secs(30);

/// The longest pause of a body.
const STANDSTILL: Duration = Duration::from_secs(10);

/// The text of a body. Its bytes count against the gateway's budget until it is dropped.
#[derive(Debug)]
pub(in crate::listen) struct BodyText {
    text: String,
    held: HeldBytes,
}

impl BodyText {
    /// The text, and what to keep for as long as the text or a copy of it is there.
    pub(in crate::listen) fn into_parts(self) -> (String, HeldBytes) {
        (self.text, self.held)
    }
}

impl Deref for BodyText {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

/// The credential that a request came with: its share of the budget is what the body counts against.
#[derive(Debug, Clone)]
pub(in crate::listen) struct BodyOwner(pub(in crate::listen) String);

/// Reasons why there is no text, in words for the caller.
#[derive(Debug, thiserror::Error)]
pub(in crate::listen) enum BodyError {
    #[error("the body took too long to arrive")]
    TooSlow,
    #[error("the body is larger than {max_bytes} bytes")]
    TooLarge { max_bytes: usize },
    #[error("the body broke off: {0}")]
    BrokenOff(axum::Error),
    #[error("the body is not UTF-8: {0}")]
    NotText(FromUtf8Error),
    #[error(transparent)]
    Busy(#[from] OverBudget),
}

impl BodyError {
    /// The status of the answer, and the name of the error for programs.
    pub(super) fn status_and_code(&self) -> (StatusCode, &'static str) {
        match self {
            Self::TooSlow => (StatusCode::REQUEST_TIMEOUT, "upload_timeout"),
            Self::TooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "too_large"),
            Self::BrokenOff(_) | Self::NotText(_) => (StatusCode::BAD_REQUEST, "invalid_request"),
            Self::Busy(_) => (StatusCode::SERVICE_UNAVAILABLE, "busy"),
        }
    }

    /// The time to wait before the next try, where waiting helps.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        matches!(self, Self::Busy(_)).then_some(OverBudget::RETRY_AFTER)
    }
}

/// Reads one JSON object, or says what is wrong with it.
pub(in crate::listen) fn parse_object<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, String> {
    // A derived type also takes a list of its fields, which nobody means to send.
    if !text.trim_start().starts_with('{') {
        return Err("the body must be a JSON object".to_owned());
    }
    decode(text).map_err(|mistake| format!("the body is not what is expected here: {mistake}"))
}

/// An object inside a body: a derived type also takes a list of its fields there.
#[derive(Debug, Default)]
pub(in crate::listen) struct Object<T>(pub(in crate::listen) T);

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
///
/// # Errors
/// It is too long, too slow, no text, or the budget has no room for it.
pub(in crate::listen) async fn read_text(body: Body, held: HeldBytes, max_bytes: usize) -> Result<BodyText, BodyError> {
    let collected = timeout(UPLOAD, collect(body.into_data_stream(), held, max_bytes)).await;
    let (bytes, held) = collected.map_err(|_| BodyError::TooSlow)??;
    let text = String::from_utf8(bytes).map_err(BodyError::NotText)?;
    let text = match well_formed(&text) {
        Cow::Borrowed(_) => text,
        Cow::Owned(text) => text,
    };
    Ok(BodyText { text, held })
}

/// Collects a body.
///
/// Some of what is too much is read and thrown away: a client that is still sending may never see an answer that comes
/// before its body was read.
async fn collect(
    mut chunks: BodyDataStream,
    held: HeldBytes,
    max_bytes: usize,
) -> Result<(Vec<u8>, HeldBytes), BodyError> {
    let (mut kept, mut length) = (Some((Vec::new(), held)), 0);
    while let Some(chunk) = timeout(STANDSTILL, chunks.next()).await.map_err(|_| BodyError::TooSlow)? {
        let chunk = chunk.map_err(BodyError::BrokenOff)?;
        length += chunk.len();
        match &mut kept {
            Some((body, held)) if length <= max_bytes => {
                held.add(chunk.len())?;
                body.extend_from_slice(&chunk);
            }
            _ if length > MAX_DISCARDED_BYTES => break,
            _ => kept = None,
        }
    }
    kept.filter(|_| length <= max_bytes).ok_or(BodyError::TooLarge { max_bytes })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use futures::stream;
    use tokio::time::{Instant, sleep};

    use super::*;
    use crate::limits::{Limiter, Limits};

    fn body(chunks: usize, pause: Duration) -> Body {
        Body::from_stream(stream::unfold(chunks, move |left| async move {
            sleep(pause).await;
            (left > 0).then(|| (Ok::<_, std::io::Error>(Bytes::from_static(b"x")), left - 1))
        }))
    }

    async fn read(body: Body) -> Result<BodyText, BodyError> {
        read_text(body, Limiter::new(&Limits::default()).body_of("key_1".to_owned()), 100).await
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_stands_still_or_takes_too_long_is_given_up() {
        assert_eq!(&*read(body(3, Duration::from_secs(5))).await.unwrap(), "xxx");
        for (chunks, pause, seconds) in [(1, Duration::MAX / 2, 10), (9, Duration::from_secs(5), 30)] {
            let begun = Instant::now();
            assert!(matches!(read(body(chunks, pause)).await, Err(BodyError::TooSlow)));
            assert_eq!(begun.elapsed().as_secs(), seconds);
        }
    }
}
