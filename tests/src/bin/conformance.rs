//! A worker with the tools that the test suite of the Model Context Protocol, `@modelcontextprotocol/conformance`, calls.
//!
//! ```sh
//! PLATOOLS_SERVE_TOKEN=… cargo run -p platools-tests --bin conformance -- serve http
//! ```
//!
//! Without `serve` it dials the platform that the environment variables name. The suite sends no token, so put a proxy that adds the token
//! before the server.

use std::time::Duration;

use platools::serve::Command;
use platools::tool::{Content, ContentBlock, FunctionTool};
use platools::{Context, Error, LogLevel, Platools, Tool, ToolDefinition, ToolError, ToolRegistry, tool, tools};
use serde_json::{Value, json};

/// An image of one pixel.
const RED_PIXEL: &[u8] = b"\x89PNG\x0d\x0a\x1a\x0a\0\0\0\x0dIHDR\0\0\0\x01\0\0\0\x01\x08\x02\0\0\0\x90wS\xde\0\0\0\x0c\
    IDATx\x9cc\xf8\xcf\xc0\0\0\x03\x01\x01\0\xc9\xfe\x92\xef\0\0\0\0IEND\xaeB`\x82";

/// A sound of no length.
const SILENCE: &[u8] = b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data\0\0\0\0";

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

/// Tests log notifications.
#[tool]
async fn test_tool_with_logging(ctx: &Context) -> String {
    ctx.log(LogLevel::Info, "Tool execution started");
    tokio::time::sleep(Duration::from_millis(50)).await;
    ctx.log(LogLevel::Info, "Tool processing data");
    tokio::time::sleep(Duration::from_millis(50)).await;
    ctx.log(LogLevel::Info, "Tool execution completed");
    "The tool logged three messages.".to_owned()
}

/// Tests image content response.
#[tool]
async fn test_image_content() -> Content {
    ContentBlock::image("image/png", RED_PIXEL).into()
}

/// Tests audio content response.
#[tool]
async fn test_audio_content() -> Content {
    ContentBlock::audio("audio/wav", SILENCE).into()
}

/// Tests embedded resource content response.
#[tool]
async fn test_embedded_resource() -> Content {
    ContentBlock::text_resource("test://embedded-resource", "text/plain", "This is an embedded resource content.")
        .into()
}

/// Tests response with multiple content types.
#[tool]
async fn test_multiple_content_types() -> Content {
    Content::from([
        ContentBlock::text("Multiple content types test:"),
        ContentBlock::image("image/png", RED_PIXEL),
        ContentBlock::text_resource(
            "test://mixed-content-resource",
            "application/json",
            r#"{"test":"data","value":123}"#,
        ),
    ])
}

/// Tests that an answer arrives after its stream was closed.
#[tool]
async fn test_reconnection() -> String {
    // Long enough for a client to be back first.
    tokio::time::sleep(Duration::from_millis(200)).await;
    "Reconnection test completed successfully.".to_owned()
}

/// A tool whose schema is written by hand.
fn by_hand() -> FunctionTool {
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
        .handler(|_: Value, _| async { Ok::<_, ToolError>(()) })
}

fn all() -> Vec<Box<dyn Tool>> {
    let mut all = tools![
        test_simple_text,
        test_error_handling,
        test_tool_with_progress,
        test_tool_with_logging,
        test_image_content,
        test_audio_content,
        test_embedded_resource,
        test_multiple_content_types,
        test_reconnection,
    ];
    all.push(Box::new(by_hand()));
    all
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    match Command::from_args() {
        Some(serve) => serve.run(ToolRegistry::new().with_tools(all())?).await,
        None => Platools::from_env()?.tools(all()).connect().await,
    }
}
