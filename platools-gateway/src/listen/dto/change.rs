//! [`given`]: reads a member of a change, which may be left out, `null` or a text.

use serde::{Deserialize as _, Deserializer};

/// Reads a text of a change: `null` removes the present one, as an empty text does. Use it with `#[serde(default)]`, so that a member that
/// is left out changes nothing.
pub(in crate::listen) fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(Some(Option::deserialize(deserializer)?.unwrap_or_default()))
}
