//! [`ResultWriter`]: writes the result of a call as MCP content.

use std::sync::Arc;

use platools::mcp::{self, ReturnedJson, Revision};
use platools::tool::ResultRule;
use rmcp::model::{CallToolResult, ContentBlock};
use serde_json::json;
use serde_json::value::RawValue;

use crate::background::offload::offload;
use crate::calls::CallReply;
use crate::calls::content_text::legible;
use crate::domain::error::Error;

/// The characters that are shown of a result that is too large.
const PREVIEW_CHARS: usize = 4096;

/// A client that waits for the result of a tool.
#[derive(Debug)]
pub(super) struct ResultWriter {
    /// The tool's name, for the log.
    pub(super) tool: String,
    pub(super) rule: Arc<ResultRule>,
    pub(super) revision: Revision,
    /// The setting `mcp.max_result`.
    pub(super) max_bytes: usize,
}

impl ResultWriter {
    /// The result for the client. A large one is written on a blocking thread.
    pub(super) async fn result(self, CallReply { call_id, result, .. }: CallReply) -> CallToolResult {
        let mut told = offload(result.get().len(), move || self.told(result)).await;
        told.meta.get_or_insert_default().0.insert("platools/callId".to_owned(), json!(call_id.as_str()));
        told
    }

    fn told(&self, result: Box<RawValue>) -> CallToolResult {
        let json = String::from(Box::<str>::from(result));
        if json.len() > self.max_bytes {
            return self.too_large(&json);
        }
        ReturnedJson { tool: &self.tool, rule: &self.rule, revision: self.revision }.answer(json, short)
    }

    fn too_large(&self, json: &str) -> CallToolResult {
        let (bytes, max) = (json.len(), self.max_bytes);
        let why = format!(
            "The tool ran, but its result of {bytes} bytes is larger than the {max} bytes that the gateway passes on. Ask for less, or for a \
             page of it; whoever runs the gateway can raise the limit with `mcp.max_result` (`--mcp-max-result`). The result begins:"
        );
        let begin: String = json.chars().take(PREVIEW_CHARS).collect();
        CallToolResult::error(vec![ContentBlock::text(why), ContentBlock::text(begin)])
    }
}

/// A result that cannot be read as content, without its binary data.
fn short(json: String) -> String {
    let Ok(result) = RawValue::from_string(json) else { return String::new() };
    let legible = legible(result);
    serde_json::from_str(legible.get()).unwrap_or_else(|_| legible.get().to_owned())
}

/// The end of a call that a model can do something about.
pub(super) fn failed(error: &Error) -> CallToolResult {
    let mut result = mcp::failed(&error.to_string(), error.tool_error());
    let meta = &mut result.meta.get_or_insert_default().0;
    meta.insert("platools/code".to_owned(), json!(error.kind().code()));
    meta.insert("platools/retryable".to_owned(), json!(error.kind().is_retryable()));
    if let Some(id) = error.call_id() {
        meta.insert("platools/callId".to_owned(), json!(id.as_str()));
    }
    result
}

#[cfg(test)]
mod tests {
    use platools::ToolDefinition;
    use platools::tool::Content;
    use serde_json::Value;

    use super::*;

    async fn told(result: &str, output_schema: Option<Value>, max_bytes: usize) -> Value {
        let mut tool = ToolDefinition::new("t", "Do it.", json!({"type": "object"}));
        tool.output_schema = output_schema;
        let rule = Arc::new(ResultRule::of(&tool));
        let reader = ResultWriter { tool: tool.name, rule, revision: Revision::V2025_11_25, max_bytes };
        let result = RawValue::from_string(result.to_owned()).unwrap();
        let told = reader.result(CallReply { call_id: "call-1".into(), result, latency_ms: 1 }).await;
        let told = serde_json::to_value(told).unwrap();
        assert_eq!(told["_meta"]["platools/callId"], "call-1");
        told
    }

    #[tokio::test]
    async fn a_result_is_told_with_its_call() {
        let object = Some(json!({"type": "object"}));
        let whole = told(r#"{"a":1}"#, object.clone(), 100).await;
        assert_eq!((&whole["structuredContent"], &whole["isError"]), (&json!({"a": 1}), &json!(false)));
        assert_eq!(told("[1]", object, 100).await["isError"], true);
    }

    #[tokio::test]
    async fn a_result_over_the_limit_is_an_error_that_names_the_setting() {
        assert_eq!(told(&format!("{:?}", "x".repeat(98)), None, 100).await["isError"], false);
        let told = told(&format!("{:?}", "é".repeat(50_000)), None, 100).await;
        assert_eq!(told["isError"], true);
        let why = told["content"][0]["text"].as_str().unwrap();
        assert!(why.contains("100002 bytes") && why.contains("`mcp.max_result`"), "{why}");
        assert_eq!(told["content"][1]["text"].as_str().unwrap().chars().count(), PREVIEW_CHARS);
    }

    #[tokio::test]
    async fn binary_data_of_content_that_cannot_be_read_is_not_shown() {
        let strange = r#"{"content":[{"type":"smell","data":"AAAA"}]}"#;
        let answer = told(strange, Some(Content::schema()), 100).await;
        assert!(answer["isError"] == true && !answer.to_string().contains("AAAA"), "{answer}");
    }
}
