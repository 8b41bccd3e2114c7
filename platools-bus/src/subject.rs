//! [`Subject`]: names the address of messages, such as `gateway.a7.call`. A subscription receives the messages of exactly one subject.

use std::fmt;
use std::sync::Arc;

/// The address of a message, such as `gateway.a7.call`: names of letters, digits, `-` and `_`, separated by dots. A subscription receives the
/// messages of exactly one subject.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subject(Arc<str>);

impl Subject {
    /// Checks and makes a subject.
    ///
    /// # Errors
    /// The text is empty, longer than 200 bytes, or has an empty name or another character.
    pub fn new(text: &str) -> Result<Self, InvalidSubject> {
        let is_valid = text.len() <= MAX_BYTES && text.split('.').all(is_name);
        if is_valid { Ok(Self(text.into())) } else { Err(InvalidSubject(text.chars().take(MAX_BYTES).collect())) }
    }

    /// The text of the subject.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text that is no [`Subject`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidSubject(String);

impl fmt::Display for InvalidSubject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} is no subject: use names of letters, digits, `-` and `_`, separated by dots, at most {MAX_BYTES} bytes",
            self.0
        )
    }
}

impl std::error::Error for InvalidSubject {}

const MAX_BYTES: usize = 200;

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_separated_by_dots_are_subjects() {
        for text in ["a", "gateway.A-7_x.call", &"x".repeat(200)] {
            assert_eq!(Subject::new(text).unwrap().as_str(), text);
        }
        for text in ["", ".", "a.", ".a", "a..b", "a.*", "a.>", "a b", "a\r\nPUB b", "größe", &"x".repeat(201)] {
            let error = Subject::new(text).unwrap_err().to_string();
            assert!(error.contains("is no subject: use names of letters"), "{error}");
        }
    }
}
