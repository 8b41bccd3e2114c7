//! [`mended`]: a client's message with arguments in the form that the protocol's library reads.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use crate::tool::{object_in_text, well_formed};

/// The only member of arguments that are no object. The library would answer those without the request's id, so that the client waits for
/// ever.
pub(super) const NOT_AN_OBJECT: &str = "platools/notAnObject";

/// A message that certainly is no call is not looked at.
const CALL: &str = "tools/call";

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    method: Cow<'a, str>,
    #[serde(borrow)]
    params: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct CallParams<'a> {
    #[serde(borrow)]
    arguments: Option<&'a RawValue>,
}

/// The message with arguments as an object: those that were encoded a second time are opened, and other values are marked by
/// [`NOT_AN_OBJECT`]. Half characters become the replacement character: the library reads no text that has them.
pub(super) fn mended(message: &str) -> Cow<'_, str> {
    match well_formed(message) {
        Cow::Borrowed(message) => with_arguments(message).map_or(Cow::Borrowed(message), Cow::Owned),
        Cow::Owned(message) => Cow::Owned(with_arguments(&message).unwrap_or(message)),
    }
}

fn with_arguments(message: &str) -> Option<String> {
    if !message.contains(CALL) {
        return None;
    }
    let Message { method, params } = serde_json::from_str(message).ok()?;
    let params = params.filter(|params| method == CALL && params.get().starts_with('{'))?;
    let arguments = serde_json::from_str::<CallParams<'_>>(params.get()).ok()?.arguments?.get();
    if arguments.starts_with('{') || arguments == "null" {
        return None;
    }
    let object = object_in_text(arguments).unwrap_or_else(|| json!({ NOT_AN_OBJECT: true }).to_string());
    let begin = arguments.as_ptr().addr() - message.as_ptr().addr();
    let mut mended = message.to_owned();
    mended.replace_range(begin..begin + arguments.len(), &object);
    // A line break within the object would end a message on standard input.
    if object.contains(['\n', '\r']) { one_line(&mended) } else { Some(mended) }
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
        assert_eq!(mended(&call(r#""{\"a\": [1, \"é\"]}""#)), call(r#"{"a": [1, "é"]}"#));
        assert_eq!(mended(&call(r#""{\n  \"a\": 1\n}""#)), call(r#"{"a":1}"#));
        assert_eq!(mended(&call(r#""```json\n{\"a\":1}\n```""#)), call(r#"{"a":1}"#));
    }

    #[test]
    fn arguments_that_are_no_object_are_marked() {
        for arguments in ["[1]", "7", r#""text""#, r#""[1]""#, r#""""#] {
            assert_eq!(mended(&call(arguments)), call(r#"{"platools/notAnObject":true}"#), "{arguments}");
        }
    }

    #[test]
    fn other_messages_stay_as_they_are() {
        for message in [
            call(r#"{"a":"tools/call"}"#),
            call("null"),
            r#"{"method":"tools/list","params":{"arguments":"{}"}}"#.to_owned(),
            r#"{"method":"tools/call"}"#.to_owned(),
            r#"{"method":"tools/call","params":[1]}"#.to_owned(),
            "tools/call".to_owned(),
            "{".to_owned(),
        ] {
            assert!(matches!(mended(&message), Cow::Borrowed(same) if same == message), "{message}");
        }
        assert_eq!(mended(&call(r#"{"a":"\ud83c"}"#)), call(r#"{"a":"\ufffd"}"#));
    }
}
