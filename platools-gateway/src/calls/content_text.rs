//! [`legible`]: makes a result with several parts, such as texts and images, readable as text. The length of binary data takes the place of
//! the data.

use platools::tool::Content;
use platools_protocol::tool_sync::ToolDeclaration;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value, json};

use super::result_preview::{MAX_RESULT_BYTES, shortened};

/// Content with more bytes than this is replaced by a preview, as other results are far earlier: 4 MiB.
const MAX_CONTENT_BYTES: usize = 4 * 1024 * 1024;

/// The members of a part, or of the resource in it, that are base64.
const BINARY: [&str; 2] = ["data", "blob"];

/// True if a tool's results are content.
pub(crate) fn is_content(tool: &ToolDeclaration) -> bool {
    tool.output_schema.as_ref().is_some_and(Content::is_declared_by)
}

/// The longest result of a tool, in bytes.
pub(crate) fn max_bytes(tool: &ToolDeclaration) -> usize {
    if is_content(tool) { MAX_CONTENT_BYTES } else { MAX_RESULT_BYTES }
}

/// The readable part of content: its text if there is nothing else, otherwise its parts and its value, with the length of binary data
/// in place of the data. A result that is no content stays as it is.
pub(crate) fn legible(result: Box<RawValue>) -> Box<RawValue> {
    let Ok((mut content, value)) = Content::read::<Map<String, Value>>(result.get().as_bytes()) else {
        return shortened(result, MAX_RESULT_BYTES);
    };
    content.iter_mut().for_each(without_binary);
    let texts: Option<Vec<_>> = content.iter().map(|part| part.get("text")?.as_str()).collect();
    let legible = match (texts, value) {
        (Some(texts), None) => json!(texts.join("\n")),
        (_, None) => json!({"content": content}),
        (_, Some(value)) => json!({"content": content, "structuredContent": value}),
    };
    shortened(to_raw_value(&legible).expect("JSON always serializes"), MAX_RESULT_BYTES)
}

fn without_binary(part: &mut Map<String, Value>) {
    for name in BINARY {
        if let Some(Value::String(base64)) = part.shift_remove(name) {
            part.insert("bytes".to_owned(), json!(base64.trim_end_matches('=').len() * 3 / 4));
        }
    }
    if let Some(Value::Object(resource)) = part.get_mut("resource") {
        without_binary(resource);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(result: &Value) -> Value {
        serde_json::from_str(legible(to_raw_value(result).unwrap()).get()).unwrap()
    }

    #[test]
    fn texts_are_read_as_one() {
        let text = |text| json!({"type": "text", "text": text});
        assert_eq!(read(&json!({"content": [text("one"), text("two")]})), json!("one\ntwo"));
        assert_eq!(read(&json!("alone")), json!("alone"));
        let valued = json!({"content": [text("one")], "structuredContent": {"n": 1}});
        assert_eq!(read(&valued), valued);
    }

    #[test]
    fn binary_data_is_named_and_not_shown() {
        let read = read(&json!({"content": [
            {"type": "image", "mimeType": "image/png", "data": "AAA="},
            {"type": "resource", "resource": {"uri": "file:///a", "mimeType": "image/png", "blob": "AAAA"}},
            {"type": "resource", "resource": {"uri": "file:///b", "mimeType": "text/plain", "text": "b"}},
        ]}));
        assert_eq!(
            read,
            json!({"content": [
                {"type": "image", "mimeType": "image/png", "bytes": 2},
                {"type": "resource", "resource": {"uri": "file:///a", "mimeType": "image/png", "bytes": 3}},
                {"type": "resource", "resource": {"uri": "file:///b", "mimeType": "text/plain", "text": "b"}},
            ]})
        );
    }

    #[test]
    fn what_is_no_content_stays_and_what_is_too_long_is_shortened() {
        assert_eq!(read(&json!({"n": 7})), json!({"n": 7}));
        let long = "x".repeat(MAX_RESULT_BYTES + 1);
        assert_eq!(read(&json!({"content": [{"type": "text", "text": long}]}))["truncated"], true);
    }
}
