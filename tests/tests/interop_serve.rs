//! A registry as a local MCP server for a client that we did not write: the official one for Python.

use std::path::Path;
use std::process::Stdio;

use platools::serve::Server;
use platools_tests::{Gone, served, within};
use serde_json::{Value, json};
use tokio::process::Command;

const TOKEN: &str = "s3cret-token";

#[tokio::test]
async fn the_official_client_finds_and_calls_the_tools() {
    let server = Server::new(served(Gone::default())).name("tests").http(TOKEN).address(([127, 0, 0, 1], 0));
    let server = server.bind().await.expect("it listens");
    let url = format!("http://{}/mcp", server.local_addr());
    tokio::spawn(server.run());
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

/// What the client saw.
async fn seen(url: &str, how: &str, mode: &str) -> Value {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = tests.join("../target/interop/mcp/venv/bin/python");
    assert!(python.exists(), "run tests/interop/mcp/setup first (there is no {})", python.display());
    let mut client = Command::new(python);
    client.arg(tests.join("interop/mcp/serve.py")).args([how, mode]).stdin(Stdio::null()).kill_on_drop(true);
    client.env("URL", url).env("TOKEN", TOKEN).env("PROGRAM", env!("CARGO_BIN_EXE_server"));
    client.env("PYTHONDONTWRITEBYTECODE", "1").env("no_proxy", "127.0.0.1").env("NO_PROXY", "127.0.0.1");
    let output = within(client.output()).await.expect("it starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("it prints JSON")
}
