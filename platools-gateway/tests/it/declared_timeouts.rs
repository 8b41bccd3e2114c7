//! Tests of timeouts and exposed errors that tools declare, through every protocol of callers.

use std::time::Duration;

use platools_gateway::{Builder, CallSettings, Gateway, dev};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::mcp_raw_client::{self, text};
use crate::rpc_caller::RpcCaller;
use crate::support::{Caller, Dial, Worker, dev_gateway, ended, gateway_with, tool, within};

/// The development entity's worker with the tool `order`, which has these annotations.
async fn worker(gateway: &Gateway, annotations: Value) -> Worker {
    declaring(Dial::dev(gateway), annotations).await
}

async fn declaring(dial: Dial, annotations: Value) -> Worker {
    let mut worker = dial.welcomed().await;
    let mut order = tool("order");
    order["annotations"] = annotations;
    worker.send(json!({"type": "tool_register", "tools": [order]})).await;
    worker.expect("tools_registered").await;
    worker
}

fn moment(text: &Value) -> OffsetDateTime {
    OffsetDateTime::parse(text.as_str().expect("a time"), &Rfc3339).expect("RFC 3339")
}

/// Reads the next call and answers it. Returns how long its caller waits, in whole seconds.
async fn waits(worker: &mut Worker) -> i64 {
    let frame = worker.expect("tool_call").await;
    let params = &frame["params"];
    let wait = moment(&params["_context"]["deadline"]) - moment(&params["__platos"]["timestamp"]);
    worker.answer(&frame, json!(1)).await;
    (wait + time::Duration::milliseconds(500)).whole_seconds()
}

/// Timeouts of callers over every protocol that name none.
async fn patience_of_all(gateway: &Gateway, worker: &mut Worker) -> Vec<(&'static str, i64)> {
    let admin = Caller::admin(gateway);
    let mut seen = Vec::new();

    let call = admin.calling("order", json!({}));
    seen.push(("rest", waits(worker).await));
    let call_id = ended(call).await.body["callId"].as_str().expect("an id").to_owned();

    let caller = admin.clone();
    let again = tokio::spawn(async move { caller.post(&format!("/v1/calls/{call_id}/replay"), json!({})).await });
    seen.push(("replay", waits(worker).await));
    assert_eq!(ended(again).await.status, 200);

    let caller = admin.clone();
    let named =
        tokio::spawn(
            async move { caller.send_with("/v1/tools/order/call", &[("idempotency-key", "k")], json!({})).await },
        );
    seen.push(("named", waits(worker).await));
    assert_eq!(ended(named).await.status, 200);

    let mut caller = RpcCaller::operator(gateway, "u").await;
    let id = caller.send("tools.call", json!({"name": "order", "arguments": {}})).await;
    seen.push(("rpc", waits(worker).await));
    assert_eq!(caller.response(&id).await["ok"], true);

    let client = mcp_raw_client::admin(gateway).await;
    let call = client.calling("order", json!({}));
    seen.push(("mcp", waits(worker).await));
    within(call).await.expect("an answer");

    let body = json!({"model": dev::MAIN_AGENT, "messages": [{"role": "user", "content": "/order {}"}]});
    let answer = tokio::spawn(async move { admin.post("/v1/chat/completions", body).await });
    seen.push(("agent", waits(worker).await));
    assert_eq!(ended(answer).await.status, 200);
    seen
}

#[tokio::test]
async fn callers_that_name_no_time_wait_as_long_as_the_tool_may_take() {
    let gateway = dev_gateway().await;
    let mut worker = worker(&gateway, json!({"timeoutMs": 300_000})).await;
    for (protocol, seconds) in patience_of_all(&gateway, &mut worker).await {
        assert_eq!(seconds, 302, "{protocol}: the tool's time, and some for its own error");
    }
    let listed = Caller::admin(&gateway).get("/v1/tools/order").await.body;
    assert_eq!(listed["annotations"]["timeoutMs"], 300_000, "{listed}");
}

#[tokio::test]
async fn callers_of_tools_that_declare_no_time_wait_as_long_as_their_protocol_says() {
    let gateway = dev_gateway().await;
    let mut worker = worker(&gateway, json!({})).await;
    let seen = patience_of_all(&gateway, &mut worker).await;
    let expected = [30, 30, 30, 30, 600, 60];
    assert_eq!(seen.iter().map(|(_, seconds)| *seconds).collect::<Vec<_>>(), expected, "{seen:?}");
}

fn limited_to(max_timeout: Duration) -> Builder {
    let mut settings = CallSettings::default();
    settings.max_timeout = max_timeout;
    Gateway::builder().calls(settings)
}

#[tokio::test]
async fn a_time_that_a_caller_names_wins_and_the_gateways_maximum_ends_all() {
    let (gateway, secret, caller) = gateway_with(limited_to(Duration::from_secs(100))).await;
    let dial = Dial::to(&gateway, "/ws/sdk").secret(&secret);
    let mut worker = declaring(dial, json!({"timeoutMs": 300_000})).await;
    for (body, expected) in [(json!({}), 100), (json!({"timeoutMs": 100_000}), 100), (json!({"timeoutMs": 7_000}), 7)] {
        let call = caller.calling("order", body);
        assert_eq!(waits(&mut worker).await, expected);
        assert_eq!(ended(call).await.status, 200);
    }
    let refused = caller.call("order", json!({"timeoutMs": 100_001})).await;
    refused.is_problem(400, "invalid_request", false);
    assert_eq!(refused.detail(), "`timeoutMs` must be from 1 to 100000, the gateway's `calls.max_timeout`");
    let mut caller = RpcCaller::operator(&gateway, "u").await;
    let error = caller.error("tools.call", json!({"name": "order", "arguments": {}, "timeoutMs": 100_001})).await;
    assert_eq!((&error["code"], &error["message"]), (&json!("INVALID_REQUEST"), &json!(refused.detail())));
}

#[tokio::test]
async fn the_error_of_a_call_whose_time_is_over_names_the_limit() {
    let (gateway, secret, caller) = gateway_with(limited_to(Duration::from_millis(1500))).await;
    let dial = || Dial::to(&gateway, "/ws/sdk").secret(&secret);
    let _worker = declaring(dial(), json!({"timeoutMs": 20})).await;
    let answer = caller.call("order", json!({"timeoutMs": 10})).await;
    answer.is_problem(504, "timeout", false);
    assert_eq!(answer.detail(), "the tool did not answer within 10ms, the timeout that its caller named");
    let answer = caller.call("order", json!({})).await;
    answer.is_problem(504, "timeout", false);
    assert_eq!(answer.detail(), "the tool did not answer within 20ms, the timeout that it declares, nor soon after");

    let _worker = declaring(dial(), json!({"timeoutMs": 60_000})).await;
    let answer = caller.call("order", json!({})).await;
    answer.is_problem(504, "timeout", false);
    let expected =
        "the tool did not answer within 1.5s, the longest timeout that the gateway allows (`calls.max_timeout`)";
    assert_eq!(answer.detail(), expected);
}

const TRACEBACK: &str = "while loading\nno such table\nStack backtrace:\n   0: main";
const WITH_CAUSES: &str = "no order\nwhile loading\nno such table";

/// Fails the next call.
async fn fail(worker: &mut Worker) -> String {
    let frame = worker.expect("tool_call").await;
    let call_id = &frame["call_id"];
    let failure = json!({"type": "tool_error", "call_id": call_id, "error": "no order", "traceback": TRACEBACK});
    worker.send(failure).await;
    call_id.as_str().expect("an id").to_owned()
}

#[tokio::test]
async fn callers_get_the_causes_where_the_tool_exposes_its_errors() {
    let gateway = dev_gateway().await;
    let mut worker = worker(&gateway, json!({"exposeErrors": true})).await;
    let admin = Caller::admin(&gateway);

    let call = admin.calling("order", json!({}));
    let call_id = fail(&mut worker).await;
    let answer = ended(call).await;
    answer.is_problem(422, "tool_failed", false);
    assert_eq!(answer.detail(), WITH_CAUSES);
    let kept = admin.get(&format!("/v1/calls/{call_id}")).await.body;
    assert_eq!(kept["result"]["value"]["error"], WITH_CAUSES, "{kept}");
    assert_eq!(kept["result"]["value"]["traceback"], TRACEBACK, "an admin sees the stack, too");

    let mut caller = RpcCaller::operator(&gateway, "u").await;
    let id = caller.send("tools.call", json!({"name": "order", "arguments": {}})).await;
    fail(&mut worker).await;
    assert_eq!(caller.failed(&id).await["message"], WITH_CAUSES);

    let client = mcp_raw_client::admin(&gateway).await;
    let call = client.calling("order", json!({}));
    fail(&mut worker).await;
    assert_eq!(text(&within(call).await.expect("an answer")), WITH_CAUSES);

    let body = json!({"model": dev::MAIN_AGENT, "messages": [{"role": "user", "content": "/order {}"}]});
    let answer = tokio::spawn(async move { admin.post("/v1/chat/completions", body).await });
    fail(&mut worker).await;
    let said = ended(answer).await.body["choices"][0]["message"]["content"].as_str().expect("a text").to_owned();
    assert_eq!(said, format!("`order` failed: {WITH_CAUSES}"));
}

#[tokio::test]
async fn callers_get_the_message_alone_from_any_other_tool() {
    let gateway = dev_gateway().await;
    for annotations in [json!({}), json!({"exposeErrors": false}), json!({"exposeErrors": "true"})] {
        let mut worker = worker(&gateway, annotations).await;
        let call = Caller::admin(&gateway).calling("order", json!({}));
        fail(&mut worker).await;
        let answer = ended(call).await;
        assert_eq!(answer.detail(), "no order");
        assert!(!answer.body.to_string().contains("table"), "{answer:?}");
    }
}
