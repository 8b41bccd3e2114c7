//! [`Fields`]: reads the members of the frequent frames about calls, in one pass and without copies. [`whole`] reads any rarer frame, and
//! [`of_call`] a rarer frame that has the id of a call.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::camel_case::{self, Spelled, Spelling};
use super::frame_error::{FrameError, malformed, malformed_at};
use crate::json_members::{PlainMembers, pick, string};

/// The members of the frames that travel once per call, read in one pass and borrowed from the text.
///
/// An internally tagged enum would buffer the whole frame in an intermediate value before it knew the variant. A member of the wrong type
/// counts as missing, so that it spoils neither the type of the frame nor a usable call id. Of a repeated key the last one counts, as in
/// JavaScript and Python.
///
/// Peers may write names in camel case, as the protocol's first description does. Such names are read and never sent; the
/// usual spelling wins where a frame has both.
#[derive(Default)]
pub(super) struct Fields<'a> {
    kind: Option<Cow<'a, str>>,
    call_id: Option<Cow<'a, str>>,
    tool_name: Option<Cow<'a, str>>,
    pub(super) params: Option<&'a RawValue>,
    pub(super) result: Option<&'a RawValue>,
    latency_ms: Option<&'a RawValue>,
}

impl<'a> Fields<'a> {
    /// Reads the fields of one frame, and its `type`.
    pub(super) fn read(text: &'a str) -> Result<(Cow<'a, str>, Self), FrameError> {
        let mut fields = Self::read_plain(text).map_or_else(|| Self::read_any(text), Ok)?;
        let kind = fields.kind.take().ok_or(FrameError::NoType)?;
        Ok((kind, fields))
    }

    /// Reads a frame of the usual form: no escapes in names and ids, and no second spelling.
    fn read_plain(text: &'a str) -> Option<Self> {
        let mut members = PlainMembers::of(text)?;
        let mut fields = Self::default();
        while members.has_next() {
            match members.name()? {
                "type" => fields.kind = Some(Cow::Borrowed(members.text()?)),
                "call_id" => fields.call_id = Some(Cow::Borrowed(members.text()?)),
                "tool_name" => fields.tool_name = Some(Cow::Borrowed(members.text()?)),
                "params" => fields.params = Some(members.value()?),
                "result" => fields.result = Some(members.value()?),
                "latency_ms" => fields.latency_ms = Some(members.value()?),
                "callId" | "toolName" | "latencyMs" => return None,
                _ => drop(members.value()?),
            }
        }
        members.end()?;
        Some(fields)
    }

    /// Reads a frame of any form.
    fn read_any(text: &'a str) -> Result<Self, FrameError> {
        let names =
            ["type", "call_id", "callId", "tool_name", "toolName", "params", "result", "latency_ms", "latencyMs"];
        let [kind, call_id, call_id_camel, tool_name, tool_name_camel, params, result, latency_ms, latency_ms_camel] =
            pick(text, names).map_err(FrameError::NotAnObject)?;
        let chosen = |first, other| Spelled { first, other }.chosen();
        Ok(Self {
            kind: kind.and_then(string),
            call_id: chosen(call_id, call_id_camel).and_then(string),
            tool_name: chosen(tool_name, tool_name_camel).and_then(string),
            params,
            result,
            latency_ms: chosen(latency_ms, latency_ms_camel),
        })
    }

    /// The call id, if it is a string that is not empty.
    pub(super) fn call_id(&self) -> Option<Cow<'a, str>> {
        self.call_id.clone().filter(|id| !id.is_empty())
    }

    /// The call id; a frame of that kind cannot do without.
    pub(super) fn required_call_id(&self, kind: &'static str) -> Result<Cow<'a, str>, FrameError> {
        self.call_id().ok_or_else(|| malformed(kind, None, "`call_id` must be a string that is not empty"))
    }

    /// The tool name, if it is a string that is not empty.
    pub(super) fn tool_name(&self) -> Option<Cow<'a, str>> {
        self.tool_name.clone().filter(|name| !name.is_empty())
    }

    /// The time that the worker took in milliseconds, if it is a whole number.
    pub(super) fn latency_ms(&self) -> Option<u64> {
        self.latency_ms.and_then(|raw| serde_json::from_str(raw.get()).ok())
    }
}

/// Reads a frame that travels rarely, all of it, into its own type. `spellings` has all its members; it is empty if none has a second
/// spelling.
pub(super) fn whole<'a, T: Deserialize<'a>>(
    kind: &'static str,
    text: &'a str,
    spellings: &'static [Spelling],
) -> Result<T, FrameError> {
    camel_case::read(text, spellings).map_err(|error| malformed_at(kind, None, &error))
}

/// Reads a frame about one call, whose id is kept even where the rest does not fit.
pub(super) fn of_call<'a, T: Deserialize<'a>>(
    kind: &'static str,
    fields: &Fields<'a>,
    text: &'a str,
    spellings: &'static [Spelling],
) -> Result<(Cow<'a, str>, T), FrameError> {
    let call_id = fields.required_call_id(kind)?;
    match camel_case::read(text, spellings) {
        Ok(frame) => Ok((call_id, frame)),
        Err(error) => Err(malformed_at(kind, Some(call_id), &error)),
    }
}

/// True if a raw value is a JSON object.
pub(super) fn is_object(raw: &RawValue) -> bool {
    raw.get().starts_with('{')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same text, read both ways.
    fn read_twice(text: &str) -> [Option<String>; 2] {
        let shown = |fields: Fields<'_>| {
            let Fields { kind, call_id, tool_name, params, result, latency_ms } = fields;
            format!("{kind:?} {call_id:?} {tool_name:?} {params:?} {result:?} {latency_ms:?}")
        };
        [Fields::read_plain(text).map(shown), Fields::read_any(text).ok().map(shown)]
    }

    #[test]
    fn a_frame_of_the_usual_form_is_read_as_any_other() {
        for text in [
            "{}",
            " {\n} \t\r",
            r#"{"type":"tool_call","call_id":"c","tool_name":"add","params":{"a":[1,{"b":"}"}]}}"#,
            r#"{ "params" : {"a": 2} , "tool_name" : "größe" , "call_id":"" , "type" : "tool_call" }"#,
            r#"{"type":"a","type":"tool_result","result":"text","result":-1.5e3,"latency_ms":12,"more":{"type":"x"}}"#,
            r#"{"type":"tool_result","result":null,"latency_ms":"7","other":"\u00e9","params":true}"#,
        ] {
            let [plain, any] = read_twice(text);
            assert!(plain.is_some() && plain == any, "{text}: {plain:?}, {any:?}");
        }
    }

    #[test]
    fn other_forms_are_left_to_the_general_way() {
        for text in [
            "",
            "[]",
            "{",
            "{}}",
            "{,}",
            r#"{"a"}"#,
            r#"{"a":1 "b":2}"#,
            r#"{"a":1,}"#,
            r#"{"a":1}x"#,
            r#"{"params":{"a":tru}}"#,
            r#"{"params":{"a":1]}"#,
            "{\"call_id\":\"a\nb\"}",
            r#"{"call_id":"a"#,
            r#"{"call_id":7}"#,
            r#"{"type":null}"#,
            r#"{"callId":"c"}"#,
            r#"{"c\u0061ll_id":"c"}"#,
            r#"{"call_id":"\u0061"}"#,
        ] {
            assert_eq!(read_twice(text)[0], None, "{text}");
        }
    }
}
