//! [`repaired`]: repairs two mistakes in a client's message for which the MCP library `rmcp` would refuse it: arguments as JSON in a
//! string, and halves of characters (lone surrogates).

use std::borrow::Cow;

use crate::mcp::{MessageHead, with_part};
use crate::tool::{object_in_text, well_formed};

/// The method of calls. A message without it is not read.
const CALL: &str = "tools/call";

/// The message with arguments as an object, also those that were encoded a second time. Lone surrogates become the replacement
/// character: the library reads no text that has them.
pub(super) fn repaired(message: &str) -> Cow<'_, str> {
    match well_formed(message) {
        Cow::Borrowed(message) => with_arguments(message).map_or(Cow::Borrowed(message), Cow::Owned),
        Cow::Owned(message) => Cow::Owned(with_arguments(&message).unwrap_or(message)),
    }
}

fn with_arguments(message: &str) -> Option<String> {
    if !message.contains(CALL) {
        return None;
    }
    let arguments = MessageHead::read(message).ok()?.call().ok()???.get();
    let object = object_in_text(arguments)?;
    let repaired = with_part(message, arguments, &object);
    // A line break within the object would end a message on standard input.
    if object.contains(['\n', '\r']) { one_line(&repaired) } else { Some(repaired) }
}

fn one_line(message: &str) -> Option<String> {
    let value: serde_json::Value = serde_json::from_str(message).ok()?;
    Some(value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(arguments: &str) -> String {
        format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"t","arguments":{arguments},"_meta":{{}}}}}}"#
        )
    }

    #[test]
    fn arguments_that_were_encoded_a_second_time_are_opened() {
        assert_eq!(repaired(&call(r#""{\"a\": [1, \"é\"]}""#)), call(r#"{"a": [1, "é"]}"#));
        assert_eq!(repaired(&call(r#""{\n  \"a\": 1\n}""#)), call(r#"{"a":1}"#));
        assert_eq!(repaired(&call(r#""```json\n{\"a\":1}\n```""#)), call(r#"{"a":1}"#));
    }

    #[test]
    fn other_messages_stay_as_they_are() {
        for message in [
            call(r#"{"a":"tools/call"}"#),
            call("null"),
            call("[1]"),
            call(r#""text""#),
            r#"{"method":"tools/list","params":{"arguments":"{}"}}"#.to_owned(),
            r#"{"method":"tools/call"}"#.to_owned(),
            r#"{"method":"tools/call","params":[1]}"#.to_owned(),
            "tools/call".to_owned(),
            "{".to_owned(),
        ] {
            assert!(matches!(repaired(&message), Cow::Borrowed(same) if same == message), "{message}");
        }
        assert_eq!(repaired(&call(r#"{"a":"\ud83c"}"#)), call(r#"{"a":"\ufffd"}"#));
    }
}
