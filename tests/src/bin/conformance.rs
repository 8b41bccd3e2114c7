//! A worker with the tools that the protocol's own test suite, `@modelcontextprotocol/conformance`, calls.
//!
//! ```sh
//! PLATOOLS_SERVE_TOKEN=… cargo run -p platools-tests --bin conformance -- serve http
//! ```
//!
//! The suite sends no token, so that something has to stand before the server that adds it.

use std::sync::Arc;
use std::time::Duration;

use platools::serve::Command;
use platools::tool::{BindError, Handler, HandlerFuture, Output, State, Tool};
use platools::{Context, ToolDefinition, ToolError, ToolRegistry, tool, tools};
use serde_json::json;

/// Tests simple text content response.
#[tool]
async fn test_simple_text() -> String {
    "This is a simple text response for testing.".to_owned()
}

/// Tests error response handling.
#[tool]
async fn test_error_handling() -> Result<(), ToolError> {
    Err(ToolError::new("This tool intentionally returns an error for testing"))
}

/// Tests progress notifications.
#[tool]
async fn test_tool_with_progress(ctx: &Context) -> String {
    for done in [0.0, 50.0, 100.0] {
        ctx.progress(done).total(100.0).send();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    "done".to_owned()
}

/// A tool whose schema somebody wrote by hand.
struct ByHand;

impl Tool for ByHand {
    fn definition(&self) -> ToolDefinition {
        let schema = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "$defs": {
                "address": {
                    "type": "object",
                    "properties": { "street": { "type": "string" }, "city": { "type": "string" } },
                },
            },
            "properties": { "name": { "type": "string" }, "address": { "$ref": "#/$defs/address" } },
            "additionalProperties": false,
        });
        ToolDefinition::new("json_schema_2020_12_tool", "Tool with JSON Schema 2020-12 features", schema)
    }

    fn bind(&self, _: &State) -> Result<Arc<dyn Handler>, BindError> {
        Ok(Arc::new(Self))
    }
}

impl Handler for ByHand {
    fn call(self: Arc<Self>, _: Context, output: Output) -> HandlerFuture {
        Box::pin(async { Ok(output) })
    }
}

#[tokio::main]
async fn main() -> Result<(), platools::Error> {
    let registry = ToolRegistry::new()
        .with_tools(tools![test_simple_text, test_error_handling, test_tool_with_progress])?
        .with_tools(vec![Box::new(ByHand) as Box<dyn Tool>])?;
    platools_tests::offer(registry, Command::from_args()).await
}
