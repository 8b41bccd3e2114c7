//! The params of a call, as the text they arrived in.

use std::fmt;

use serde::Serialize;
use tokio_tungstenite::tungstenite::Utf8Bytes;

/// The params of one call: the text of a JSON object, shared and never copied.
///
/// It is kept as the sender wrote it, because a signature covers its bytes and because decoding it once, straight into
/// the tool's types, is cheaper than any intermediate form. `Debug` shows only its length: params hold a caller's tokens.
#[derive(Clone)]
pub struct Params {
    // Text that counts its references; a frame off the socket is one already.
    text: Utf8Bytes,
    start: usize,
    end: usize,
}

impl Params {
    /// The part of a frame that holds the params.
    ///
    /// # Panics
    /// `params` is not a slice of `frame`.
    pub(crate) fn within(frame: &Utf8Bytes, params: &str) -> Self {
        let start = (params.as_ptr() as usize)
            .checked_sub(frame.as_str().as_ptr() as usize)
            .expect("params are a part of their frame");
        let end = start + params.len();
        assert!(end <= frame.len(), "params are a part of their frame");
        Self { text: frame.clone(), start, end }
    }

    /// Params made on this side; `value` serializes to a JSON object.
    ///
    /// # Errors
    /// `value` does not serialize.
    pub fn from_value<T: Serialize + ?Sized>(value: &T) -> serde_json::Result<Self> {
        serde_json::to_string(value).map(Self::from)
    }

    /// The text of the object.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text.as_str()[self.start..self.end]
    }
}

impl From<String> for Params {
    fn from(text: String) -> Self {
        let end = text.len();
        Self { text: text.into(), start: 0, end }
    }
}

impl fmt::Debug for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Params({} bytes)", self.end - self.start)
    }
}
