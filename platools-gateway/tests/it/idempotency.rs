//! Tests of calls under idempotency keys, and of the trace that a call belongs to.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use platools_gateway::Gateway;
use platools_gateway::ports::call_observer::{BegunCall, CallObserver, EndedCall};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::support::{Answer, Caller, Dial, Worker, dev_gateway, ended, gateway_with};

const PATH: &str = "/v1/tools/count/call";

async fn worker(gateway: &Gateway) -> Worker {
    let mut worker = Dial::dev(gateway).welcomed().await;
    worker.register(&["count"]).await;
    worker
}

fn named(caller: &Caller, key: &'static str, body: Value) -> JoinHandle<Answer> {
    let caller = caller.clone();
    tokio::spawn(async move { caller.send_with(PATH, &[("idempotency-key", key)], body).await })
}

async fn served(worker: &mut Worker, call: JoinHandle<Answer>, result: Value) -> Answer {
    let frame = worker.expect("tool_call").await;
    worker.answer(&frame, result).await;
    ended(call).await
}

#[tokio::test]
async fn the_same_key_gets_the_same_answer_and_the_tool_runs_once() {
    let gateway = dev_gateway().await;
    let (mut worker, caller) = (worker(&gateway).await, Caller::admin(&gateway));
    let first = served(&mut worker, named(&caller, "k-1", json!({})), json!(1)).await;
    let again = ended(named(&caller, "k-1", json!({}))).await;
    assert_eq!((again.status, &again.body), (200, &first.body));
    // Another key is another call.
    let other = served(&mut worker, named(&caller, "k-2", json!({})), json!(2)).await;
    assert_eq!(other.body["result"], 2);
}

#[tokio::test]
async fn a_second_request_waits_for_the_first_even_if_its_caller_is_gone() {
    let gateway = dev_gateway().await;
    let (mut worker, caller) = (worker(&gateway).await, Caller::admin(&gateway));
    let first = named(&caller, "k", json!({}));
    let frame = worker.expect("tool_call").await;
    let second = named(&caller, "k", json!({}));
    first.abort();
    worker.settle().await;
    worker.answer(&frame, json!("once")).await;
    assert_eq!(ended(second).await.body["result"], "once");
    assert_eq!(ended(named(&caller, "k", json!({}))).await.body["result"], "once");
}

#[tokio::test]
async fn a_key_that_was_used_for_another_call_is_refused() {
    let gateway = dev_gateway().await;
    let (mut worker, caller) = (worker(&gateway).await, Caller::admin(&gateway));
    served(&mut worker, named(&caller, "k", json!({"arguments": {"n": 1}})), json!(1)).await;
    let other = ended(named(&caller, "k", json!({"arguments": {"n": 2}}))).await;
    other.is_problem(422, "idempotency_key_reused", false);
    // How patient a caller is does not make it another call.
    let patient = ended(named(&caller, "k", json!({"arguments": {"n": 1}, "timeoutMs": 5}))).await;
    assert_eq!(patient.body["result"], 1);
}

/// A caller with a key or token that an admin makes.
async fn made(admin: &Caller, path: &str, body: Value) -> Caller {
    let made = admin.post(path, body).await;
    assert_eq!(made.status, 201, "{made:?}");
    let secret = made.body["secret"].as_str().or(made.body["token"].as_str()).unwrap();
    admin.clone().key(secret)
}

#[tokio::test]
async fn a_rotated_key_and_a_refreshed_token_get_the_answer_and_nothing_runs_twice() {
    let gateway = dev_gateway().await;
    let (mut worker, admin) = (worker(&gateway).await, Caller::admin(&gateway));
    let key = json!({"role": "operator", "toolRoles": ["b", "a"]});
    let token = json!({"role": "operator", "userId": "u-1", "ttlSeconds": 600});
    for (path, body) in [("/v1/keys", key), ("/v1/tokens", token)] {
        let (before, after) = (made(&admin, path, body.clone()).await, made(&admin, path, body).await);
        let first = served(&mut worker, named(&before, "k", json!({})), json!(path)).await;
        let again = ended(named(&after, "k", json!({}))).await;
        assert_eq!((again.status, &again.body), (200, &first.body), "{path}");
    }
    worker.settle().await;
}

#[tokio::test]
async fn an_answer_is_given_again_only_to_a_caller_with_the_same_rights() {
    let gateway = dev_gateway().await;
    let (mut worker, admin) = (worker(&gateway).await, Caller::admin(&gateway));
    served(&mut worker, named(&admin, "k", json!({})), json!("admin's")).await;
    let operator = made(&admin, "/v1/keys", json!({"role": "operator"})).await;
    ended(named(&operator, "k", json!({}))).await.is_problem(422, "idempotency_key_reused", false);
    let viewer = made(&admin, "/v1/keys", json!({"role": "viewer"})).await;
    ended(named(&viewer, "k", json!({}))).await.is_problem(403, "forbidden", false);
    worker.settle().await;
    // A user has keys of its own.
    let user = made(&admin, "/v1/tokens", json!({"role": "admin", "userId": "u-1", "ttlSeconds": 600})).await;
    let answer = served(&mut worker, named(&user, "k", json!({})), json!("user's")).await;
    assert_eq!(answer.body["result"], "user's");
}

#[tokio::test]
async fn a_call_that_was_refused_is_made_when_it_is_tried_again() {
    let gateway = dev_gateway().await;
    let (mut worker, admin) = (worker(&gateway).await, Caller::admin(&gateway));
    worker.register(&["other"]).await;
    ended(named(&admin, "k", json!({}))).await.is_problem(404, "unknown_tool", false);
    worker.register(&["count"]).await;
    let switch = |enabled: bool| json!({"enabled": enabled}).to_string();
    assert_eq!(admin.send("PATCH", "/v1/tools/count", switch(false)).await.status, 200);
    ended(named(&admin, "k", json!({}))).await.is_problem(403, "tool_disabled", false);
    assert_eq!(admin.send("PATCH", "/v1/tools/count", switch(true)).await.status, 200);
    let viewer = made(&admin, "/v1/keys", json!({"role": "viewer"})).await;
    ended(named(&viewer, "k", json!({}))).await.is_problem(403, "forbidden", false);
    let answer = served(&mut worker, named(&admin, "k", json!({})), json!(1)).await;
    assert_eq!(answer.body["result"], 1);
    // Nothing that is refused from now on takes the answer away, and it outlives the switch.
    assert_eq!(admin.send("PATCH", "/v1/tools/count", switch(false)).await.status, 200);
    assert_eq!(ended(named(&admin, "k", json!({}))).await.body, answer.body);
}

/// Breaks off the first call that it is told of.
#[derive(Debug, Default)]
struct BreaksOff(AtomicBool);

impl CallObserver for BreaksOff {
    fn call_began(&self, _: &BegunCall<'_>) {
        assert!(self.0.swap(true, Ordering::Relaxed), "the first call breaks off here");
    }

    fn call_ended(&self, _: &EndedCall<'_>) {}
}

#[tokio::test]
async fn a_call_that_breaks_off_leaves_its_key_usable() {
    let setup = Gateway::builder().observe_calls(Arc::new(BreaksOff::default()));
    let (gateway, secret, caller) = gateway_with(setup).await;
    let mut worker = Dial::to(&gateway, "/ws/sdk").secret(&secret).welcomed().await;
    worker.register(&["count"]).await;
    ended(named(&caller, "k", json!({}))).await.is_problem(503, "interrupted", false);
    let answer = served(&mut worker, named(&caller, "k", json!({})), json!(1)).await;
    assert_eq!(answer.body["result"], 1);
}

#[tokio::test]
async fn a_failure_of_the_tool_is_an_answer_and_an_absent_worker_is_not() {
    let gateway = dev_gateway().await;
    let caller = Caller::admin(&gateway);
    worker(&gateway).await.leave().await;
    ended(named(&caller, "k", json!({}))).await.is_problem(503, "worker_offline", true);

    let mut worker = worker(&gateway).await;
    let call = named(&caller, "k", json!({}));
    let frame = worker.expect("tool_call").await;
    worker.send(json!({"type": "tool_error", "call_id": frame["call_id"], "error": "no such order"})).await;
    let mut failed = ended(call).await;
    failed.is_problem(422, "tool_failed", false);
    let mut again = ended(named(&caller, "k", json!({}))).await;
    // It is another request, though it has the same answer.
    assert_ne!(again.body["requestId"].take(), failed.body["requestId"].take());
    assert_eq!(again.body, failed.body);
}

#[tokio::test]
async fn answers_outlive_the_gateway() {
    let gateway = dev_gateway().await;
    let (mut worker, caller) = (worker(&gateway).await, Caller::admin(&gateway));
    let first = served(&mut worker, named(&caller, "k", json!({})), json!({"deep": [1, 2]})).await;
    drop(worker);
    let gateway = gateway.stop().await.start().await.unwrap();
    let again = ended(named(&Caller::admin(&gateway), "k", json!({}))).await;
    assert_eq!((again.status, again.body), (200, first.body));
}

#[tokio::test]
async fn a_malformed_key_is_refused() {
    let gateway = dev_gateway().await;
    let caller = Caller::admin(&gateway);
    let long = "k".repeat(256);
    for key in ["", &*long] {
        let answer = caller.send_with(PATH, &[("idempotency-key", key)], json!({})).await;
        answer.is_problem(400, "invalid_request", false);
    }
}

#[tokio::test]
async fn a_trace_goes_on_to_the_worker() {
    let gateway = dev_gateway().await;
    let (mut worker, caller) = (worker(&gateway).await, Caller::admin(&gateway));
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let call = {
        let caller = caller.clone();
        tokio::spawn(async move { caller.send_with(PATH, &[("traceparent", parent)], json!({})).await })
    };
    let frame = worker.expect("tool_call").await;
    let context = &frame["params"]["_context"];
    let traceparent = context["traceparent"].as_str().unwrap();
    assert!(traceparent.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-") && traceparent != parent, "{traceparent}");
    assert!(context["deadline"].as_str().unwrap().ends_with('Z'));
    worker.answer(&frame, json!(1)).await;
    assert_eq!(ended(call).await.status, 200);
}
