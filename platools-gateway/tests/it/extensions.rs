//! Tests of the extensions of the wire between workers and the gateway.

use platools_gateway::Gateway;
use serde_json::{Value, json};

use crate::support::{Caller, Dial, Worker, dev_gateway, ended, within};

/// A worker that knows every extension, with one tool.
async fn modern(gateway: &Gateway) -> Worker {
    let dial = Dial::dev(gateway)
        .header("platools-features", "cancel, progress, log, result-ack, drain, error-details, unknown");
    let mut worker = dial.open().await;
    let agreed = json!(["cancel", "progress", "log", "result-ack", "drain", "error-details"]);
    assert_eq!(worker.expect("welcome").await["features"], agreed);
    worker.register(&["slow"]).await;
    worker
}

/// A worker that knows none.
async fn plain(gateway: &Gateway) -> Worker {
    let mut worker = Dial::dev(gateway).open().await;
    assert!(worker.expect("welcome").await.get("features").is_none());
    worker.register(&["slow"]).await;
    worker
}

#[tokio::test]
async fn a_caller_that_hangs_up_cancels_its_call() {
    let gateway = dev_gateway().await;
    let mut worker = modern(&gateway).await;
    let call = Caller::admin(&gateway).calling("slow", json!({}));
    let frame = worker.expect("tool_call").await;
    call.abort();
    assert_eq!(worker.expect("tool_cancel").await["call_id"], frame["call_id"]);
}

#[tokio::test]
async fn a_call_whose_time_is_up_is_cancelled() {
    let gateway = dev_gateway().await;
    let mut worker = modern(&gateway).await;
    let call = Caller::admin(&gateway).calling("slow", json!({"timeoutMs": 300}));
    let frame = worker.expect("tool_call").await;
    assert_eq!(worker.expect("tool_cancel").await["call_id"], frame["call_id"]);
    ended(call).await.is_problem(504, "timeout", false);
}

#[tokio::test]
async fn a_call_can_be_cancelled_by_its_id() {
    let gateway = dev_gateway().await;
    let mut worker = modern(&gateway).await;
    let caller = Caller::admin(&gateway);
    let call = caller.calling("slow", json!({}));
    let frame = worker.expect("tool_call").await;
    let path = format!("/v1/calls/{}", frame["call_id"].as_str().unwrap());
    assert_eq!(caller.send("DELETE", &path, "").await.status, 204);
    assert_eq!(worker.expect("tool_cancel").await["call_id"], frame["call_id"]);
    ended(call).await.is_problem(409, "cancelled", false);
    caller.send("DELETE", &path, "").await.is_problem(404, "not_found", false);
}

#[tokio::test]
async fn a_worker_that_offers_nothing_hears_nothing_new() {
    let gateway = dev_gateway().await;
    let mut worker = plain(&gateway).await;
    let caller = Caller::admin(&gateway);
    let call = caller.calling("slow", json!({"timeoutMs": 100}));
    let frame = worker.expect("tool_call").await;
    ended(call).await.is_problem(504, "timeout", false);
    worker.answer(&frame, json!("late")).await;
    worker.send(json!({"type": "tool_progress", "call_id": frame["call_id"], "progress": 1})).await;
    worker.send(json!({"type": "drain"})).await;
    worker.send(json!({"type": "heartbeat", "tools_health": {}})).await;
    let next: Value = serde_json::from_str(&worker.next_text().await).unwrap();
    assert_eq!(next["type"], "heartbeat_ack", "neither a cancel nor an acknowledgement");
    assert_eq!(caller.tools().await, [("slow".to_owned(), true)]);
    let call = caller.calling("slow", json!({}));
    let frame = worker.expect("tool_call").await;
    worker.answer(&frame, json!("served")).await;
    assert_eq!(ended(call).await.status, 200);
}

#[tokio::test]
async fn every_answer_is_acknowledged_also_one_nobody_waits_for() {
    let gateway = dev_gateway().await;
    let mut worker = modern(&gateway).await;
    let call = Caller::admin(&gateway).calling("slow", json!({}));
    let frame = worker.expect("tool_call").await;
    worker.answer(&frame, json!(1)).await;
    worker.answer(&json!({"call_id": "long gone"}), json!(2)).await;
    let mut acknowledged = Vec::new();
    while acknowledged.len() < 2 {
        acknowledged.extend(worker.expect("result_ack").await["call_ids"].as_array().unwrap().clone());
    }
    assert_eq!(acknowledged, [frame["call_id"].clone(), json!("long gone")]);
    assert_eq!(ended(call).await.status, 200);
}

#[tokio::test]
async fn a_caller_that_streams_hears_how_far_its_call_is_and_what_the_tool_says() {
    let gateway = dev_gateway().await;
    let mut worker = modern(&gateway).await;
    let caller = Caller::admin(&gateway);
    let mut events = caller.stream("slow", json!({})).await;
    // The call begins with the first look at its events.
    let next = tokio::spawn(async move {
        let event = events.next().await;
        (event, events)
    });
    let frame = worker.expect("tool_call").await;
    let report = json!({
        "type": "tool_progress", "call_id": frame["call_id"], "progress": 1, "total": 4, "message": "one of four"
    });
    worker.send(report).await;
    let (event, mut events) = within(next).await.unwrap();
    assert_eq!(event, ("progress".to_owned(), json!({"progress": 1.0, "total": 4.0, "message": "one of four"})));
    // The last one is there before the answer, however soon that comes.
    for message in ["one", "two"] {
        let entry = json!({"type": "tool_log", "call_id": frame["call_id"], "level": "notice", "message": message});
        worker.send(entry).await;
    }
    worker.answer(&frame, json!("done")).await;
    for message in ["one", "two"] {
        assert_eq!(events.next().await, ("log".to_owned(), json!({"level": "notice", "message": message})));
    }
    let (name, data) = events.next().await;
    assert_eq!((name.as_str(), &data["result"], &data["callId"]), ("result", &json!("done"), &frame["call_id"]));
}

#[tokio::test]
async fn a_streamed_call_that_fails_ends_with_its_problem() {
    let gateway = dev_gateway().await;
    let caller = Caller::admin(&gateway);
    let (name, data) = caller.stream("nothing", json!({})).await.next().await;
    assert_eq!((name.as_str(), &data["code"]), ("error", &json!("unknown_tool")));
    let refused = caller.post("/v1/tools/slow/call?stream=1", json!({"arguments": []})).await;
    refused.is_problem(400, "invalid_request", false);
}

#[tokio::test]
async fn what_a_worker_says_of_anothers_call_is_not_believed() {
    let gateway = dev_gateway().await;
    let secret = Caller::admin(&gateway).post("/v1/entities", json!({"slug": "other"})).await;
    let mut worker = modern(&gateway).await;
    let other = Dial::to(&gateway, "/ws/sdk").secret(secret.body["secret"].as_str().unwrap());
    let mut other = other.header("platools-features", "progress, log").open().await;
    other.expect("welcome").await;
    let mut events = Caller::admin(&gateway).stream("slow", json!({})).await;
    let next = tokio::spawn(async move { events.next().await });
    let frame = worker.expect("tool_call").await;
    other.send(json!({"type": "tool_progress", "call_id": frame["call_id"], "progress": 99})).await;
    let entry = json!({"type": "tool_log", "call_id": frame["call_id"], "level": "alert", "message": "believe me"});
    other.send(entry).await;
    other.settle().await;
    worker.answer(&frame, json!("done")).await;
    assert_eq!(within(next).await.unwrap().0, "result");
}

#[tokio::test]
async fn a_worker_that_says_it_stops_gets_no_more_calls() {
    let gateway = dev_gateway().await;
    let mut worker = modern(&gateway).await;
    let caller = Caller::admin(&gateway);
    let call = caller.calling("slow", json!({}));
    let frame = worker.expect("tool_call").await;
    worker.send(json!({"type": "drain", "deadline_ms": 1000})).await;
    worker.settle().await;
    caller.call("slow", json!({})).await.is_problem(503, "worker_offline", true);
    worker.answer(&frame, json!("finished")).await;
    assert_eq!(ended(call).await.body["result"], "finished");
}

#[tokio::test]
async fn a_gateway_that_stops_says_so_and_waits_for_calls() {
    let gateway = dev_gateway().await;
    let mut worker = modern(&gateway).await;
    let call = Caller::admin(&gateway).calling("slow", json!({}));
    let frame = worker.expect("tool_call").await;
    let stopping = tokio::spawn(gateway.stop());
    assert!(worker.expect("drain").await["deadline_ms"].as_u64().is_some());
    worker.answer(&frame, json!("finished")).await;
    assert_eq!(ended(call).await.body["result"], "finished");
    assert_eq!(worker.closed().await.0, 1001);
    within(stopping).await.unwrap();
}
