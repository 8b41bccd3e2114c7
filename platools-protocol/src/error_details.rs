//! [`ErrorDetails`]: holds the facts of a tool's error that programs read: the code, the flag `retryable` and the details. The error's
//! message is not among them.

use std::{fmt, io};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// Details have at most so many bytes as JSON: 64 KiB.
const MAX_DETAILS_BYTES: usize = 64 * 1024;

/// A code has at most so many characters.
const MAX_CODE_CHARS: usize = 128;

/// Codes that tell a reader no more than the message does.
const SAID_BY_THE_MESSAGE: [&str; 4] = ["failed", "internal", "invalid_arguments", "panicked"];

/// The facts that a tool gives with its failure, for programs: each is optional.
///
/// `Debug` does not show the details, which belong to the caller.
#[derive(Clone, PartialEq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ErrorDetails {
    /// A short word by which programs tell failures apart, such as `not_found`; at most 128 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The tool's claim that the same call may succeed later. The caller decides whether it may run twice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retryable: Option<bool>,
    /// Facts about the failure, at most 64 KiB as JSON; larger ones are left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<Value>,
}

impl ErrorDetails {
    /// The facts of a failure. Details that are too large are left out.
    #[must_use]
    pub fn new(code: &str, retryable: bool, details: Option<&Value>) -> Self {
        Self {
            code: Some(bounded(code)),
            retryable: Some(retryable),
            details: details.filter(|details| fits(details)).cloned(),
        }
    }

    /// Reads the three members of a frame. A member that is of another type, or too large, counts as absent.
    pub(crate) fn read(code: Option<&RawValue>, retryable: Option<&RawValue>, details: Option<&RawValue>) -> Self {
        let code = code.and_then(|code| serde_json::from_str::<String>(code.get()).ok());
        let details = details.filter(|details| details.get().len() <= MAX_DETAILS_BYTES);
        Self {
            code: code.filter(|code| !code.is_empty()).map(|code| bounded(&code)),
            retryable: retryable.and_then(|retryable| serde_json::from_str(retryable.get()).ok()),
            details: details.and_then(|details| serde_json::from_str(details.get()).ok()),
        }
    }

    /// Returns true if there are no details.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// A message with the facts behind it, as one line of JSON, for readers of text such as a model. Only the facts of
    /// [`telling`](Self::telling) are shown.
    #[must_use]
    pub fn append_to(&self, message: &str) -> String {
        let telling = self.telling();
        if telling.is_empty() { message.to_owned() } else { format!("{message}\n{}", Value::Object(telling)) }
    }

    /// The facts that tell a reader more than the message does. The codes `failed`, `internal`, `invalid_arguments` and `panicked` do not, and
    /// neither does a failure that is not retryable.
    #[must_use]
    pub fn telling(&self) -> Map<String, Value> {
        let code =
            self.code.as_deref().filter(|code| !SAID_BY_THE_MESSAGE.contains(code)).map(|code| ("code", code.into()));
        let retryable = self.retryable.filter(|retryable| *retryable).map(|retryable| ("retryable", retryable.into()));
        let details = self.details.clone().map(|details| ("details", details));
        [code, retryable, details].into_iter().flatten().map(|(name, fact)| (name.to_owned(), fact)).collect()
    }
}

impl fmt::Debug for ErrorDetails {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ErrorDetails")
            .field("code", &self.code)
            .field("retryable", &self.retryable)
            .field("has_details", &self.details.is_some())
            .finish()
    }
}

fn bounded(code: &str) -> String {
    code.chars().take(MAX_CODE_CHARS).collect()
}

/// True if details are not too large to be sent.
fn fits(details: &Value) -> bool {
    serde_json::to_writer(Room(MAX_DETAILS_BYTES), details).is_ok()
}

/// Takes so many bytes, and keeps none.
struct Room(usize);

impl io::Write for Room {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::StorageFull)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn details_that_are_too_large_are_left_out_and_nothing_else() {
        let fitting = json!("x".repeat(MAX_DETAILS_BYTES - 2));
        assert_eq!(ErrorDetails::new("c", true, Some(&fitting)).details, Some(fitting));
        let large = json!("x".repeat(MAX_DETAILS_BYTES - 1));
        let facts = ErrorDetails::new("c", true, Some(&large));
        assert_eq!((facts.code.as_deref(), facts.retryable, facts.details), (Some("c"), Some(true), None));
        assert_eq!(ErrorDetails::new(&"c".repeat(1000), true, None).code.map(|code| code.len()), Some(MAX_CODE_CHARS));
    }

    #[test]
    fn a_reader_of_text_gets_the_facts_that_tell_something() {
        assert_eq!(ErrorDetails::new("failed", false, None).append_to("no stock"), "no stock");
        let facts = ErrorDetails::new("too_few", true, Some(&json!({"left": 0})));
        let expected = "no stock\n{\"code\":\"too_few\",\"retryable\":true,\"details\":{\"left\":0}}";
        assert_eq!(facts.append_to("no stock"), expected);
    }

    #[test]
    fn debug_shows_no_details() {
        let shown = format!("{:?}", ErrorDetails::new("c", true, Some(&json!("hunter2"))));
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
