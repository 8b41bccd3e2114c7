//! Calls with an idempotency key, several calls at once, and the trace they belong to.

use platools_gateway::Gateway;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::support::{Answer, Caller, Dial, Worker, dev_gateway, ended};

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

#[tokio::test]
async fn keys_belong_to_their_caller() {
    let gateway = dev_gateway().await;
    let (mut worker, admin) = (worker(&gateway).await, Caller::admin(&gateway));
    let key = admin.post("/v1/keys", json!({"role": "operator"})).await;
    let other = Caller::at(&gateway.url()).key(key.body["secret"].as_str().unwrap());
    served(&mut worker, named(&admin, "k", json!({})), json!("admin's")).await;
    let answer = served(&mut worker, named(&other, "k", json!({})), json!("other's")).await;
    assert_eq!(answer.body["result"], "other's");
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
async fn several_calls_run_side_by_side_and_fail_alone() {
    let gateway = dev_gateway().await;
    let (mut worker, caller) = (worker(&gateway).await, Caller::admin(&gateway));
    let calls = json!({"calls": [
        {"tool": "count", "arguments": {"n": 1}}, {"tool": "nothing"}, {"tool": "count", "arguments": {"n": 2}},
        {"tool": "count", "argument": {}}
    ]});
    let batch = {
        let caller = caller.clone();
        tokio::spawn(async move { caller.post("/v1/calls", calls).await })
    };
    let frames = [worker.expect("tool_call").await, worker.expect("tool_call").await];
    for frame in frames.iter().rev() {
        worker.answer(frame, frame["params"]["n"].clone()).await;
    }
    let answer = ended(batch).await;
    let results = answer.body["results"].as_array().unwrap();
    assert_eq!((&results[0]["result"], &results[2]["result"]), (&json!(1), &json!(2)));
    assert_eq!((&results[1]["code"], &results[3]["code"]), (&json!("unknown_tool"), &json!("invalid_request")));
    for body in [json!({"calls": []}), json!({"calls": vec![json!({"tool": "count"}); 65]}), json!({})] {
        caller.post("/v1/calls", body).await.is_problem(400, "invalid_request", false);
    }
    let named = caller.send_with("/v1/calls", &[("idempotency-key", "k")], json!({"calls": [{"tool": "count"}]})).await;
    named.is_problem(400, "invalid_request", false);
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
