//! The params of a call, as the text they arrived in.

use std::fmt;

use serde::{Deserialize, Serialize};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::error::{ToolError, code};

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

    /// The arguments as a value of a type of one's own.
    ///
    /// The platform's envelopes `__platos` and `_context` stand beside the arguments, so the type has to allow fields it does
    /// not know, as serde's derive does.
    ///
    /// ```
    /// use platools::tool::Params;
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Arguments {
    ///     city: String,
    /// }
    ///
    /// let params = Params::from(r#"{"city":"Bern","__platos":{"userId":"u-1"}}"#.to_owned());
    /// assert_eq!(params.deserialize::<Arguments>()?.city, "Bern");
    /// # Ok::<(), platools::ToolError>(())
    /// ```
    ///
    /// # Errors
    /// They do not fit the type: [`code::INVALID_ARGUMENTS`].
    pub fn deserialize<'de, T: Deserialize<'de>>(&'de self) -> Result<T, ToolError> {
        serde_json::from_str(self.as_str())
            .map_err(|error| ToolError::new(format!("invalid arguments: {error}")).with_code(code::INVALID_ARGUMENTS))
    }

    /// The text of the object, byte for byte as it came. The envelopes in it may hold tokens: keep it out of logs.
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
