//! Tests of the gateway's tools for MCP clients that others wrote, over HTTP and over the bridge: the official Python client, and the
//! inspector.

use std::path::{Path, PathBuf};

use futures::StreamExt as _;
use platools::client::Event;
use platools::tool::{Content, ContentBlock};
use platools::{Context, ToolError, ToolRegistry, tool, tools};
use platools_gateway::{Gateway, dev};
use platools_tests::{Worker, client, inspector, installed, printed, within};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::process::Command;
use tokio::sync::Semaphore;

/// Add two numbers.
#[tool(read_only)]
async fn add(a: i64, #[arg(default = 1)] b: i64) -> i64 {
    a + b
}

#[derive(Serialize, JsonSchema)]
struct Order {
    sku: String,
    units: u32,
}

/// Look an order up.
#[tool]
async fn order(sku: String) -> Order {
    Order { sku, units: 3 }
}

/// Fail.
#[tool]
async fn fail() -> Result<(), ToolError> {
    Err(ToolError::new("there is no such order"))
}

/// Say how far it is, and wait for somebody to go on.
#[tool]
async fn report(go: &Semaphore, ctx: &Context) -> &'static str {
    ctx.progress(1.0).total(2.0).message("half of it").send();
    go.acquire().await.expect("it is never closed").forget();
    "all of it"
}

/// Draw something that is larger than the events that clients read.
#[tool]
async fn draw() -> Content {
    Content::from(ContentBlock::image("image/png", vec![0; 1_500_000]))
}

/// Have the report go on.
#[tool]
async fn go_on(go: &Semaphore) {
    go.add_permits(1);
}

/// A gateway, and a worker that it knows.
async fn start() -> (Gateway, Worker) {
    let gateway = dev::start(dev::DevOptions::with_known_secrets()).await.expect("a gateway");
    let registry = ToolRegistry::new().with_state(Semaphore::new(0));
    let registry = registry.with_tools(tools![add, order, fail, report, draw, go_on]).expect("valid tools");
    let worker = Worker::start(client(&gateway.url(), &registry).secret(dev::SECRET));
    let mut events = worker.handle().events();
    let registered = async { while !matches!(events.next().await.expect("the client lives"), Event::Registered(_)) {} };
    within(registered).await;
    (gateway, worker)
}

#[tokio::test]
async fn the_official_client_uses_the_gateway_over_http_and_over_the_bridge() {
    let (gateway, _worker) = start().await;
    for (how, mode, revision) in [
        ("http", "legacy", "2025-11-25"),
        ("http", "auto", "2026-07-28"),
        ("stdio", "legacy", "2025-11-25"),
        ("stdio", "auto", "2026-07-28"),
    ] {
        let seen = python(&gateway, how, mode).await;
        let expected = json!({
            "revision": revision, "server": "platools-gateway", "tools": ["add", "draw", "fail", "go_on", "order", "report"],
            "added": ["42", null, false], "order": {"sku": "a-1", "units": 3},
            "failed": ["there is no such order", true], "misfit": true, "drawn": 2_000_000,
            "progress": [[1.0, 2.0, "half of it"]], "reported": "all of it", "unknown": -32602,
        });
        assert_eq!(seen, expected, "{how} {mode}");
    }
}

#[tokio::test]
async fn the_inspector_lists_and_calls_over_http_and_over_the_bridge() {
    let (gateway, _worker) = start().await;
    for (how, era) in [("http", "legacy"), ("http", "modern"), ("stdio", "legacy"), ("stdio", "modern")] {
        // It also looks for what other clients would not understand in the schemas.
        let listed = inspected(&gateway, how, era, &["--method", "tools/list", "--strict"]).await;
        let names: Vec<_> = listed["tools"].as_array().expect("a list").iter().map(|tool| &tool["name"]).collect();
        assert_eq!(names, ["add", "order", "fail", "report", "draw", "go_on"], "{how} {era}");
        let request = ["--method", "tools/call", "--tool-name", "order", "--tool-arg", "sku=a-1"];
        let called = inspected(&gateway, how, era, &request).await;
        assert_eq!(called["structuredContent"], json!({"sku": "a-1", "units": 3}), "{how} {era}: {called}");
    }
}

/// Report of the official client.
async fn python(gateway: &Gateway, how: &str, mode: &str) -> Value {
    let mut client = Command::new(installed("venv/bin/python"));
    client.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("interop/mcp/client.py")).args([how, mode]);
    client.env("URL", gateway.url()).env("KEY", dev::ADMIN_KEY).env("PROGRAM", program());
    client.env("PYTHONDONTWRITEBYTECODE", "1");
    printed(client).await
}

/// Output of the inspector for a request, with the older or the newer of the protocol's revisions.
async fn inspected(gateway: &Gateway, how: &str, era: &str, request: &[&str]) -> Value {
    let mut inspector = inspector();
    inspector.args(["--protocol-era", era]).args(request);
    if how == "http" {
        inspector.args(["--server-url", &format!("{}/mcp", gateway.url())]);
        inspector.args(["--header", &format!("Authorization: Bearer {}", dev::ADMIN_KEY)]);
    } else {
        inspector.args(["-e", &format!("PLATOOLS_GATEWAY_KEY={}", dev::ADMIN_KEY), "--"]);
        inspector.arg(program()).args(["mcp", "--url", &gateway.url()]);
    }
    printed(inspector).await
}

/// The gateway's program, beside the tests.
fn program() -> PathBuf {
    let tests = std::env::current_exe().expect("a test has a file");
    let program = tests.with_file_name("").join("../platools-gateway");
    assert!(program.exists(), "run `cargo build -p platools-gateway` first (there is no {})", program.display());
    program
}
