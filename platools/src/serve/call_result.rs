//! Functions that make the MCP result of a call that ended, failed, was given up or was refused.

use rmcp::model::{CallToolResult, ContentBlock};

use super::call_tracker::CallRefusal;
use crate::dispatch::Failure;
use crate::mcp::{self, ReturnedJson};
use crate::tool::{Output, ToolError, code, without_stack};
use platools_protocol::ErrorDetails;

/// The result of a call that ended.
pub(super) fn ended(returned: ReturnedJson<'_>, result: Result<Output, Failure>) -> CallToolResult {
    match result {
        Ok(output) => success(returned, output),
        Err(Failure { error, traceback }) => failed(&error, traceback.as_deref().and_then(without_stack)),
    }
}

/// The name of the setting of the limit of a result, for errors.
const LIMIT: &str = "; `Server::max_result_bytes` and `--max-result-bytes` set the limit";

/// The result of a call that failed: the message, the causes if they are shown, and the facts.
fn failed(error: &ToolError, causes: Option<&str>) -> CallToolResult {
    let facts = ErrorDetails::new(error.code(), error.is_retryable(), error.details());
    let causes = causes.map(|causes| format!("\n{causes}")).unwrap_or_default();
    let setting = if error.code() == code::RESULT_TOO_LARGE { LIMIT } else { "" };
    mcp::failed(&format!("{error}{setting}{causes}"), Some(&facts))
}

/// The result of a call that was given up before its end.
pub(super) fn given_up() -> CallToolResult {
    failure("the call was given up before it ended")
}

/// The result of a call that did not begin.
pub(super) fn refused(refusal: CallRefusal) -> CallToolResult {
    failure(match refusal {
        CallRefusal::Stopping => "the worker is stopping".to_owned(),
        CallRefusal::Busy(calls) => format!("the worker runs {calls} calls; try again later"),
    })
}

fn success(returned: ReturnedJson<'_>, output: Output) -> CallToolResult {
    let json = String::from_utf8(output.into_bytes());
    let json = json.unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
    returned.answer(json, |text| text)
}

fn failure(text: impl Into<String>) -> CallToolResult {
    CallToolResult::error(vec![ContentBlock::text(text)])
}

#[cfg(test)]
mod tests {
    use serde_json::{json, to_value};

    use super::*;
    use crate::mcp::{Revision, TOOL_ERROR_META};
    use crate::tool::{ResultRule, ToolDefinition};

    fn ended(result: Result<Output, Failure>) -> CallToolResult {
        let rule = ResultRule::of(&ToolDefinition::new("t", "Do it.", json!({ "type": "object" })));
        super::ended(ReturnedJson { tool: "t", rule: &rule, revision: Revision::V2025_11_25 }, result)
    }

    #[test]
    fn a_result_is_told_as_its_tool_says() {
        let told = to_value(ended(Output::new(1024).write("hi").map_err(|_| unreachable!()))).expect("JSON");
        assert_eq!((&told["content"][0]["text"], &told["isError"]), (&json!("hi"), &json!(false)));
    }

    #[test]
    fn a_result_that_is_too_large_names_the_setting() {
        let error = Output::new(4).write("too long").expect_err("it is longer");
        let told = to_value(ended(Err(Failure::hidden(error)))).expect("JSON");
        let text = told["content"][0]["text"].as_str().expect("a text");
        assert!(text.contains("4 bytes") && text.contains("--max-result-bytes"), "{text}");
    }

    #[test]
    fn causes_are_told_only_where_they_are_shown() {
        let text = |traceback: Option<&str>| {
            let error = ToolError::new("no stock").with_source("table locked");
            let failure = Failure { error, traceback: traceback.map(str::to_owned) };
            let told = to_value(ended(Err(failure))).expect("JSON");
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
        let told = to_value(ended(Err(Failure::hidden(error)))).expect("JSON");
        let facts = json!({ "code": "too_few", "retryable": true, "details": { "left": 0 } });
        assert_eq!(told["_meta"][TOOL_ERROR_META], facts);
        assert_eq!(told["content"][0]["text"], format!("no stock\n{facts}"));
        assert_eq!(told.get("structuredContent"), None);
    }
}
