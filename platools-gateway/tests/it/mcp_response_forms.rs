//! Tests of the form of responses at `/mcp`: one JSON body, or a stream of events.

use std::time::Duration;

use platools::tool::Content;
use platools_gateway::{Gateway, McpSettings, Role};
use reqwest::Response;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::mcp_raw_client::{Client, Stream, admin, worker};
use crate::support::{Dial, dev_gateway, gateway_with, tool, within};

const JSON: &str = "application/json";

/// Content with an image of so many bytes.
fn image(bytes: usize) -> Value {
    json!({"content": [{"type": "image", "mimeType": "image/png", "data": "A".repeat(bytes)}]})
}

fn kind(response: &Response) -> &str {
    response.headers()["content-type"].to_str().unwrap()
}

#[tokio::test]
async fn a_large_answer_that_comes_too_late_or_after_progress_is_an_event() {
    let mut settings = McpSettings::default();
    settings.stream_after = Duration::ZERO;
    let (gateway, secret, _) = gateway_with(Gateway::builder().mcp(settings)).await;
    let key = gateway.add_key(Role::Operator).await.unwrap();
    let mut worker =
        Dial::to(&gateway, "/ws/sdk").secret(&secret).header("platools-features", "progress").welcomed().await;
    let mut declared = tool("guarded");
    declared["output_schema"] = json!(Content::schema());
    worker.send(json!({"type": "tool_register", "tools": [declared]})).await;
    worker.expect("tools_registered").await;
    let client = Client::at(&gateway.url(), "/mcp").key(key.expose_secret()).opened().await;
    // The head of the answer is there before the worker has answered.
    let stream = client.ask(1, "tools/call", json!({"name": "guarded"})).await;
    let frame = worker.expect("tool_call").await;
    worker.answer(&frame, image(600 * 1024)).await;
    assert_eq!(stream.answer().await["result"]["content"], image(600 * 1024)["content"]);

    let gateway = dev_gateway().await;
    let mut worker = crate::mcp_raw_client::worker(&gateway, &["slow"]).await;
    let client = admin(&gateway).await;
    let asking = client.asking(1, "tools/call", json!({"name": "slow", "_meta": {"progressToken": "p"}}));
    let frame = worker.expect("tool_call").await;
    worker.send(json!({"type": "tool_progress", "call_id": frame["call_id"], "progress": 1})).await;
    let mut stream = within(asking).await.unwrap();
    assert_eq!(stream.next().await.unwrap()["method"], "notifications/progress", "it is told at once");
    worker.answer(&frame, json!("done")).await;
    stream.answer().await;
}

#[tokio::test]
async fn two_hundred_tools_are_one_page_and_a_large_page_is_one_json_body() {
    let gateway = dev_gateway().await;
    let names: Vec<_> = (0..200).map(|number| format!("tool_{number:03}")).collect();
    let mut worker = worker(&gateway, &names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let client = admin(&gateway).await;
    let listed = client.asked("tools/list", json!({})).await;
    assert_eq!(listed["result"]["tools"].as_array().unwrap().len(), 200);
    assert_eq!(listed["result"].get("nextCursor"), None);
    let declared = names.iter().map(|name| {
        let mut tool = tool(name);
        tool["description"] = "x".repeat(5000).into();
        tool
    });
    worker.send(json!({"type": "tool_register", "tools": declared.collect::<Vec<_>>()})).await;
    worker.expect("tools_registered").await;
    let response = client.post(&json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"})).await;
    assert_eq!(kind(&response), JSON);
    assert_eq!(Stream::of(response).answer().await["result"]["tools"].as_array().unwrap().len(), 200);
}

#[tokio::test]
async fn an_agent_and_a_client_see_the_same_names_whichever_workers_are_there() {
    let gateway = dev_gateway().await;
    let secret = gateway.add_entity("orders").await.unwrap().expose_secret().to_owned();
    let mut dev = worker(&gateway, &["lookup", "only"]).await;
    let mut orders = Dial::to(&gateway, "/ws/sdk").secret(&secret).welcomed().await;
    orders.register(&["lookup"]).await;
    let client = admin(&gateway).await;
    let names = ["dev__lookup", "only", "orders__lookup"];
    assert_eq!(client.names().await, names);
    let help = async || {
        let body = json!({"model": "main", "messages": [{"role": "user", "content": "/help"}]});
        let caller = crate::support::Caller::admin(&gateway);
        let answer = caller.post("/v1/chat/completions", body).await.body;
        answer["choices"][0]["message"]["content"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    };
    let told = help().await;
    assert!(names.iter().all(|name| told.contains(&format!("/{name}"))), "{told}");
    let mut listening = client.listening(None).await;
    dev.settle().await;
    dev.leave().await;
    listening.list_change().await;
    assert_eq!(client.names().await, names);
    let told = help().await;
    assert!(told.contains("/orders__lookup") && !told.contains("/dev__lookup"), "{told}");
    let call = client.calling("orders__lookup", json!({}));
    let frame = orders.expect("tool_call").await;
    orders.answer(&frame, json!("found")).await;
    assert_eq!(within(call).await.unwrap()["result"]["isError"], false);
}
