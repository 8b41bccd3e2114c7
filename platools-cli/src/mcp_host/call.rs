//! [`Call`]: sends one call of a hosted tool to the MCP server, and converts the server's result into a tool's result.

use std::sync::Arc;

use futures::StreamExt as _;
use platools::tool::code;
use platools::{Context, ToolError};
use rmcp::model::{
    CallToolRequest, CallToolRequestParams, CallToolResult, ClientRequest, ContentBlock, JsonObject,
    ProgressNotificationParam, ServerResult,
};
use rmcp::service::{PeerRequestOptions, ServiceError};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::connection::Session;

/// The form of a tool's results for callers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// The value that the server describes.
    Value,
    /// All parts, or a text alone.
    Content,
}

/// Calls one tool of a server's.
pub(super) struct Call {
    /// The tool, as the server knows it.
    pub(super) tool: Arc<str>,
    pub(super) form: Form,
    pub(super) session: watch::Receiver<Option<Session>>,
}

impl Call {
    /// Passes one call on, and returns what the server says.
    pub(super) async fn run(self: Arc<Self>, arguments: JsonObject, context: Context) -> Result<Value, ToolError> {
        value(self.result(arguments, &context).await?, self.form)
    }

    async fn result(&self, arguments: JsonObject, context: &Context) -> Result<CallToolResult, ToolError> {
        let away = || ToolError::new("the MCP server behind this tool is not connected at the moment; try again later");
        let Session { peer, progress } = self.session.borrow().clone().ok_or_else(away)?;
        let params = CallToolRequestParams::new(self.tool.to_string()).with_arguments(arguments);
        let request = ClientRequest::CallToolRequest(CallToolRequest::new(params));
        let options = PeerRequestOptions::no_options();
        let mut call = peer.send_cancellable_request(request, options).await.map_err(failed)?;
        let mut reports = progress.subscribe(call.progress_token.clone()).await;
        loop {
            tokio::select! {
                answer = &mut call.rx => return result(answer.unwrap_or(Err(ServiceError::TransportClosed))),
                Some(report) = reports.next() => tell(context, report),
                () = context.cancelled() => {
                    // The server may be gone, and then there is nobody to tell.
                    let _ = call.cancel(Some("the call was given up".to_owned())).await;
                    return Err(ToolError::new("the call was given up").with_code(code::CANCELLED));
                }
            }
        }
    }
}

fn tell(context: &Context, report: ProgressNotificationParam) {
    let mut progress = context.progress(report.progress);
    if let Some(total) = report.total {
        progress = progress.total(total);
    }
    if let Some(message) = report.message {
        progress = progress.message(message);
    }
    progress.send();
}

fn result(answer: Result<ServerResult, ServiceError>) -> Result<CallToolResult, ToolError> {
    match answer.map_err(failed)? {
        ServerResult::CallToolResult(result) => Ok(result),
        _ => Err(ToolError::new("the MCP server answered with something else than a result")),
    }
}

fn failed(error: ServiceError) -> ToolError {
    match error {
        ServiceError::McpError(error) => ToolError::new(error.message.into_owned()),
        ServiceError::TransportSend(_) | ServiceError::TransportClosed => {
            ToolError::new("the MCP server behind this tool went away; it is unknown whether the tool did its work")
        }
        error => ToolError::new(format!("the MCP server did not answer: {error}")),
    }
}

/// The value of a result.
fn value(result: CallToolResult, form: Form) -> Result<Value, ToolError> {
    let texts = texts(&result.content);
    if result.is_error == Some(true) {
        let words = texts.join("\n");
        let words = if words.is_empty() { "the tool failed and did not say why".to_owned() } else { words };
        return Err(ToolError::new(words));
    }
    Ok(match (form, result.structured_content) {
        (Form::Value, Some(value)) => value,
        (Form::Content, Some(value)) => json!({ "content": result.content, "structuredContent": value }),
        (Form::Content, None) => match result.content.as_slice() {
            [alone] if texts.len() == 1 && alone.as_text().is_some_and(|text| text.annotations.is_none()) => {
                texts[0].into()
            }
            parts => json!({ "content": parts }),
        },
        (Form::Value, None) => texts.join("\n").into(),
    })
}

fn texts(content: &[ContentBlock]) -> Vec<&str> {
    content.iter().filter_map(ContentBlock::as_text).map(|text| text.text.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(result: Value, form: Form) -> Result<Value, String> {
        value(serde_json::from_value(result).unwrap(), form).map_err(|error| error.message().to_owned())
    }

    fn text(text: &str) -> Value {
        json!({"type": "text", "text": text})
    }

    #[test]
    fn a_result_is_the_value_that_the_server_describes() {
        let valued = json!({"content": [text("7")], "structuredContent": {"n": 7}});
        assert_eq!(said(valued, Form::Value), Ok(json!({"n": 7})));
        assert_eq!(said(json!({"content": [text("7")]}), Form::Value), Ok(json!("7")));
    }

    #[test]
    fn or_else_its_text_or_its_parts() {
        assert_eq!(said(json!({"content": [text("one")]}), Form::Content), Ok(json!("one")));
        let image = json!({"type": "image", "data": "AA==", "mimeType": "image/png"});
        for parts in [json!([text("a picture"), image]), json!([text("one"), text("two")]), json!([])] {
            let parts = json!({"content": parts});
            assert_eq!(said(parts.clone(), Form::Content), Ok(parts));
        }
        let valued = json!({"content": [text("7")], "structuredContent": {"n": 7}});
        assert_eq!(said(valued.clone(), Form::Content), Ok(valued));
    }

    #[test]
    fn an_error_says_what_the_tool_says() {
        let failed = json!({"content": [text("no such file")], "isError": true});
        assert_eq!(said(failed, Form::Content), Err("no such file".to_owned()));
        let silent = json!({"content": [], "isError": true, "structuredContent": {"n": 7}});
        assert_eq!(said(silent, Form::Value), Err("the tool failed and did not say why".to_owned()));
    }
}
