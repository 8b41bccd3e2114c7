//! Tests of a registry as a local MCP server for clients that others wrote: the official Python client, and the inspector.

use std::path::Path;

use platools::serve::Server;
use platools_tests::{Gone, inspector, installed, printed, served};
use serde_json::{Value, json};
use tokio::process::Command;

const TOKEN: &str = "s3cret-token";

/// A server over HTTP, and where it is.
async fn start() -> String {
    let server = Server::new(served(Gone::default())).name("tests").http(TOKEN).address(([127, 0, 0, 1], 0));
    let server = server.bind().await.expect("it listens");
    let url = format!("http://{}/mcp", server.local_addr());
    tokio::spawn(server.run());
    url
}

#[tokio::test]
async fn the_official_client_finds_and_calls_the_tools() {
    let url = start().await;
    for (how, mode, revision) in [
        ("http", "legacy", "2025-11-25"),
        ("http", "auto", "2026-07-28"),
        ("stdio", "legacy", "2025-11-25"),
        ("stdio", "auto", "2026-07-28"),
    ] {
        let expected = json!({
            "revision": revision,
            "server": "tests",
            "tools": served(Gone::default()).names(),
            "added": ["{\"sum\":42}", { "sum": 42 }, false],
            "failed": ["no stock\nthe shelf is empty", true],
            "misfit": true,
            "counted": "20",
            "last": [20.0, 20.0, "20 of 20"],
            "unknown": -32602,
        });
        assert_eq!(seen(&url, how, mode).await, expected, "{how} {mode}");
    }
}

#[tokio::test]
async fn the_inspector_lists_and_calls_over_http() {
    let url = start().await;
    for era in ["legacy", "modern"] {
        let listed = inspected(&url, era, &["--method", "tools/list", "--strict"]).await;
        let names: Vec<_> = listed["tools"].as_array().expect("a list").iter().map(|tool| &tool["name"]).collect();
        assert_eq!(names, served(Gone::default()).names().iter().collect::<Vec<_>>(), "{era}");
        let request = ["--method", "tools/call", "--tool-name", "add", "--tool-arg", "a=41", "b=1"];
        let called = inspected(&url, era, &request).await;
        assert_eq!(called["structuredContent"], json!({"sum": 42}), "{era}: {called}");
    }
}

/// Report of the official client.
async fn seen(url: &str, how: &str, mode: &str) -> Value {
    let mut client = Command::new(installed("venv/bin/python"));
    client.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("interop/mcp/serve.py")).args([how, mode]);
    client.env("URL", url).env("TOKEN", TOKEN).env("PROGRAM", env!("CARGO_BIN_EXE_server"));
    client.env("PYTHONDONTWRITEBYTECODE", "1");
    printed(client).await
}

/// Output of the inspector for a request, with the older or the newer of the protocol's revisions.
async fn inspected(url: &str, era: &str, request: &[&str]) -> Value {
    let mut inspector = inspector();
    inspector.args(["--protocol-era", era, "--server-url", url]).args(request);
    inspector.args(["--header", &format!("Authorization: Bearer {TOKEN}")]);
    printed(inspector).await
}
