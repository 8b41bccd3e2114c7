//! Tests of gateway RPC connections that end, such as those of callers that read slowly.

use std::time::Duration;

use platools_gateway::ops::log_tail::LogTail;
use platools_gateway::{Gateway, Role, RpcSettings, dev};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::rpc_caller::RpcCaller;
use crate::support::{Caller, Dial, dev_gateway, gateway_with, tool, within};

#[tokio::test]
async fn a_key_that_is_revoked_closes_what_it_opened() {
    let gateway = dev_gateway().await;
    let admin = Caller::admin(&gateway);
    let key = admin.post("/v1/keys", json!({"role": "operator"})).await.body;
    let mut caller = RpcCaller::with(&gateway, key["secret"].as_str().unwrap(), "u").await;
    let mut other = RpcCaller::operator(&gateway, "u").await;
    admin.send("DELETE", &format!("/v1/keys/{}", key["key"]["id"].as_str().unwrap()), "").await;
    assert_eq!(caller.closed().await, (4001, "the key or token has ended".to_owned()));
    other.ok("health", json!({})).await;
}

#[tokio::test]
async fn a_token_that_ends_closes_what_it_opened_and_so_does_the_end_of_its_agent() {
    let gateway = dev_gateway().await;
    let admin = Caller::admin(&gateway);
    for (agent, ttl) in [(None, 2), (Some("main"), 600)] {
        let mint = json!({"role": "operator", "agentId": agent, "ttlSeconds": ttl});
        let token = admin.post("/v1/tokens", mint).await.body["token"].clone();
        let mut caller = RpcCaller::with(&gateway, token.as_str().unwrap(), "u").await;
        if let Some(agent) = agent {
            admin.send("DELETE", &format!("/v1/agents/{agent}"), "").await;
        }
        assert_eq!(caller.closed().await.0, 4001);
    }
}

#[tokio::test]
async fn a_gateway_that_stops_lets_requests_finish_and_takes_no_new_ones() {
    let gateway = dev_gateway().await;
    let mut worker = Dial::dev(&gateway).welcomed().await;
    worker.register(&["slow"]).await;
    let mut idle = RpcCaller::operator(&gateway, "u").await;
    let mut stranger = RpcCaller::stranger_at(&gateway).await;
    let mut caller = RpcCaller::operator(&gateway, "u").await;
    let id = caller.send("tools.call", json!({"name": "slow", "arguments": {}})).await;
    let call = worker.expect("tool_call").await;
    let stopping = tokio::spawn(gateway.shutdown());
    for other in [&mut idle, &mut stranger] {
        assert_eq!(other.closed().await.0, 1001);
    }
    let error = caller.error("health", json!({})).await;
    assert_eq!((&error["code"], &error["retryable"]), (&json!("UNAVAILABLE"), &json!(true)));
    worker.answer(&call, json!("done")).await;
    assert_eq!(caller.response(&id).await["payload"]["result"], "done");
    assert_eq!(caller.closed().await.0, 1001);
    within(stopping).await.unwrap();
}

#[tokio::test]
async fn requests_that_do_not_finish_end_with_the_gateway() {
    let setup = Gateway::builder().drain_limit(Duration::from_millis(200));
    let (gateway, secret, _) = gateway_with(setup).await;
    let key = gateway.add_key(Role::Operator).await.unwrap();
    let mut worker = Dial::to(&gateway, "/ws/sdk").secret(&secret).welcomed().await;
    worker.register(&["slow"]).await;
    let mut caller = RpcCaller::with(&gateway, key.expose_secret(), "u").await;
    let id = caller.send("tools.call", json!({"name": "slow", "arguments": {}})).await;
    worker.expect("tool_call").await;
    let stopping = tokio::spawn(gateway.shutdown());
    assert_eq!(caller.failed(&id).await["details"]["code"], "interrupted");
    assert_eq!(caller.closed().await.0, 1001);
    within(stopping).await.unwrap();
}

#[tokio::test]
async fn a_dropped_gateway_closes_its_callers() {
    let gateway = dev_gateway().await;
    let mut caller = RpcCaller::operator(&gateway, "u").await;
    drop(gateway);
    assert_eq!(caller.closed().await.0, 1001);
}

/// A gateway where little waits for callers, and an admin who reads nothing until the test does.
async fn slow_reader() -> (Gateway, LogTail, String, RpcCaller) {
    let mut settings = RpcSettings::default();
    settings.waiting_messages = 8;
    let tail = LogTail::new();
    let (gateway, secret, _) = gateway_with(Gateway::builder().rpc(settings).logs(tail.clone())).await;
    let key = gateway.add_key(Role::Admin).await.unwrap();
    let connect = json!({"token": key.expose_secret(), "user_id": "u"});
    let caller = RpcCaller::known(Dial::to(&gateway, "/ws").narrow(), connect).await;
    (gateway, tail, secret, caller)
}

#[tokio::test]
async fn events_that_a_slow_caller_loses_show_as_a_gap_and_no_response_is_lost() {
    /// Lines that are more than the buffers of a socket take.
    const LINES: usize = 2000;
    let (gateway, tail, _, mut caller) = slow_reader().await;
    caller.ok("logs.tail", json!({})).await;
    let line = json!({"message": "x".repeat(15_000)}).to_string();
    let other = Caller::at(&gateway.url());
    for number in 0..LINES {
        tail.add(&line);
        if number % 4 == 0 {
            // So that the gateway forwards each of them.
            assert_eq!(other.get("/health").await.status, 200);
        }
    }
    let id = caller.send("health", json!({})).await;
    let response = caller.response(&id).await;
    assert_eq!(response["ok"], true);
    let seqs: Vec<_> = caller.events.iter().map(|event| event["seq"].as_u64().unwrap()).collect();
    assert!(seqs[0] == 1 && seqs.is_sorted() && seqs.len() < LINES, "some were lost: {seqs:?}");
    caller.events.clear();
    tail.add(r#"{"message":"last"}"#);
    let mut received = seqs.len();
    let last = loop {
        let event = caller.next().await;
        received += 1;
        if event["payload"]["message"] == "last" {
            break event;
        }
    };
    assert_eq!(last["seq"], LINES + 1, "those that were lost have been counted");
    let id = caller.send("health", json!({})).await;
    let dropped: u64 =
        [response, caller.response(&id).await].iter().filter_map(|told| told["droppedEvents"].as_u64()).sum();
    assert_eq!(dropped, (LINES + 1 - received) as u64, "the responses tell of each of them");
    let viewer = gateway.add_key(Role::Viewer).await.unwrap();
    let (_, metrics) = other.key(viewer.expose_secret()).text("/metrics").await;
    assert!(metrics.contains(&format!("platools_events_dropped_total{{}} {dropped}\n")), "{dropped}: {metrics}");
}

#[tokio::test]
async fn a_caller_whose_responses_do_not_fit_is_closed_with_1013() {
    let (gateway, _, secret, mut caller) = slow_reader().await;
    let mut worker = Dial::to(&gateway, "/ws/sdk").secret(&secret).welcomed().await;
    let tools: Vec<Value> = (0..500).map(|number| tool(&format!("tool-{number}"))).collect();
    worker.send(json!({"type": "tool_register", "tools": tools})).await;
    worker.expect("tools_registered").await;
    // Each answer has a quarter of a megabyte.
    for _ in 0..64 {
        caller.send("tools.list", json!({})).await;
    }
    assert_eq!(caller.closed().await, (1013, "too many responses wait".to_owned()));
}

#[tokio::test]
async fn callers_that_connect_and_go_are_forgotten() {
    let gateway = dev_gateway().await;
    let mut caller = RpcCaller::admin(&gateway).await;
    drop(RpcCaller::operator(&gateway, dev::AGENT).await);
    within(async { while caller.ok("status", json!({})).await["callers"] != 1 {} }).await;
}
