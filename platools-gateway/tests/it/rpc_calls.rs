//! Tests of running calls and conversations over gateway RPC.

use platools_gateway::Gateway;
use serde_json::{Value, json};

use crate::rpc_caller::RpcCaller;
use crate::support::{Dial, Worker, dev_gateway};

/// A worker that can be told to give calls up, with some tools.
async fn worker(gateway: &Gateway) -> Worker {
    let mut worker = Dial::dev(gateway).header("platools-features", "cancel").welcomed().await;
    worker.register(&["slow", "quick"]).await;
    worker
}

#[tokio::test]
async fn a_call_is_answered_with_its_result_and_told_of_as_events() {
    let gateway = dev_gateway().await;
    let mut worker = worker(&gateway).await;
    let mut caller = RpcCaller::operator(&gateway, "u-7").await;
    let id = caller.send("tools.call", json!({"name": "quick", "arguments": {"a": 1.0}, "timeoutMs": 60_000})).await;
    let call = worker.expect("tool_call").await;
    assert_eq!((&call["params"]["a"], &call["params"]["_context"]["user.id"]), (&json!(1.0), &json!("u-7")));
    worker.answer(&call, json!({"b": 2})).await;
    let payload = caller.response(&id).await["payload"].clone();
    assert_eq!(payload, json!({"result": {"b": 2}, "latencyMs": 7, "callId": call["call_id"]}));
    let events = caller.take_events();
    assert_eq!(
        events,
        [
            ("tool.call".to_owned(), json!({"tool": "quick", "input": {"a": 1.0}, "call_id": call["call_id"]})),
            ("tool.result".to_owned(), json!({"tool": "quick", "output": {"b": 2}, "call_id": call["call_id"]}))
        ]
    );
}

#[tokio::test]
async fn calls_that_fail_say_how() {
    let gateway = dev_gateway().await;
    let mut caller = RpcCaller::operator(&gateway, "u").await;
    let call = |name: &str| json!({"name": name, "arguments": {}});
    assert_eq!(caller.code("tools.call", call("nothing")).await, "NOT_FOUND");
    assert_eq!(caller.code("tools.call", json!({"name": "quick"})).await, "INVALID_REQUEST");
    let mut worker = worker(&gateway).await;
    for params in [
        json!({"name": "quick", "arguments": []}),
        json!({"name": "quick", "arguments": {"_context": 1}}),
        json!({"name": "quick", "arguments": {}, "timeoutMs": 0}),
        json!({"name": "quick", "arguments": {}, "environmentId": "nowhere"}),
    ] {
        assert_eq!(caller.code("tools.call", params.clone()).await, "INVALID_REQUEST", "{params}");
    }
    let id = caller.send("tools.call", call("quick")).await;
    let frame = worker.expect("tool_call").await;
    worker.send(json!({"type": "tool_error", "call_id": frame["call_id"], "error": "no such order"})).await;
    let error = caller.failed(&id).await;
    let details = json!({"code": "tool_failed", "callId": frame["call_id"]});
    assert_eq!(error, json!({"code": "INTERNAL", "message": "no such order", "retryable": false, "details": details}));
    assert_eq!(caller.events.last().unwrap()["payload"]["output"], json!({"error": "no such order"}));

    let error = caller.error("tools.call", json!({"name": "slow", "arguments": {}, "timeoutMs": 1})).await;
    assert_eq!((&error["code"], &error["details"]["code"]), (&json!("AGENT_TIMEOUT"), &json!("timeout")));
    worker.leave().await;
    let error = caller.error("tools.call", call("quick")).await;
    assert_eq!((&error["code"], &error["retryable"]), (&json!("UNAVAILABLE"), &json!(true)));
}

#[tokio::test]
async fn a_slow_request_delays_no_other() {
    let gateway = dev_gateway().await;
    let mut worker = worker(&gateway).await;
    let mut caller = RpcCaller::operator(&gateway, "u").await;
    let slow = caller.send("tools.call", json!({"name": "slow", "arguments": {}})).await;
    let slow_call = worker.expect("tool_call").await;
    caller.ok("health", json!({})).await;
    let quick = caller.send("tools.call", json!({"name": "quick", "arguments": {}})).await;
    let quick_call = worker.expect("tool_call").await;
    worker.answer(&quick_call, json!("quick")).await;
    assert_eq!(caller.response(&quick).await["payload"]["result"], "quick");
    worker.answer(&slow_call, json!("slow")).await;
    assert_eq!(caller.response(&slow).await["payload"]["result"], "slow");
}

#[tokio::test]
async fn a_burst_of_short_requests_is_answered_to_the_last() {
    let gateway = dev_gateway().await;
    let mut caller = RpcCaller::operator(&gateway, "u").await;
    for id in caller.send_burst("health", 1000).await {
        assert_eq!(caller.response(&id).await["ok"], true);
    }
}

#[tokio::test]
async fn a_chat_is_told_of_bit_by_bit_and_answered_at_its_end() {
    let gateway = dev_gateway().await;
    let mut worker = worker(&gateway).await;
    let mut caller = RpcCaller::operator(&gateway, "u-7").await;
    let message = json!({"agentId": "main", "message": "/quick {\"a\": 1}", "channel": "websocket"});
    let id = caller.send("chat.send", message).await;
    let call = worker.expect("tool_call").await;
    assert_eq!(call["params"]["_context"]["user.id"], "u-7");
    worker.answer(&call, json!({"b": 2})).await;
    let payload = caller.response(&id).await["payload"].clone();
    assert_eq!(payload["content"], r#"{"b":2}"#);
    assert_eq!(payload["usage"], json!({"input_tokens": 0, "output_tokens": 0}));
    assert!(payload["sessionId"].as_str().unwrap().starts_with("conv_"), "{payload}");
    assert_eq!(caller.events[0]["seq"], 1, "events are counted from 1");
    let events = caller.take_events();
    let (run, call) = (&payload["runId"], &call["call_id"]);
    let agent = |status: &str| {
        ("agent".to_owned(), json!({"run_id": run, "status": status, "session_id": payload["sessionId"]}))
    };
    assert_eq!(
        events,
        [
            agent("started"),
            ("tool.call".to_owned(), json!({"tool": "quick", "input": {"a": 1}, "run_id": run, "call_id": call})),
            ("tool.result".to_owned(), json!({"tool": "quick", "output": {"b": 2}, "run_id": run, "call_id": call})),
            ("chat".to_owned(), json!({"chunk": r#"{"b":2}"#, "delta": r#"{"b":2}"#, "run_id": run})),
            agent("completed")
        ]
    );
}

#[tokio::test]
async fn an_aborted_run_is_given_up_down_to_the_worker() {
    let gateway = dev_gateway().await;
    let mut worker = worker(&gateway).await;
    let mut caller = RpcCaller::operator(&gateway, "u").await;
    let first = caller.ok("chat.send", json!({"agentId": "main", "message": "Hello!"})).await;
    let run = |session: Option<Value>| json!({"agentId": "main", "message": "/slow", "sessionId": session});
    for by_run in [true, false] {
        caller.events.clear();
        let id = caller.send("chat.send", run(Some(first["sessionId"].clone()))).await;
        let call = worker.expect("tool_call").await;
        let run_id = caller.event("agent").await["run_id"].clone();
        caller.event("tool.call").await;
        let which = if by_run { json!({"runId": run_id}) } else { json!({"sessionId": first["sessionId"]}) };
        caller.send_as("abort", "chat.abort", which).await;
        assert_eq!(worker.expect("tool_cancel").await["call_id"], call["call_id"]);
        // Which of the two responses comes first is nobody's promise.
        let (mut aborted, mut failed) = (Value::Null, Value::Null);
        while aborted.is_null() || failed.is_null() {
            let frame = caller.next().await;
            match frame["id"].as_str() {
                Some("abort") => aborted = frame["payload"]["aborted"].clone(),
                Some(other) if other == id => failed = frame["error"].clone(),
                _ => {
                    let failed = json!({"run_id": run_id, "status": "failed", "session_id": first["sessionId"]});
                    assert_eq!(frame["payload"], failed);
                }
            }
        }
        assert_eq!(aborted, json!([run_id]));
        assert_eq!((&failed["code"], &failed["retryable"]), (&json!("FAILED_PRECONDITION"), &json!(false)));
        let details = json!({"code": "cancelled", "sessionId": first["sessionId"], "runId": run_id});
        assert_eq!(failed["details"], details);
        assert_eq!(caller.code("chat.abort", json!({"runId": run_id})).await, "NOT_FOUND");
    }
    assert_eq!(caller.code("chat.abort", json!({})).await, "INVALID_REQUEST");
}

#[tokio::test]
async fn only_the_connection_that_began_a_run_aborts_it() {
    let gateway = dev_gateway().await;
    let mut worker = worker(&gateway).await;
    let mut caller = RpcCaller::operator(&gateway, "u").await;
    let id = caller.send("chat.send", json!({"agentId": "main", "message": "/slow"})).await;
    let run_id = caller.event("agent").await["run_id"].clone();
    let mut other = RpcCaller::operator(&gateway, "u").await;
    assert_eq!(other.code("chat.abort", json!({"runId": run_id})).await, "NOT_FOUND");
    let call = worker.expect("tool_call").await;
    worker.answer(&call, json!("done")).await;
    assert_eq!(caller.response(&id).await["payload"]["content"], r#""done""#);
}

#[tokio::test]
async fn a_socket_that_ends_gives_up_what_it_had_under_way() {
    let gateway = dev_gateway().await;
    let mut worker = worker(&gateway).await;
    for (method, params) in [
        ("tools.call", json!({"name": "slow", "arguments": {}})),
        ("chat.send", json!({"agentId": "main", "message": "/slow"})),
    ] {
        let mut caller = RpcCaller::operator(&gateway, "u").await;
        caller.send(method, params).await;
        let call = worker.expect("tool_call").await;
        drop(caller);
        assert_eq!(worker.expect("tool_cancel").await["call_id"], call["call_id"], "{method}");
    }
}
