//! What a client is told of a call's end.

use platools::mcp::TOOL_ERROR_META;
use platools::tool::Content;
use rmcp::model::{CallToolResult, ContentBlock, MetaObject};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::core::CallReply;
use crate::core::content::{ResultForm, legible};
use crate::core::error::Error;

/// A result. What is not as its tool says is shown as what went wrong, because clients refuse it otherwise.
pub(super) fn returned(reply: &CallReply, form: ResultForm) -> CallToolResult {
    let said = if form.is_content { Said::content(&reply.result) } else { Some(Said::value(&reply.result)) };
    let mut result = match said {
        Some(Said { content, value }) if !form.is_structured || value.is_some() => {
            let mut result = CallToolResult::success(content);
            result.structured_content = value.filter(|_| form.is_structured).map(Value::Object);
            result
        }
        _ => {
            let why = "the tool answered, but not with what its output schema says, or with more than is passed on:";
            let answer = text(&legible(reply.result.clone()));
            CallToolResult::error(vec![ContentBlock::text(why), ContentBlock::text(answer)])
        }
    };
    result.meta = Some(meta([("platools/callId", json!(reply.call_id.as_str()))]));
    result
}

/// What a result says to a model, and the object that it is or has.
struct Said {
    content: Vec<ContentBlock>,
    value: Option<Map<String, Value>>,
}

impl Said {
    fn value(result: &RawValue) -> Self {
        Self { content: vec![ContentBlock::text(text(result))], value: object(result) }
    }

    /// `None` if it is no content, or the preview of what is too long.
    fn content(result: &RawValue) -> Option<Self> {
        let (content, value) = Content::read(result.get().as_bytes()).ok()?;
        let value = value.and_then(|value| if let Value::Object(value) = value { Some(value) } else { None });
        Some(Self { content, value })
    }
}

/// The object that a result is; none if it is none, or the preview of one that is too long.
fn object(result: &RawValue) -> Option<Map<String, Value>> {
    let object: Map<String, Value> = serde_json::from_str(result.get()).ok()?;
    let is_preview = ["truncated", "preview", "original_bytes"].iter().all(|name| object.contains_key(*name));
    (!is_preview).then_some(object)
}

/// A result as text: JSON, or what a string says.
fn text(result: &RawValue) -> String {
    serde_json::from_str(result.get()).unwrap_or_else(|_| result.get().to_owned())
}

/// The end of a call that a model can do something about.
///
/// The facts of the tool are in the text for models and in `_meta` for programs. They are not structured content, which has to be what the
/// tool's output schema says.
pub(super) fn failed(error: &Error) -> CallToolResult {
    let (message, facts) = (error.to_string(), error.tool_error());
    let text = facts.map_or_else(|| message.clone(), |facts| facts.append_to(&message));
    let mut result = CallToolResult::error(vec![ContentBlock::text(text)]);
    let about =
        [("platools/code", json!(error.kind().code())), ("platools/retryable", json!(error.kind().is_retryable()))];
    let call_id = error.call_id().map(|id| ("platools/callId", json!(id.as_str())));
    let facts = facts.map(|facts| (TOOL_ERROR_META, json!(facts)));
    result.meta = Some(meta(about.into_iter().chain(call_id).chain(facts)));
    result
}

fn meta(members: impl IntoIterator<Item = (&'static str, Value)>) -> MetaObject {
    MetaObject(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(result: &str, is_content: bool, is_structured: bool) -> Value {
        let result = RawValue::from_string(result.to_owned()).unwrap();
        let reply = CallReply { call_id: "call-1".into(), result, latency_ms: 1 };
        let told = serde_json::to_value(returned(&reply, ResultForm { is_content, is_structured })).unwrap();
        assert_eq!(told["_meta"]["platools/callId"], "call-1");
        told
    }

    fn texts(texts: &[&str]) -> Value {
        texts.iter().map(|text| json!({"type": "text", "text": text})).collect()
    }

    #[test]
    fn a_string_is_shown_as_what_it_says_and_all_else_as_json() {
        assert_eq!(told(r#""two\nlines""#, false, false)["content"], texts(&["two\nlines"]));
        assert_eq!(told(r#"{"a":1.50}"#, false, false)["content"], texts(&[r#"{"a":1.50}"#]));
    }

    #[test]
    fn only_an_object_that_is_whole_is_structured() {
        let whole = told(r#"{"a":1}"#, false, true);
        assert_eq!((&whole["structuredContent"], &whole["isError"]), (&json!({"a": 1}), &json!(false)));
        for result in ["[1]", r#"{"truncated":true,"preview":"{","original_bytes":300000}"#] {
            let told = told(result, false, true);
            assert_eq!((told.get("structuredContent"), &told["isError"]), (None, &json!(true)));
            assert_eq!(told["content"][1]["text"], result);
        }
    }

    #[test]
    fn content_is_shown_part_by_part() {
        let parts = json!([
            {"type": "image", "data": "AA==", "mimeType": "image/png"},
            {"type": "resource", "resource": {"uri": "file:///a", "mimeType": "text/plain", "text": "a"}},
        ]);
        let result = json!({"content": parts, "structuredContent": {"n": 1}, "isError": true}).to_string();
        for (is_structured, value) in [(false, None), (true, Some(&json!({"n": 1})))] {
            let told = told(&result, true, is_structured);
            assert_eq!((&told["content"], &told["isError"]), (&parts, &json!(false)));
            assert_eq!(told.get("structuredContent"), value);
        }
        assert_eq!(told(r#""alone""#, true, false)["content"], texts(&["alone"]));
        for (result, is_structured) in
            [("7", false), (r#"{"content":[{"type":"smell"}]}"#, false), (r#"{"content":[]}"#, true)]
        {
            assert_eq!(told(result, true, is_structured)["isError"], true, "{result}");
        }
        let strange = r#"{"content":[{"type":"smell","data":"AAAA"}]}"#;
        let answer = told(strange, true, false);
        assert!(!answer.to_string().contains("AAAA"), "{answer}");
    }
}
