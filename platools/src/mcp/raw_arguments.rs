//! [`MessageHead`]: finds the method and the unparsed arguments in a client's message, before the MCP library `rmcp` parses it.
//! [`with_part`] puts other arguments in their place.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

/// The parts of a message that are read before the library reads it.
#[derive(Debug, Deserialize)]
pub struct MessageHead<'a> {
    #[serde(borrow)]
    method: Option<Cow<'a, str>>,
    #[serde(borrow)]
    params: Option<&'a RawValue>,
}

impl<'a> MessageHead<'a> {
    /// Reads the head of a message.
    ///
    /// # Errors
    /// The text is no JSON, or no single message, or has a member twice.
    pub fn read(text: &'a str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// The arguments of a `tools/call`, if it has some; `None` for another message.
    ///
    /// # Errors
    /// The params have a member twice.
    pub fn call(&self) -> Result<Option<Option<&'a RawValue>>, serde_json::Error> {
        if self.method.as_deref() != Some("tools/call") {
            return Ok(None);
        }
        let Some(params) = self.params.filter(|params| params.get().starts_with('{')) else { return Ok(Some(None)) };
        let CallParams { arguments } = serde_json::from_str(params.get())?;
        Ok(Some(arguments))
    }
}

/// The message with another value in place of `part`, which is a slice of it.
#[must_use]
pub fn with_part(message: &str, part: &str, value: &str) -> String {
    let begin = part.as_ptr().addr() - message.as_ptr().addr();
    [&message[..begin], value, &message[begin + part.len()..]].concat()
}

#[derive(Deserialize)]
struct CallParams<'a> {
    #[serde(borrow)]
    arguments: Option<&'a RawValue>,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The arguments of a call; `none` if it has none, and `None` if the message is no call.
    fn arguments(text: &str) -> Option<String> {
        let call = MessageHead::read(text).expect("a message").call().expect("no member twice")?;
        Some(call.map_or("none".to_owned(), |arguments| arguments.get().to_owned()))
    }

    #[test]
    fn arguments_stay_as_they_were_written() {
        let text =
            r#"{"method":"tools/call","params":{"name":"t","arguments":{"n":1.50e400,"b":123456789012345678901234}}}"#;
        assert_eq!(arguments(text).as_deref(), Some(r#"{"n":1.50e400,"b":123456789012345678901234}"#));
        for text in [
            r#"{"method":"tools/call","params":{"name":"t"}}"#,
            r#"{"method":"tools/call","params":[1]}"#,
            r#"{"method":"tools/call"}"#,
        ] {
            assert_eq!(arguments(text).as_deref(), Some("none"), "{text}");
        }
        assert_eq!(arguments(r#"{"method":"tools/list","params":{"arguments":{}}}"#), None);
        let head = MessageHead::read(text).expect("a message").call().expect("a call").flatten().expect("arguments");
        assert_eq!(
            with_part(text, head.get(), "{}"),
            r#"{"method":"tools/call","params":{"name":"t","arguments":{}}}"#
        );
    }

    #[test]
    fn a_message_that_two_readers_might_read_differently_is_refused() {
        for text in ["[]", "{", r#"{"method":"a","method":"tools/call"}"#] {
            assert!(MessageHead::read(text).is_err(), "{text}");
        }
        let twice = r#"{"method":"tools/call","params":{"arguments":{},"arguments":{"a":1}}}"#;
        assert!(MessageHead::read(twice).expect("one method").call().is_err());
    }
}
