//! Test of `platools mcp-host` with an MCP server that others wrote, `@modelcontextprotocol/server-everything`. `tests/interop/mcp/setup`
//! installs it.

mod support;

use std::fs;
use std::path::Path;
use std::time::Duration;

use platools_gateway::Gateway;
use platools_tests::{Events, module, node, within};
use serde_json::{Value, json};
use tokio::process::Child;
use tokio::time::sleep;

use support::{gateway, hosted, start_host};

/// Hosts the server, and keeps the number of its process in a file.
fn start(gateway: &Gateway, process: &Path) -> Child {
    let (node, server) = (node(), module("@modelcontextprotocol/server-everything/dist/index.js"));
    let [node, server, process] = [&*node, &server, process].map(|path| path.to_str().expect("a path of UTF-8"));
    let script = r#"echo $$ > "$1.new" && mv "$1.new" "$1" && exec "$2" "$3" stdio"#;
    start_host(gateway, &["--", "sh", "-c", script, "sh", process, node, server])
}

/// How a call ends, after whatever it tells.
async fn end(events: &mut Events) -> (String, Value) {
    let end = async {
        loop {
            let (kind, event) = events.next().await;
            if kind != "progress" {
                return (kind, event);
            }
        }
    };
    within(end).await
}

#[tokio::test]
async fn a_server_of_somebody_else_is_hosted() {
    let (gateway, caller) = gateway().await;
    let folder = tempfile::tempdir().expect("a folder");
    let _host = start(&gateway, &folder.path().join("process"));

    let sum = hosted(&caller, "get-sum").await;
    assert_eq!(sum["inputSchema"]["required"], json!(["a", "b"]), "{sum}");
    assert_eq!(caller.call("get-sum", json!({"a": 40, "b": 2})).await.result(), "The sum of 40 and 2 is 42.");
    caller.call("get-sum", json!({"a": 40})).await.is_problem(422, "invalid_arguments");

    let weather = caller.call("get-structured-content", json!({"location": "Chicago"})).await.result();
    assert_eq!(weather, json!({"temperature": 36, "conditions": "Light rain / drizzle", "humidity": 82}));

    let image = caller.call("get-tiny-image", json!({})).await.result();
    let parts = image["content"].as_array().expect("its parts");
    let kinds: Vec<_> = parts.iter().map(|part| &part["type"]).collect();
    assert_eq!(kinds, ["text", "image", "text"], "{image}");
    let data = parts[1]["data"].as_str().expect("base64");
    assert!(parts[1]["mimeType"] == "image/png" && data.starts_with("iVBORw0KGgo"), "{image}");
}

#[tokio::test]
async fn a_server_of_somebody_else_says_how_far_it_is() {
    let (gateway, caller) = gateway().await;
    let folder = tempfile::tempdir().expect("a folder");
    let _host = start(&gateway, &folder.path().join("process"));
    hosted(&caller, "trigger-long-running-operation").await;
    let mut events = caller.stream("trigger-long-running-operation", json!({"duration": 1, "steps": 2})).await;
    let (kind, first) = events.next().await;
    assert_eq!((&*kind, &first["progress"], &first["total"]), ("progress", &json!(1.0), &json!(2.0)), "{first}");
    let (kind, end) = end(&mut events).await;
    let said = "Long running operation completed. Duration: 1 seconds, Steps: 2.";
    assert_eq!((&*kind, &end["result"]), ("result", &json!(said)), "{end}");
}

#[tokio::test]
async fn a_server_of_somebody_else_that_is_killed_is_started_again() {
    let (gateway, caller) = gateway().await;
    let folder = tempfile::tempdir().expect("a folder");
    let process = folder.path().join("process");
    let _host = start(&gateway, &process);
    hosted(&caller, "echo").await;
    let first = fs::read_to_string(&process).expect("a number");
    let mut call = caller.stream("trigger-long-running-operation", json!({"duration": 60, "steps": 240})).await;
    assert_eq!(call.next().await.0, "progress");
    let kill = std::process::Command::new("kill").args(["-KILL", first.trim()]).status();
    assert!(kill.expect("there is `kill`").success());

    let (kind, failed) = end(&mut call).await;
    assert_eq!((&*kind, &failed["code"]), ("error", &json!("tool_failed")), "{failed}");
    let back = async {
        loop {
            let echo = caller.call("echo", json!({"message": "there?"})).await;
            if echo.status == 200 {
                return echo.result();
            }
            sleep(Duration::from_millis(50)).await;
        }
    };
    assert_eq!(within(back).await, "Echo: there?");
    assert_ne!(fs::read_to_string(&process).expect("a number"), first, "it is another process");
}
