//! Tests of calls, from the caller to the worker and back.

use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use hmac::{Hmac, KeyInit as _, Mac as _};
use platools_gateway::{Gateway, dev};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tokio::io::AsyncReadExt as _;

use crate::support::{Caller, Dial, Worker, dev_gateway, ended, gateway_with, within};

/// A worker with one tool, registered.
async fn worker_with(gateway: &Gateway, tool: &str) -> Worker {
    let mut worker = Dial::dev(gateway).welcomed().await;
    worker.register(&[tool]).await;
    worker
}

#[tokio::test]
async fn a_call_brings_back_the_result_and_the_workers_latency() {
    let gateway = dev_gateway().await;
    let mut worker = worker_with(&gateway, "echo").await;
    let call = Caller::admin(&gateway).calling("echo", json!({"arguments": {"a": [1, {"b": null}]}}));
    let frame = worker.expect("tool_call").await;
    assert_eq!(frame["tool_name"], "echo");
    assert_eq!(frame["params"]["a"], json!([1, {"b": null}]));
    worker.answer(&frame, json!({"n": 1.50})).await;
    let answer = ended(call).await;
    assert_eq!((answer.status, answer.kind.as_str()), (200, "application/json"));
    assert_eq!(answer.body, json!({"callId": frame["call_id"], "result": {"n": 1.5}, "latencyMs": 7}));
}

/// The raw `params` of a call frame, without `__platos`, as the signature covers them.
fn signed_part(frame: &str) -> String {
    let start = frame.find(r#""params":"#).unwrap() + r#""params":"#.len();
    let end = frame.rfind(r#","__platos":"#).unwrap();
    format!("{}}}", &frame[start..end])
}

#[tokio::test]
async fn params_end_in_context_and_a_signed_platos() {
    let gateway = dev_gateway().await;
    let mut worker = Dial::dev(&gateway).header("platools-features", "cancel").welcomed().await;
    worker.register(&["echo"]).await;
    let agent = Caller::at(&gateway.url()).key(dev::AGENT_KEY);
    let body = r#"{ "arguments" : { "z": "ü \" }" , "a": 1.50 } }"#;
    let call = tokio::spawn(async move { agent.send("POST", "/v1/tools/echo/call", body).await });
    let text = worker.next_text().await;
    assert!(text.contains(r#""params":{"z":"ü \" }","a":1.50,"_context":{"deadline":""#), "{text}");

    let frame: Value = serde_json::from_str(&text).unwrap();
    let platos = &frame["params"]["__platos"];
    let field = |name: &str| platos[name].as_str().unwrap_or_else(|| panic!("{name}: {platos}"));
    assert_eq!(platos.as_object().unwrap().len(), 11, "{platos}");
    assert_eq!(field("callId"), frame["call_id"]);
    assert!(
        ["organizationId", "projectId", "environmentId", "entityId", "agentId"].iter().all(|id| !field(id).is_empty())
    );
    assert_eq!((field("userId"), field("threadId")), ("", ""));
    assert_eq!((field("nonce").len(), field("timestamp").len()), (32, 24));
    assert!(field("timestamp").ends_with('Z'));

    let body = format!(r#"{{"method":"tools/call","params":{{"name":"echo","arguments":{}}}}}"#, signed_part(&text));
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(dev::SECRET.as_bytes()).unwrap();
    mac.update(format!("{}.{}.{body}", field("timestamp"), field("nonce")).as_bytes());
    let signature: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(field("signature"), signature);

    worker.answer(&frame, json!(null)).await;
    assert_eq!(ended(call).await.body["result"], Value::Null);
}

#[tokio::test]
async fn a_call_without_arguments_has_only_the_envelopes() {
    let gateway = dev_gateway().await;
    let mut worker = worker_with(&gateway, "echo").await;
    let call = Caller::admin(&gateway).calling("echo", json!({}));
    let frame = worker.expect("tool_call").await;
    let keys: Vec<_> = frame["params"].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["_context", "__platos"]);
    assert_eq!(frame["params"]["__platos"]["agentId"], "default", "no agent calls");
    assert_eq!(frame["params"]["__platos"]["entityId"], "dev", "workers know their entity by its slug");
    worker.answer(&frame, json!(1)).await;
    ended(call).await;
}

#[tokio::test]
async fn a_tools_error_is_a_422_with_its_message() {
    let gateway = dev_gateway().await;
    let mut worker = worker_with(&gateway, "fail").await;
    let call = Caller::admin(&gateway).calling("fail", json!({}));
    let frame = worker.expect("tool_call").await;
    let call_id = &frame["call_id"];
    worker
        .send(json!({"type": "tool_error", "call_id": call_id, "error": "no such order", "traceback": "secret"}))
        .await;
    let answer = ended(call).await;
    answer.is_problem(422, "tool_failed", false);
    assert_eq!(answer.detail(), "no such order");
    assert_eq!(&answer.body["callId"], call_id);
    assert!(!answer.body.to_string().contains("secret"));
}

#[tokio::test]
async fn a_result_from_another_entity_does_not_consume_the_call() {
    let gateway = dev_gateway().await;
    let secret = gateway.add_entity("orders").await.unwrap();
    let mut own = worker_with(&gateway, "echo").await;
    let mut foreign = Dial::to(&gateway, "/ws/sdk").secret(secret.expose_secret()).welcomed().await;
    let mut staging = Dial::to(&gateway, "/ws/sdk?env=staging").secret(dev::SECRET).welcomed().await;
    let call = Caller::admin(&gateway).calling("echo", json!({}));
    let frame = own.expect("tool_call").await;
    for other in [&mut foreign, &mut staging] {
        other.answer(&frame, json!("forged")).await;
        other.send(json!({"type": "tool_error", "call_id": frame["call_id"], "error": "forged"})).await;
        other.settle().await;
    }
    own.answer(&frame, json!("own")).await;
    assert_eq!(ended(call).await.body["result"], "own");
}

#[tokio::test]
async fn a_result_may_come_over_the_next_socket_of_the_same_worker() {
    let gateway = dev_gateway().await;
    let mut first = worker_with(&gateway, "echo").await;
    let call = Caller::admin(&gateway).calling("echo", json!({}));
    let frame = first.expect("tool_call").await;
    first.leave().await;
    assert_eq!(gateway.connection_count(), 0);
    let mut second = Dial::dev(&gateway).welcomed().await;
    second.answer(&frame, json!("late but there")).await;
    assert_eq!(ended(call).await.body["result"], "late but there");
}

#[tokio::test]
async fn a_result_that_crosses_the_close_of_its_socket_counts() {
    let gateway = dev_gateway().await;
    let mut older = worker_with(&gateway, "echo").await;
    let call = Caller::admin(&gateway).calling("echo", json!({}));
    let frame = older.expect("tool_call").await;
    let _newer = Dial::dev(&gateway).welcomed().await;
    // The close is on its way to the older socket, which has not read it yet.
    older.answer(&frame, json!("crossed")).await;
    assert_eq!(ended(call).await.body["result"], "crossed");
    assert_eq!(older.closed().await.0, 1000);
}

#[tokio::test]
async fn a_repeated_result_is_ignored() {
    let gateway = dev_gateway().await;
    let mut worker = worker_with(&gateway, "echo").await;
    let call = Caller::admin(&gateway).calling("echo", json!({}));
    let frame = worker.expect("tool_call").await;
    worker.answer(&frame, json!(1)).await;
    worker.answer(&frame, json!(2)).await;
    worker.settle().await;
    assert_eq!(ended(call).await.body["result"], 1);
}

#[tokio::test]
async fn a_tool_whose_worker_does_not_come_back_is_a_503() {
    let gateway = dev_gateway().await;
    worker_with(&gateway, "echo").await.leave().await;
    let answer = Caller::admin(&gateway).call("echo", json!({"timeoutMs": 600_000})).await;
    answer.is_problem(503, "worker_offline", true);
}

#[tokio::test]
async fn a_call_past_its_timeout_is_a_504_and_its_late_result_is_ignored() {
    let gateway = dev_gateway().await;
    let mut worker = worker_with(&gateway, "echo").await;
    let caller = Caller::admin(&gateway);
    let call = caller.calling("echo", json!({"timeoutMs": 1000}));
    let late = worker.expect("tool_call").await;
    let answer = ended(call).await;
    answer.is_problem(504, "timeout", false);
    assert_eq!(answer.body["callId"], late["call_id"]);
    worker.answer(&late, json!("late")).await;

    let call = caller.calling("echo", json!({}));
    let frame = worker.expect("tool_call").await;
    worker.answer(&frame, json!("in time")).await;
    assert_eq!(ended(call).await.body["result"], "in time");
}

#[tokio::test]
async fn a_tool_of_two_entities_needs_the_entity() {
    let gateway = dev_gateway().await;
    let secret = gateway.add_entity("orders").await.unwrap();
    let _dev = worker_with(&gateway, "echo").await;
    let mut orders = Dial::to(&gateway, "/ws/sdk").secret(secret.expose_secret()).welcomed().await;
    orders.register(&["echo"]).await;
    let caller = Caller::admin(&gateway);
    let ambiguous = caller.call("echo", json!({})).await;
    ambiguous.is_problem(409, "ambiguous_tool", false);
    assert!(ambiguous.detail().contains("dev, orders"), "{ambiguous:?}");

    let listing = caller.get("/v1/tools").await;
    let id = listing.body["tools"][1]["entityId"].as_str().unwrap().to_owned();
    for entity in ["orders", &id] {
        let call = caller.calling("echo", json!({"entityId": entity}));
        let frame = orders.expect("tool_call").await;
        orders.answer(&frame, json!("orders")).await;
        assert_eq!(ended(call).await.body["result"], "orders");
    }
    caller.call("echo", json!({"entityId": "nobody"})).await.is_problem(404, "unknown_tool", false);
}

#[tokio::test]
async fn a_call_goes_to_the_environment_it_names() {
    let gateway = dev_gateway().await;
    let mut staging = Dial::to(&gateway, "/ws/sdk?env=staging").secret(dev::SECRET).welcomed().await;
    staging.register(&["echo"]).await;
    let caller = Caller::admin(&gateway);
    caller.call("echo", json!({})).await.is_problem(404, "unknown_tool", false);
    let call = caller.calling("echo", json!({"environmentId": "stg"}));
    let frame = staging.expect("tool_call").await;
    staging.answer(&frame, json!("staging")).await;
    assert_eq!(ended(call).await.body["result"], "staging");
    caller.call("echo", json!({"environmentId": "moon"})).await.is_problem(400, "invalid_request", false);
}

#[tokio::test]
async fn a_result_over_256_kib_is_replaced_by_a_preview() {
    let gateway = dev_gateway().await;
    let mut worker = worker_with(&gateway, "echo").await;
    let caller = Caller::admin(&gateway);
    let limit = 256 * 1024;
    for (length, whole) in [(limit, true), (limit + 1, false)] {
        let call = caller.calling("echo", json!({}));
        let frame = worker.expect("tool_call").await;
        worker.answer(&frame, json!("x".repeat(length))).await;
        let result = ended(call).await.body["result"].clone();
        assert_eq!(result.is_string(), whole);
        if !whole {
            assert_eq!(result["truncated"], true);
            assert_eq!(result["preview"].as_str().unwrap().len(), 4096);
            assert_eq!(result["original_bytes"], limit + 1);
        }
    }
}

#[tokio::test]
async fn calls_of_one_worker_do_not_wait_for_each_other() {
    let gateway = dev_gateway().await;
    let mut worker = worker_with(&gateway, "echo").await;
    let caller = Caller::admin(&gateway);
    let calls: Vec<_> = (0..64).map(|n| caller.calling("echo", json!({"arguments": {"n": n}}))).collect();
    let mut frames = Vec::new();
    for _ in 0..calls.len() {
        frames.push(worker.expect("tool_call").await);
    }
    for frame in frames.iter().rev() {
        worker.answer(frame, frame["params"]["n"].clone()).await;
    }
    for (n, call) in calls.into_iter().enumerate() {
        assert_eq!(ended(call).await.body["result"], n);
    }
}

#[tokio::test]
async fn a_worker_that_does_not_read_costs_only_its_own_callers() {
    let gateway = dev_gateway().await;
    let secret = gateway.add_entity("orders").await.unwrap();
    let slow = worker_with(&gateway, "slow").await;
    let mut quick = Dial::to(&gateway, "/ws/sdk").secret(secret.expose_secret()).welcomed().await;
    quick.register(&["quick"]).await;
    let caller = Caller::admin(&gateway);

    // More than the queue and the network's buffers hold; the worker never reads.
    let padding = "x".repeat(4 * 1024 * 1024);
    let calls: Vec<_> =
        (0..16).map(|_| caller.calling("slow", json!({"arguments": {"p": padding}, "timeoutMs": 5000}))).collect();
    let mut codes = Vec::new();
    for call in calls {
        let answer = ended(call).await;
        codes.push((answer.status, answer.body["code"].as_str().unwrap().to_owned()));
    }
    assert!(codes.contains(&(503, "worker_busy".to_owned())), "{codes:?}");
    assert!(codes.iter().all(|(status, _)| matches!(status, 503 | 504)), "{codes:?}");

    let call = caller.calling("quick", json!({}));
    let frame = quick.expect("tool_call").await;
    quick.answer(&frame, json!("quick")).await;
    assert_eq!(ended(call).await.body["result"], "quick");
    drop(slow);
}

#[tokio::test]
async fn a_worker_that_takes_nothing_is_closed_and_its_unsent_calls_fail_when_it_does_not_come_back() {
    const CALLS: usize = 8;
    let (gateway, secret, caller) = gateway_with(Gateway::builder().worker_stall(Duration::from_millis(100))).await;
    let mut worker = Dial::to(&gateway, "/ws/sdk").secret(&secret).narrow().welcomed().await;
    worker.register(&["slow"]).await;
    let body = json!({"arguments": {"p": "x".repeat(4 * 1024 * 1024)}, "timeoutMs": 600_000});
    let mut calls: FuturesUnordered<_> = (0..CALLS).map(|_| caller.call("slow", body.clone())).collect();
    let mut unsent = 0;
    while let Some(answer) = within(calls.next()).await {
        match answer.status {
            503 => answer.is_problem(503, "worker_offline", true),
            _ => answer.is_problem(504, "worker_lost", false),
        }
        unsent += usize::from(answer.status == 503);
    }
    // The kernel holds one of them at most, and the socket another.
    assert!(unsent >= CALLS - 2, "{unsent} of {CALLS} calls were not sent");
    assert_eq!(gateway.connection_count(), 0);
}

/// Reads the head of a long text frame, and returns how many bytes follow.
async fn long_frame(worker: &mut Worker) -> u64 {
    let mut head = [0; 10];
    within(worker.connection().read_exact(&mut head)).await.unwrap();
    assert_eq!(head[..2], [0x81, 127], "a long text frame");
    u64::from_be_bytes(head[2..].try_into().unwrap())
}

#[tokio::test]
async fn a_worker_that_reads_slowly_gets_its_call_however_long_that_takes() {
    let (gateway, secret, caller) = gateway_with(Gateway::builder().worker_stall(Duration::from_secs(1))).await;
    let mut worker = Dial::to(&gateway, "/ws/sdk").secret(&secret).narrow().welcomed().await;
    worker.register(&["slow"]).await;
    let body = json!({"arguments": {"p": "x".repeat(8_000_000)}, "timeoutMs": 600_000});
    let _call = caller.calling("slow", body);

    let mut left = long_frame(&mut worker).await;
    let connection = worker.connection();
    let mut pace = tokio::time::interval(Duration::from_millis(25));
    while left > 0 {
        pace.tick().await;
        left -=
            within(tokio::io::copy(&mut connection.take(left.min(64 * 1024)), &mut tokio::io::sink())).await.unwrap();
    }
    // What follows is no close.
    worker.settle().await;
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_ends_its_call() {
    let gateway = dev_gateway().await;
    let mut worker = worker_with(&gateway, "echo").await;
    let caller = Caller::admin(&gateway);
    for traceback in [json!(["at a", "at b"]), json!(7)] {
        let mut answer = json!({"type": "tool_error", "error": "e", "traceback": traceback});
        let call = caller.calling("echo", json!({}));
        answer["call_id"] = worker.expect("tool_call").await["call_id"].clone();
        worker.send(answer).await;
        let answer = ended(call).await;
        answer.is_problem(422, "tool_failed", false);
        assert_eq!(answer.detail(), "the worker's answer cannot be read");
    }
}

#[tokio::test]
async fn a_latency_that_cannot_be_read_counts_as_0() {
    let gateway = dev_gateway().await;
    let mut worker = worker_with(&gateway, "echo").await;
    let caller = Caller::admin(&gateway);
    for latency_ms in [json!(2.5), json!(-1), json!("7"), Value::Null] {
        let call = caller.calling("echo", json!({}));
        let call_id = worker.expect("tool_call").await["call_id"].clone();
        worker.send(json!({"type": "tool_result", "call_id": call_id, "result": 1, "latency_ms": latency_ms})).await;
        let answer = ended(call).await;
        assert_eq!((&answer.body["result"], &answer.body["latencyMs"]), (&json!(1), &json!(0)), "{latency_ms}");
    }
}

#[tokio::test]
async fn a_long_error_of_a_tool_is_cut() {
    let gateway = dev_gateway().await;
    let mut worker = worker_with(&gateway, "fail").await;
    let call = Caller::admin(&gateway).calling("fail", json!({}));
    let call_id = worker.expect("tool_call").await["call_id"].clone();
    let error = format!("x{}", "é".repeat(1024 * 1024));
    worker.send(json!({"type": "tool_error", "call_id": call_id, "error": error})).await;
    let answer = ended(call).await;
    answer.is_problem(422, "tool_failed", false);
    assert_eq!(answer.detail().len(), 64 * 1024 - 1, "whole characters in 64 KiB");
}

#[tokio::test]
async fn an_answer_behind_a_frame_that_ends_the_link_counts() {
    let gateway = dev_gateway().await;
    let mut worker = worker_with(&gateway, "echo").await;
    let call = Caller::admin(&gateway).calling("echo", json!({}));
    let frame = worker.expect("tool_call").await;
    let names: Vec<_> = (0..1001).map(|number| number.to_string()).collect();
    worker.declare(&names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    worker.answer(&frame, json!("behind")).await;
    assert_eq!(ended(call).await.body["result"], "behind");
    assert_eq!(worker.closed().await.0, 1008);
}

#[tokio::test]
async fn stopping_lets_calls_under_way_finish() {
    let gateway = dev_gateway().await;
    let mut worker = worker_with(&gateway, "echo").await;
    let call = Caller::admin(&gateway).calling("echo", json!({}));
    let frame = worker.expect("tool_call").await;
    let stopping = tokio::spawn(gateway.shutdown());
    worker.answer(&frame, json!("finished")).await;
    assert_eq!(ended(call).await.body["result"], "finished");
    assert_eq!(worker.closed().await.0, 1001);
    within(stopping).await.unwrap();
}

#[tokio::test]
async fn a_call_that_outlasts_the_drain_limit_is_told_so() {
    let (gateway, secret, caller) = gateway_with(Gateway::builder().drain_limit(Duration::from_millis(1))).await;
    let mut worker = Dial::to(&gateway, "/ws/sdk").secret(&secret).welcomed().await;
    worker.register(&["echo"]).await;
    let call = caller.calling("echo", json!({}));
    worker.expect("tool_call").await;
    let stopping = tokio::spawn(gateway.shutdown());
    ended(call).await.is_problem(503, "interrupted", false);
    assert_eq!(worker.closed().await.0, 1001);
    within(stopping).await.unwrap();
}
