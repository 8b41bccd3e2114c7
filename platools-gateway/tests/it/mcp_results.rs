//! Tests of large results and lists at `/mcp`, and of results that break the output schema of their tool.

use platools_gateway::{Gateway, McpSettings, Role};
use reqwest::Response;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::mcp_raw_client::{Client, Stream, admin, text, worker_with};
use crate::support::{Dial, Worker, dev_gateway, gateway_with, tool, within};

const MIB: usize = 1024 * 1024;

/// The answer to a call of `guarded` that the worker answers at once.
async fn called(client: &Client, worker: &mut Worker, result: Value) -> Response {
    let client = client.clone();
    let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "guarded"}});
    let call = tokio::spawn(async move { client.post(&message).await });
    let frame = worker.expect("tool_call").await;
    worker.answer(&frame, result).await;
    within(call).await.unwrap()
}

#[tokio::test]
async fn a_result_over_the_limit_is_refused_with_the_setting_and_the_session_goes_on() {
    let mut settings = McpSettings::default();
    settings.max_result_bytes = MIB;
    let (gateway, secret, _) = gateway_with(Gateway::builder().mcp(settings)).await;
    let key = gateway.add_key(Role::Operator).await.unwrap();
    let mut worker = Dial::to(&gateway, "/ws/sdk").secret(&secret).welcomed().await;
    worker.register(&["guarded"]).await;
    let client = Client::at(&gateway.url(), "/mcp").key(key.expose_secret()).opened().await;
    for bytes in [MIB, 9 * MIB] {
        let answer = Stream::of(called(&client, &mut worker, json!("x".repeat(bytes))).await).answer().await;
        assert_eq!(answer["result"]["isError"], true);
        let why = text(&answer);
        assert!(why.contains("1048576 bytes") && why.contains("`mcp.max_result`"), "{why}");
    }
    let answer = Stream::of(called(&client, &mut worker, json!("x".repeat(MIB - 2))).await).answer().await;
    assert_eq!((&answer["result"]["isError"], text(&answer).len()), (&json!(false), MIB - 2));
}

#[tokio::test]
async fn a_schema_that_results_cannot_be_checked_against_is_not_shown() {
    let gateway = dev_gateway().await;
    let broken = json!({"type": "object", "properties": {"v": {"type": "colour"}}});
    let mut worker = worker_with(&gateway, json!({"output_schema": broken})).await;
    let client = admin(&gateway).await;
    assert!(client.tools().await[0].get("outputSchema").is_none());
    let answer = Stream::of(called(&client, &mut worker, json!({"v": 1})).await).answer().await;
    assert_eq!((&answer["result"]["isError"], answer["result"].get("structuredContent")), (&json!(false), None));
    assert_eq!(text(&answer), r#"{"v":1}"#);
}

#[tokio::test]
async fn a_list_with_large_schemas_has_pages_of_at_most_four_mib() {
    let gateway = dev_gateway().await;
    let names: Vec<_> = (0..1000).map(|number| format!("tool_{number:03}")).collect();
    let declared = names.iter().map(|name| {
        let mut tool = tool(name);
        tool["input_schema"]["properties"] = json!({"a": {"type": "string", "description": "x".repeat(7000)}});
        tool
    });
    let mut worker = Dial::dev(&gateway).welcomed().await;
    worker.send(json!({"type": "tool_register", "tools": declared.collect::<Vec<_>>()})).await;
    worker.expect("tools_registered").await;
    let client = admin(&gateway).await;
    let (mut listed, mut cursor, mut pages) = (Vec::new(), None, 0);
    loop {
        let params = cursor.map_or(json!({}), |cursor: Value| json!({"cursor": cursor}));
        let page = client.asked("tools/list", params).await["result"].clone();
        assert!(page["tools"].to_string().len() <= 4 * MIB + 1024);
        listed.extend(page["tools"].as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap().to_owned()));
        pages += 1;
        match page.get("nextCursor") {
            Some(next) => cursor = Some(next.clone()),
            None => break,
        }
    }
    assert_eq!((listed == names, pages), (true, 2));
}
