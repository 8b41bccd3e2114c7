//! What a client is told of a call's end.

use rmcp::model::{CallToolResult, ContentBlock, MetaObject};
use serde_json::{Map, Value, json};

use super::calls::Refusal;
use crate::dispatch::Failure;
use crate::error_details::ErrorDetails;
use crate::mcp::TOOL_ERROR_META;
use crate::tool::{Content, Output, ToolDefinition, ToolError, without_stack};

/// A result has at most so many bytes. It may travel twice, as text and as structured content, and clients take lines of 16 MiB.
pub(super) const MAX_BYTES: usize = 4 * 1024 * 1024;

/// The result of a call that ended.
pub(super) fn ended(tool: &ToolDefinition, result: Result<Output, Failure>) -> CallToolResult {
    match result {
        Ok(output) => success(tool, &output),
        Err(Failure { error, traceback }) => failed(&error, traceback.as_deref().and_then(without_stack)),
    }
}

/// The result of a call that failed: the message, the causes if they are shown, and the facts, once for models and once for programs.
///
/// The facts are not structured content, which has to be what the tool's output schema says.
fn failed(error: &ToolError, causes: Option<&str>) -> CallToolResult {
    let facts = ErrorDetails::new(error.code(), error.is_retryable(), error.details());
    let causes = causes.map(|causes| format!("\n{causes}")).unwrap_or_default();
    let mut result = failure(facts.append_to(&format!("{error}{causes}")));
    result.meta = Some(MetaObject(Map::from_iter([(TOOL_ERROR_META.to_owned(), json!(facts))])));
    result
}

/// The result of a call that was given up before its end.
pub(super) fn given_up() -> CallToolResult {
    failure("the call was given up before it ended")
}

/// The result of a call that did not begin.
pub(super) fn refused(refusal: Refusal) -> CallToolResult {
    failure(match refusal {
        Refusal::Stopping => "the worker is stopping".to_owned(),
        Refusal::Busy(calls) => format!("the worker runs {calls} calls; try again later"),
    })
}

fn success(tool: &ToolDefinition, output: &Output) -> CallToolResult {
    let read = if tool.returns_content() { Said::content(output.json()) } else { Said::value(output.json()) };
    let said = match read {
        Ok(said) => said,
        Err(error) => return failure(format!("the tool's result is not what its output schema says: {error}")),
    };
    let mut result = CallToolResult::success(said.content);
    // Whoever was shown a schema of the value has to be given one.
    if tool.structured_schema().is_some() {
        if !said.value.as_ref().is_some_and(Value::is_object) {
            return failure("the tool's result is no object, which its output schema says it is");
        }
        result.structured_content = said.value;
    }
    result
}

/// What a result says to a model, and the value that it is or has.
struct Said {
    content: Vec<ContentBlock>,
    value: Option<Value>,
}

impl Said {
    /// A value. Its text is the author's own JSON, but a text is itself.
    fn value(json: &[u8]) -> serde_json::Result<Self> {
        let value: Value = serde_json::from_slice(json)?;
        let text = match &value {
            Value::String(text) => text.clone(),
            _ => String::from_utf8_lossy(json).into_owned(),
        };
        Ok(Self { content: vec![ContentBlock::text(text)], value: Some(value) })
    }

    fn content(json: &[u8]) -> serde_json::Result<Self> {
        let (content, value) = Content::read(json)?;
        Ok(Self { content, value })
    }
}

fn failure(text: impl Into<String>) -> CallToolResult {
    CallToolResult::error(vec![ContentBlock::text(text)])
}

#[cfg(test)]
mod tests {
    use serde::Serialize;
    use serde_json::{json, to_value};

    use super::*;

    fn tool(output_schema: Option<Value>) -> ToolDefinition {
        let mut tool = ToolDefinition::new("t", "Do it.", json!({ "type": "object" }));
        tool.output_schema = output_schema;
        tool
    }

    fn told(tool: &ToolDefinition, value: impl Serialize) -> Value {
        let output = Output::new(1024).write(&value).expect("it fits");
        to_value(ended(tool, Ok(output))).expect("JSON")
    }

    #[test]
    fn a_text_is_itself_and_anything_else_is_json() {
        let tool = tool(Some(json!({ "type": "string" })));
        for (value, text) in [(json!("hi \"you\""), "hi \"you\""), (json!([1, 2]), "[1,2]"), (json!(null), "null")] {
            let told = told(&tool, &value);
            assert_eq!(told["content"], json!([{ "type": "text", "text": text }]));
            assert_eq!((&told["isError"], told.get("structuredContent")), (&json!(false), None));
        }
    }

    #[test]
    fn an_object_with_a_schema_is_structured_too() {
        let told = told(&tool(Some(json!({ "type": "object" }))), json!({ "b": 1, "a": 2 }));
        assert_eq!(told["structuredContent"], json!({ "b": 1, "a": 2 }));
        assert_eq!(told["content"][0]["text"], r#"{"b":1,"a":2}"#);
    }

    #[test]
    fn content_is_shown_part_by_part_with_its_value() {
        use crate::tool::ContentBlock;
        let mut schema = Content::schema();
        let content = Content::from([ContentBlock::text("see:"), ContentBlock::image("image/png", [0])]);
        let told_of = told(&tool(Some(schema.clone())), &content);
        assert_eq!(told_of["content"], json!(content)["content"]);
        assert_eq!((&told_of["isError"], told_of.get("structuredContent")), (&json!(false), None));
        assert_eq!(told(&tool(Some(schema.clone())), "hi")["content"], json!([{ "type": "text", "text": "hi" }]));
        assert_eq!(told(&tool(Some(schema.clone())), 7)["isError"], true);

        schema["properties"]["structuredContent"] = json!({ "type": "object" });
        assert_eq!(told(&tool(Some(schema.clone())), &content)["isError"], true);
        let told_of = told(&tool(Some(schema)), content.with_value(json!({ "n": 7 })));
        assert_eq!(told_of["structuredContent"], json!({ "n": 7 }));
        assert_eq!(told_of["content"][1]["mimeType"], "image/png");
    }

    #[test]
    fn a_result_that_breaks_its_own_schema_is_an_error() {
        let told = told(&tool(Some(json!({ "type": "object" }))), 7);
        assert_eq!((&told["isError"], told.get("structuredContent")), (&json!(true), None));
    }

    #[test]
    fn causes_are_told_only_where_they_are_shown() {
        let text = |traceback: Option<&str>| {
            let error = ToolError::new("no stock").with_source("table locked");
            let failure = Failure { error, traceback: traceback.map(str::to_owned) };
            let told = to_value(ended(&tool(None), Err(failure))).expect("JSON");
            assert_eq!(told["isError"], true);
            told["content"][0]["text"].as_str().expect("a text").to_owned()
        };
        assert_eq!(text(None), "no stock");
        assert_eq!(text(Some("table locked")), "no stock\ntable locked");
        assert_eq!(text(Some("table locked\nStack backtrace:\n   0: main")), "no stock\ntable locked");
    }

    #[test]
    fn the_facts_of_a_failure_are_told_to_models_and_to_programs() {
        let error = ToolError::new("no stock").with_code("too_few").retryable().with_details(json!({ "left": 0 }));
        let told = to_value(ended(&tool(None), Err(Failure::hidden(error)))).expect("JSON");
        let facts = json!({ "code": "too_few", "retryable": true, "details": { "left": 0 } });
        assert_eq!(told["_meta"][TOOL_ERROR_META], facts);
        assert_eq!(told["content"][0]["text"], format!("no stock\n{facts}"));
        assert_eq!(told.get("structuredContent"), None);
    }
}
