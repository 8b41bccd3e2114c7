//! [`Body`]: the extractor of a body that is one JSON object.

use std::sync::Arc;

use axum::extract::{FromRequest, Request};
use platools_protocol::runtime::{MAX_MESSAGE_BYTES, MAX_METADATA_BYTES};
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::failure::Failure;
use crate::core::Core;
use crate::listen::{BodyOwner, BodyText, parse_object, read_text};

/// A body that is one JSON object.
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<Arc<Core>> for Body<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, core: &Arc<Core>) -> Result<Self, Failure> {
        parse_object(&text(request, core).await?).map(Self).map_err(Failure::invalid)
    }
}

/// A body that is one JSON object, or is missing.
pub(super) struct OptionalBody<T>(pub(super) T);

impl<T: DeserializeOwned + Default> FromRequest<Arc<Core>> for OptionalBody<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, core: &Arc<Core>) -> Result<Self, Failure> {
        let text = text(request, core).await?;
        if matches!(text.trim(), "" | "null") {
            return Ok(Self(T::default()));
        }
        parse_object(&text).map(Self).map_err(Failure::invalid)
    }
}

async fn text(request: Request, core: &Core) -> Result<BodyText, Failure> {
    let sender = request.extensions().get::<BodyOwner>().cloned();
    let held = core.limiter.body_of(sender.map_or_else(String::new, |BodyOwner(credential)| credential));
    Ok(read_text(request.into_body(), held, core.limiter.body_bytes().min(MAX_MESSAGE_BYTES)).await?)
}

/// Reads metadata: a JSON object of bounded size, which all its receivers can read.
pub(super) fn metadata(given: Option<Box<RawValue>>) -> Result<Option<String>, Failure> {
    let Some(given) = given.filter(|given| given.get() != "null") else { return Ok(None) };
    let bytes = given.get().len();
    if bytes > MAX_METADATA_BYTES {
        return Err(Failure::invalid(format!("`metadata` has {bytes} bytes; at most {MAX_METADATA_BYTES} are kept")));
    }
    // Raw JSON may be deeper than anybody reads, and have strings that are none.
    match serde_json::from_str::<Map<String, Value>>(given.get()) {
        Ok(_) => Ok(Some(given.get().to_owned())),
        Err(error) => Err(Failure::invalid(format!("`metadata` must be a JSON object: {error}"))),
    }
}

/// Returns stored metadata as JSON.
pub(super) fn stored(metadata: String) -> Box<RawValue> {
    RawValue::from_string(metadata).unwrap_or_else(|_| RawValue::NULL.to_owned())
}
