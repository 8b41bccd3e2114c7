//! Functions that check the metadata of sessions, channels and messages. The gateway stores metadata and does not use it.

use platools_protocol::runtime::MAX_METADATA_BYTES;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::listen::http::ErrorView;

/// Reads metadata: a JSON object of bounded size, which all its receivers can read.
pub(super) fn metadata(given: Option<Box<RawValue>>) -> Result<Option<String>, ErrorView> {
    let Some(given) = given.filter(|given| given.get() != "null") else { return Ok(None) };
    let bytes = given.get().len();
    if bytes > MAX_METADATA_BYTES {
        return Err(ErrorView::invalid(format!("`metadata` has {bytes} bytes; at most {MAX_METADATA_BYTES} are kept")));
    }
    // Raw JSON may be deeper than a reader allows, and have strings that are not valid.
    match serde_json::from_str::<Map<String, Value>>(given.get()) {
        Ok(_) => Ok(Some(given.get().to_owned())),
        Err(error) => Err(ErrorView::invalid(format!("`metadata` must be a JSON object: {error}"))),
    }
}

/// Returns stored metadata as JSON.
pub(super) fn stored(metadata: String) -> Box<RawValue> {
    RawValue::from_string(metadata).unwrap_or_else(|_| RawValue::NULL.to_owned())
}
