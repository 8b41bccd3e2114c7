//! Tests that a result reaches its caller without white space, and with its numbers and strings unchanged.

use platools_gateway::Gateway;
use serde_json::json;

use crate::mcp_raw_client::{admin, text};
use crate::support::{Caller, Dial, Worker, dev_gateway, ended, within};

/// A result as a worker with a pretty printer writes it, and as it travels on.
const SPACED: &str = "{\n  \"a b\" : [ 1.50e2 , \" x \\\" \\u0020 \" ],\r\n\t\"empty\": { }\n}";
const COMPACT: &str = r#"{"a b":[1.50e2," x \" \u0020 "],"empty":{}}"#;

async fn worker(gateway: &Gateway) -> Worker {
    let mut worker = Dial::dev(gateway).welcomed().await;
    worker.register(&["pretty"]).await;
    worker
}

async fn answers_once(worker: &mut Worker) {
    let call = worker.expect("tool_call").await;
    let id = &call["call_id"];
    worker
        .send_text(format!(
            "{{ \"type\": \"tool_result\", \"call_id\": {id}, \"result\": {SPACED} , \"latency_ms\": 1 }}"
        ))
        .await;
}

#[tokio::test]
async fn a_result_is_compact_over_rest_and_as_an_event_and_over_mcp() {
    let gateway = dev_gateway().await;
    let mut worker = worker(&gateway).await;
    let http = crate::support::http();
    for (query, head) in [("", "{\"callId\""), ("?stream=1", "event: result\ndata: {\"callId\"")] {
        let url = format!("{}/v1/tools/pretty/call{query}", gateway.url());
        let request = http.post(url).bearer_auth(platools_gateway::dev::ADMIN_KEY).body("{}");
        let answer = tokio::spawn(async move { request.send().await.unwrap().text().await.unwrap() });
        answers_once(&mut worker).await;
        let answer = within(answer).await.unwrap();
        assert!(answer.starts_with(head) && answer.contains(&format!("\"result\":{COMPACT}")), "{answer}");
    }
    let client = admin(&gateway).await;
    let call = client.calling("pretty", json!({}));
    answers_once(&mut worker).await;
    assert_eq!(text(&within(call).await.unwrap()), COMPACT);
}

#[tokio::test]
async fn a_call_without_a_body_has_no_arguments() {
    let gateway = dev_gateway().await;
    let mut worker = worker(&gateway).await;
    for body in ["", " \n"] {
        let caller = Caller::admin(&gateway);
        let call = tokio::spawn(async move { caller.send("POST", "/v1/tools/pretty/call", body).await });
        answers_once(&mut worker).await;
        assert_eq!(ended(call).await.status, 200, "{body:?}");
    }
    Caller::admin(&gateway).send("POST", "/v1/tools/pretty/call", "[]").await.is_problem(400, "invalid_request", false);
}
