//! The gateway's tools for clients of the Model Context Protocol that we did not write: the official one for Python, over HTTP and over
//! the bridge, and the inspector over the bridge.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use futures::StreamExt as _;
use platools::{Context, Event, ToolError, ToolRegistry, tool, tools};
use platools_gateway::{Gateway, dev};
use platools_tests::{Worker, client, within};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::process::Command;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// No client takes so long, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(60);

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

/// Have the report go on.
#[tool]
async fn go_on(go: &Semaphore) {
    go.add_permits(1);
}

/// A gateway, and a worker that it knows.
async fn start() -> (Gateway, Worker) {
    let gateway = dev::start(dev::DevOptions::default()).await.expect("a gateway");
    let registry = ToolRegistry::new().with_state(Semaphore::new(0));
    let registry = registry.with_tools(tools![add, order, fail, report, go_on]).expect("valid tools");
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
            "revision": revision, "server": "platools-gateway", "tools": ["add", "fail", "go_on", "order", "report"],
            "added": ["42", null, false], "order": {"sku": "a-1", "units": 3},
            "failed": ["there is no such order", true], "misfit": true,
            "progress": [[1.0, 2.0, "half of it"]], "reported": "all of it", "unknown": -32602,
        });
        assert_eq!(seen, expected, "{how} {mode}");
    }
}

#[tokio::test]
async fn the_inspector_lists_and_calls() {
    let (gateway, _worker) = start().await;
    let listed = inspected(&gateway, &["--method", "tools/list"]).await;
    let names: Vec<_> = listed["tools"].as_array().expect("a list").iter().map(|tool| &tool["name"]).collect();
    assert_eq!(names, ["add", "order", "fail", "report", "go_on"]);
    let called =
        inspected(&gateway, &["--method", "tools/call", "--tool-name", "order", "--tool-arg", "sku=a-1"]).await;
    assert_eq!(called["structuredContent"], json!({"sku": "a-1", "units": 3}), "{called}");
}

/// What the official client saw.
async fn python(gateway: &Gateway, how: &str, mode: &str) -> Value {
    let mut client = Command::new(installed("venv/bin/python"));
    client.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("interop/mcp/client.py")).args([how, mode]);
    client.env("URL", gateway.url()).env("KEY", dev::ADMIN_KEY).env("PROGRAM", program());
    client.env("PYTHONDONTWRITEBYTECODE", "1");
    printed(client).await
}

/// What the inspector says to a request. Over the bridge, which it starts: its versions for the oldest Node.js that is supported send
/// no key over HTTP.
async fn inspected(gateway: &Gateway, request: &[&str]) -> Value {
    let mut inspector = Command::new("node");
    inspector.arg(installed("node/node_modules/@modelcontextprotocol/inspector/cli/build/cli.js")).arg("--cli");
    inspector.args(["-e", &format!("PLATOOLS_GATEWAY_KEY={}", dev::ADMIN_KEY)]);
    inspector.arg(program()).args(["mcp", "--url", &gateway.url()]).args(request);
    printed(inspector).await
}

/// The JSON that a program prints.
async fn printed(mut program: Command) -> Value {
    program.env("no_proxy", "127.0.0.1").env("NO_PROXY", "127.0.0.1").stdin(Stdio::null()).kill_on_drop(true);
    let output = timeout(PATIENCE, program.output()).await.expect("it took too long");
    let Output { status, stdout, stderr } = output.expect("it starts; tests/interop/mcp/setup installs it");
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    serde_json::from_slice(&stdout).expect("it prints JSON")
}

fn installed(what: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/interop/mcp").join(what);
    assert!(path.exists(), "run tests/interop/mcp/setup first (there is no {})", path.display());
    path
}

/// The gateway's program, beside the tests.
fn program() -> PathBuf {
    let tests = std::env::current_exe().expect("a test has a file");
    let program = tests.with_file_name("").join("../platools-gateway");
    assert!(program.exists(), "run `cargo build -p platools-gateway` first (there is no {})", program.display());
    program
}
