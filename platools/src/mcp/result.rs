//! [`ReturnedJson`]: converts the result of a tool into the result of the MCP method `tools/call`.
//!
//! Clients check the member `structuredContent` against the tool's output schema. They discard a whole answer whose member does not fit or
//! is missing, but they check nothing in an error. So a result that does not fit its own schema is sent as an error, with the result as
//! text.

use rmcp::model::{CallToolResult, ContentBlock, MetaObject};
use serde_json::{Map, Value, json};

use super::TOOL_ERROR_META;
use super::revision::Revision;
use crate::tool::{Content, ResultRule};
use platools_protocol::ErrorDetails;

/// The code of a result that breaks the output schema of its tool.
const BROKEN_SCHEMA: &str = "result_breaks_schema";

/// A tool's result before it is written for a client.
#[derive(Debug, Clone, Copy)]
pub struct ReturnedJson<'a> {
    /// The name of the tool, for the log.
    pub tool: &'a str,
    /// The rule of the tool.
    pub rule: &'a ResultRule,
    /// The revision that the client speaks.
    pub revision: Revision,
}

impl ReturnedJson<'_> {
    /// The answer for a client, of the result's JSON text. `legible` shortens a result that should have parts and cannot be read.
    #[must_use]
    pub fn answer(self, json: String, legible: impl FnOnce(String) -> String) -> CallToolResult {
        let parts = if self.rule.is_content() { Parts::of_content(json) } else { Parts::of_value(json) };
        match parts {
            Ok(parts) => self.checked(parts),
            Err((problem, text)) => self.broken(&problem, vec![ContentBlock::text(legible(text))]),
        }
    }

    fn checked(self, Parts { content, value }: Parts) -> CallToolResult {
        let content: Vec<_> = content.into_iter().map(|block| self.revision.content(block)).collect();
        if !self.rule.is_structured() || !self.revision.has_structured_content() {
            let value = value.filter(|_| self.rule.is_content() && self.rule.is_structured());
            return success(with_value(content, value), None);
        }
        let problem = match &value {
            Some(value) if value.is_object() => self.rule.check(value).err(),
            Some(_) => Some("it is no object".to_owned()),
            None => Some("it has no `structuredContent`".to_owned()),
        };
        match problem {
            None => success(content, value),
            Some(problem) => {
                let value = value.filter(|_| self.rule.is_content());
                self.broken(&problem, with_value(content, value))
            }
        }
    }

    fn broken(self, problem: &str, content: Vec<ContentBlock>) -> CallToolResult {
        // The violation does not repeat the value.
        if self.rule.is_first_misfit() {
            tracing::warn!(
                tool.name = self.tool,
                problem,
                "result does not fit the tool's output schema; clients get it as an error with text"
            );
        }
        let why = format!(
            "The tool ran, and its result follows. It is marked as an error because it does not fit the output schema that the tool \
             declares ({problem}); another call does not change that."
        );
        let mut result = CallToolResult::error([vec![ContentBlock::text(why)], content].concat());
        result.meta = Some(meta(&ErrorDetails::new(BROKEN_SCHEMA, false, None)));
        result
    }
}

fn success(content: Vec<ContentBlock>, value: Option<Value>) -> CallToolResult {
    let mut result = CallToolResult::success(content);
    result.structured_content = value;
    result
}

/// Content with a value behind it, as text.
fn with_value(mut content: Vec<ContentBlock>, value: Option<Value>) -> Vec<ContentBlock> {
    content.extend(value.map(|value| ContentBlock::text(value.to_string())));
    content
}

/// The result of a call that failed, for a model that may do better. The facts of the tool are in the text for models and in `_meta` for
/// programs; structured content has to fit the tool's output schema.
#[must_use]
pub fn failed(message: &str, facts: Option<&ErrorDetails>) -> CallToolResult {
    let text = facts.map_or_else(|| message.to_owned(), |facts| facts.append_to(message));
    let mut result = CallToolResult::error(vec![ContentBlock::text(text)]);
    result.meta = facts.map(meta);
    result
}

fn meta(facts: &ErrorDetails) -> MetaObject {
    MetaObject(Map::from_iter([(TOOL_ERROR_META.to_owned(), json!(facts))]))
}

/// The parts of a result for a model, and the value that it is or has.
struct Parts {
    content: Vec<ContentBlock>,
    value: Option<Value>,
}

impl Parts {
    /// A single value. Its text is the tool's own JSON; a string is its own text.
    fn of_value(json: String) -> Result<Self, (String, String)> {
        match serde_json::from_str(&json) {
            Ok(Value::String(text)) => Ok(Self { value: Some(Value::Null), content: vec![ContentBlock::text(text)] }),
            Ok(value) => Ok(Self { value: Some(value), content: vec![ContentBlock::text(json)] }),
            Err(error) => Err((format!("it cannot be read: {error}"), json)),
        }
    }

    fn of_content(json: String) -> Result<Self, (String, String)> {
        match Content::read(json.as_bytes()) {
            Ok((content, value)) => Ok(Self { content, value }),
            Err(error) => Err((format!("it is no content of the protocol: {error}"), json)),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::to_value;

    use super::*;
    use crate::tool::ToolDefinition;

    const NEWEST: Revision = Revision::V2025_11_25;

    fn told(output_schema: Value, revision: Revision, result: &Value) -> Value {
        let mut tool = ToolDefinition::new("t", "Do it.", json!({ "type": "object" }));
        tool.output_schema = Some(output_schema);
        let returned = ReturnedJson { tool: "t", rule: &ResultRule::of(&tool), revision };
        to_value(returned.answer(result.to_string(), |text| text)).expect("JSON")
    }

    fn units() -> Value {
        json!({ "type": "object", "properties": { "units": { "type": "integer" } }, "required": ["units"] })
    }

    #[test]
    fn a_text_is_itself_and_anything_else_is_json() {
        for (value, text) in [(json!("hi \"you\""), "hi \"you\""), (json!([1, 2]), "[1,2]"), (json!(null), "null")] {
            let told = told(json!({ "type": ["string", "array", "null"] }), NEWEST, &value);
            assert_eq!(told["content"], json!([{ "type": "text", "text": text }]));
            assert_eq!((&told["isError"], told.get("structuredContent")), (&json!(false), None));
        }
    }

    #[test]
    fn an_object_that_fits_is_structured_too() {
        let told = told(units(), NEWEST, &json!({ "units": 3 }));
        assert_eq!(
            (&told["structuredContent"], &told["content"][0]["text"]),
            (&json!({ "units": 3 }), &json!(r#"{"units":3}"#))
        );
        assert_eq!(told["isError"], false);
    }

    #[test]
    fn a_result_that_breaks_its_schema_is_an_error_with_the_result_as_text_and_is_not_structured() {
        for (result, problem) in [
            (json!({ "units": "three" }), "/units: the value is not of type \"integer\""),
            (json!({}), "\"units\" is a required property"),
            (json!([1]), "it is no object"),
            (json!("three"), "it is no object"),
        ] {
            let told = told(units(), NEWEST, &result);
            assert_eq!((&told["isError"], told.get("structuredContent")), (&json!(true), None));
            let why = told["content"][0]["text"].as_str().expect("a text");
            assert!(why.contains(problem) && why.contains("The tool ran"), "{why}");
            let text = result.as_str().map_or_else(|| result.to_string(), str::to_owned);
            assert_eq!(told["content"][1]["text"], text);
            assert_eq!(told["_meta"][TOOL_ERROR_META]["code"], BROKEN_SCHEMA);
        }
    }

    #[test]
    fn content_is_shown_part_by_part_with_its_value() {
        let mut schema = Content::schema();
        schema["properties"]["structuredContent"] = units();
        let parts =
            json!([{ "type": "text", "text": "see:" }, { "type": "image", "data": "AA==", "mimeType": "image/png" }]);
        let result = |value: Value| json!({ "content": parts, "structuredContent": value });
        let fits = told(schema.clone(), NEWEST, &result(json!({ "units": 3 })));
        assert_eq!((&fits["content"], &fits["structuredContent"]), (&parts, &json!({ "units": 3 })));
        let breaks = told(schema.clone(), NEWEST, &result(json!({ "units": "3" })));
        assert_eq!((&breaks["isError"], breaks.get("structuredContent")), (&json!(true), None));
        assert_eq!((&breaks["content"][2], &breaks["content"][3]["text"]), (&parts[1], &json!(r#"{"units":"3"}"#)));
        assert_eq!(told(schema, NEWEST, &json!({ "content": parts }))["isError"], true);
        let plain = told(Content::schema(), NEWEST, &json!("alone"));
        assert_eq!(plain["content"], json!([{ "type": "text", "text": "alone" }]));
        assert_eq!(told(Content::schema(), NEWEST, &json!(7))["content"][1]["text"], "7");
    }

    #[test]
    fn revisions_without_structured_content_have_all_of_it_as_text_and_no_error() {
        let mut schema = Content::schema();
        schema["properties"]["structuredContent"] = units();
        for revision in Revision::ALL {
            let has = revision.has_structured_content();
            let value = told(units(), revision, &json!({ "units": 3 }));
            assert_eq!((value.get("structuredContent").is_some(), &value["isError"]), (has, &json!(false)));
            assert_eq!(value["content"][0]["text"], r#"{"units":3}"#);
            let breaks = told(units(), revision, &json!({ "units": "three" }));
            assert_eq!(breaks["isError"], has, "no schema is shown that it could break");
            let result = json!({ "content": [], "structuredContent": { "units": 3 } });
            let content = told(schema.clone(), revision, &result);
            let text = json!([{ "type": "text", "text": r#"{"units":3}"# }]);
            assert_eq!(content["content"], if has { json!([]) } else { text }, "{revision:?}");
        }
    }
}
