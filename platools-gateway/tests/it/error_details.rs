//! Tests of the details that a tool gives with an error, through every protocol of callers.

use platools_gateway::{Gateway, dev};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::mcp_raw_client::{self, text};
use crate::rpc_caller::RpcCaller;
use crate::support::{Answer, Caller, Dial, Worker, dev_gateway, ended, within};

const MESSAGE: &str = "only 3 are left";

fn facts() -> Value {
    json!({"code": "too_few", "retryable": true, "details": {"left": 3}})
}

/// The development entity's worker with the tool `order`, which knows these extensions.
async fn worker(gateway: &Gateway, features: &str) -> Worker {
    let mut worker = Dial::dev(gateway).header("platools-features", features).welcomed().await;
    worker.register(&["order"]).await;
    worker
}

/// Fails the next call with every fact.
async fn fail(worker: &mut Worker) -> Value {
    let frame = worker.expect("tool_call").await;
    let mut error = facts();
    error["type"] = json!("tool_error");
    error["call_id"] = frame["call_id"].clone();
    error["error"] = json!(MESSAGE);
    worker.send(error).await;
    frame["call_id"].clone()
}

fn named(caller: &Caller) -> JoinHandle<Answer> {
    let caller = caller.clone();
    let path = "/v1/tools/order/call";
    tokio::spawn(async move { caller.send_with(path, &[("idempotency-key", "k")], json!({})).await })
}

#[tokio::test]
async fn rest_has_them_beside_the_gateways_own_words_and_in_every_repetition() {
    let gateway = dev_gateway().await;
    let (mut worker, caller) = (worker(&gateway, "error-details").await, Caller::admin(&gateway));
    let call = named(&caller);
    fail(&mut worker).await;
    let answer = ended(call).await;
    // The tool's hint is not the gateway's: this call did run.
    answer.is_problem(422, "tool_failed", false);
    assert_eq!((answer.detail(), &answer.body["toolError"]), (MESSAGE, &facts()));
    let gateway = gateway.stop().await.start().await.unwrap();
    let again = ended(named(&Caller::admin(&gateway))).await;
    assert_eq!((again.detail(), &again.body["toolError"]), (MESSAGE, &facts()));
}

#[tokio::test]
async fn a_call_that_may_be_tried_again_is_not_tried_again_by_the_gateway() {
    let gateway = dev_gateway().await;
    let (mut worker, caller) = (worker(&gateway, "error-details").await, Caller::admin(&gateway));
    let call = caller.calling("order", json!({}));
    let first = fail(&mut worker).await;
    ended(call).await.is_problem(422, "tool_failed", false);
    let call = caller.calling("order", json!({}));
    // The next frame is the next call: nothing came in between.
    let frame = worker.expect("tool_call").await;
    assert_ne!(frame["call_id"], first);
    worker.answer(&frame, json!(1)).await;
    assert_eq!(ended(call).await.body["result"], 1);
}

#[tokio::test]
async fn gateway_rpc_has_them_in_its_details() {
    let gateway = dev_gateway().await;
    let mut worker = worker(&gateway, "error-details").await;
    let mut caller = RpcCaller::operator(&gateway, "u").await;
    let id = caller.send("tools.call", json!({"name": "order", "arguments": {}})).await;
    let call_id = fail(&mut worker).await;
    let error = caller.failed(&id).await;
    assert_eq!((&error["message"], &error["retryable"]), (&json!(MESSAGE), &json!(false)));
    assert_eq!(error["details"], json!({"code": "tool_failed", "callId": call_id, "toolError": facts()}));
    let mut told = facts();
    told["error"] = json!(MESSAGE);
    assert_eq!(caller.events.last().unwrap()["payload"]["output"], told);
}

#[tokio::test]
async fn mcp_has_them_for_models_and_for_programs() {
    let gateway = dev_gateway().await;
    let mut worker = worker(&gateway, "error-details").await;
    let client = mcp_raw_client::admin(&gateway).await;
    let call = client.calling("order", json!({}));
    fail(&mut worker).await;
    let failed = within(call).await.unwrap();
    assert_eq!(failed["result"]["isError"], true);
    assert_eq!(text(&failed), format!("{MESSAGE}\n{}", facts()));
    assert_eq!(failed["result"]["_meta"]["platools/toolError"], facts());
    assert_eq!(failed["result"]["_meta"]["platools/retryable"], false);
    assert!(failed["result"].get("structuredContent").is_none(), "{failed}");
}

#[tokio::test]
async fn an_agent_says_them() {
    let gateway = dev_gateway().await;
    let mut worker = worker(&gateway, "error-details").await;
    let caller = Caller::admin(&gateway);
    let body = json!({"model": dev::MAIN_AGENT, "messages": [{"role": "user", "content": "/order {}"}]});
    let answer = tokio::spawn(async move { caller.post("/v1/chat/completions", body).await });
    fail(&mut worker).await;
    let answer = ended(answer).await;
    let said = answer.body["choices"][0]["message"]["content"].as_str().unwrap();
    assert_eq!(said, format!("`order` failed: {MESSAGE}\n{}", facts()));
}

#[tokio::test]
async fn the_journal_keeps_them_like_a_result() {
    let gateway = dev_gateway().await;
    let (mut worker, caller) = (worker(&gateway, "error-details").await, Caller::admin(&gateway));
    let call = caller.calling("order", json!({}));
    let call_id = fail(&mut worker).await;
    ended(call).await;
    let kept = caller.get(&format!("/v1/calls/{}", call_id.as_str().unwrap())).await;
    let mut told = facts();
    told["error"] = json!(MESSAGE);
    assert_eq!((&kept.body["outcome"], &kept.body["result"]["value"]), (&json!("tool_failed"), &told), "{kept:?}");
}

#[tokio::test]
async fn members_that_were_not_agreed_on_are_ignored() {
    let gateway = dev_gateway().await;
    let (mut worker, caller) = (worker(&gateway, "cancel").await, Caller::admin(&gateway));
    let call = caller.calling("order", json!({}));
    fail(&mut worker).await;
    let answer = ended(call).await;
    assert_eq!((answer.detail(), answer.body.get("toolError")), (MESSAGE, None));
}

#[tokio::test]
async fn members_that_make_no_sense_cost_the_failure_nothing() {
    let gateway = dev_gateway().await;
    let (mut worker, caller) = (worker(&gateway, "error-details").await, Caller::admin(&gateway));
    for members in [
        json!({"code": 7, "retryable": "yes", "details": null}),
        json!({"code": {"a": 1}, "details": "x".repeat(100_000)}),
    ] {
        let call = caller.calling("order", json!({}));
        let frame = worker.expect("tool_call").await;
        let mut error = members;
        error["type"] = json!("tool_error");
        error["call_id"] = frame["call_id"].clone();
        error["error"] = json!(MESSAGE);
        worker.send(error).await;
        let answer = ended(call).await;
        assert_eq!((answer.status, answer.detail(), answer.body.get("toolError")), (422, MESSAGE, None));
    }
}
