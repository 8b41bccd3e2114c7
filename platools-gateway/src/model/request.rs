//! [`CompletionRequest`]: a request to a model, with the messages so far and the tools that the model may call.

use serde::Serialize;
use serde_json::{Value, json};

/// A request for a streamed chat completion.
#[derive(Debug, Serialize)]
pub(super) struct CompletionRequest {
    model: String,
    pub(super) messages: Vec<Value>,
    /// The declarations of the tools. Endpoints refuse an empty list.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max_completion_tokens: Option<u32>,
    stream: bool,
    stream_options: Value,
}

impl CompletionRequest {
    pub(super) fn new(model: &str, messages: Vec<Value>, tools: Vec<Value>) -> Self {
        Self {
            model: model.to_owned(),
            messages,
            tools,
            tool_choice: None,
            max_completion_tokens: None,
            stream: true,
            stream_options: json!({"include_usage": true}),
        }
    }

    /// Replaces the tools.
    pub(super) fn set_tools(&mut self, tools: Vec<Value>) {
        self.tools = tools;
        if self.tools.is_empty() {
            // Endpoints refuse a choice of tools without tools.
            self.tool_choice = None;
        }
    }

    /// Forbids the model to call tools.
    pub(super) fn forbid_calls(&mut self) {
        self.tool_choice = (!self.tools.is_empty()).then_some("none");
    }

    /// The names of the tools, in their order.
    pub(super) fn tool_names(&self) -> Vec<&str> {
        self.tools.iter().map(|tool| tool["function"]["name"].as_str().unwrap_or_default()).collect()
    }
}
