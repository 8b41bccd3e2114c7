//! Tests of a worker with the member names of the protocol's first description: `callId`, `latencyMs`, `message`, `stack`.

use platools_gateway::{Gateway, Role, dev};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::mcp_raw_client::{self, text};
use crate::rpc_caller::RpcCaller;
use crate::support::{Answer, Caller, Dial, Worker, dev_gateway, ended, within};

const MESSAGE: &str = "the order is locked";
const STACK: &str = "Error: the order is locked\n    at lookup (tools.ts:12:9)";

async fn worker(gateway: &Gateway) -> Worker {
    let mut worker = Dial::dev(gateway).welcomed().await;
    let tool = json!({"name": "order", "description": "", "inputSchema": {"type": "object", "required": ["id"]}});
    worker.send(json!({"type": "tool_register", "tools": [tool]})).await;
    worker.expect("tools_registered").await;
    worker
}

fn arguments() -> Value {
    json!({"arguments": {"id": 7}})
}

/// Fails the next call, in the frame that `spell` makes of its id.
async fn fail(worker: &mut Worker, spell: impl Fn(&Value) -> Value) -> String {
    let call = worker.expect("tool_call").await;
    worker.send(spell(&call["call_id"])).await;
    call["call_id"].as_str().unwrap().to_owned()
}

fn as_described(call_id: &Value) -> Value {
    json!({"type": "tool_error", "callId": call_id, "message": MESSAGE, "stack": STACK})
}

async fn journaled(gateway: &Gateway, call_id: &str) -> Answer {
    Caller::admin(gateway).get(&format!("/v1/calls/{call_id}")).await
}

#[tokio::test]
async fn a_failure_in_any_spelling_keeps_its_words_over_rest_and_its_stack_in_the_journal() {
    let gateway = dev_gateway().await;
    let mut worker = worker(&gateway).await;
    let spellings: [fn(&Value) -> Value; 4] = [
        as_described,
        |id| json!({"type": "tool_error", "call_id": id, "message": MESSAGE, "stack": STACK}),
        |id| json!({"type": "tool_error", "callId": id, "error": MESSAGE, "traceback": STACK}),
        |id| json!({"type": "tool_error", "callId": "c", "message": "m", "stack": 7, "call_id": id, "error": MESSAGE, "traceback": STACK}),
    ];
    for spell in spellings {
        let call = Caller::admin(&gateway).calling("order", arguments());
        let call_id = fail(&mut worker, spell).await;
        let answer = ended(call).await;
        answer.is_problem(422, "tool_failed", false);
        assert_eq!(answer.detail(), MESSAGE);
        assert!(!answer.body.to_string().contains("tools.ts"), "the caller gets no stack: {answer:?}");
        let kept = journaled(&gateway, &call_id).await;
        assert_eq!(kept.body["outcome"], "tool_failed");
        assert_eq!(kept.body["result"]["value"], json!({"error": MESSAGE, "traceback": STACK}), "{kept:?}");
    }
}

#[tokio::test]
async fn a_stack_in_the_journal_is_shown_to_admins_only() {
    let gateway = dev_gateway().await;
    let mut worker = worker(&gateway).await;
    let key = gateway.add_key(Role::Operator).await.unwrap();
    let operator = Caller::at(&gateway.url()).key(key.expose_secret());
    let call = operator.calling("order", arguments());
    let call_id = fail(&mut worker, as_described).await;
    ended(call).await;
    let own = operator.get(&format!("/v1/calls/{call_id}")).await;
    assert_eq!(own.body["result"]["value"], json!({"error": MESSAGE}), "{own:?}");
    assert_eq!(journaled(&gateway, &call_id).await.body["result"]["value"]["traceback"], STACK);
}

#[tokio::test]
async fn a_failure_as_described_keeps_its_words_over_rpc_and_mcp() {
    let gateway = dev_gateway().await;
    let mut worker = worker(&gateway).await;
    let mut caller = RpcCaller::with(&gateway, dev::ADMIN_KEY, "u").await;
    let id = caller.send("tools.call", json!({"name": "order", "arguments": {"id": 7}})).await;
    fail(&mut worker, as_described).await;
    assert_eq!(caller.failed(&id).await["message"], MESSAGE);
    assert_eq!(caller.events.last().unwrap()["payload"]["output"], json!({"error": MESSAGE}));
    let client = mcp_raw_client::admin(&gateway).await;
    let call = client.calling("order", json!({"id": 7}));
    fail(&mut worker, as_described).await;
    assert_eq!(text(&within(call).await.unwrap()), MESSAGE);
}

#[tokio::test]
async fn a_latency_as_described_is_in_the_answers_and_in_the_journal() {
    let gateway = dev_gateway().await;
    let mut worker = worker(&gateway).await;
    let answer = async |worker: &mut Worker| {
        let call = worker.expect("tool_call").await;
        worker.send(json!({"type": "tool_result", "callId": call["call_id"], "result": 1, "latencyMs": 12})).await;
        call["call_id"].as_str().unwrap().to_owned()
    };
    let call = Caller::admin(&gateway).calling("order", arguments());
    let call_id = answer(&mut worker).await;
    assert_eq!(ended(call).await.body["latencyMs"], 12);
    assert_eq!(journaled(&gateway, &call_id).await.body["latencyMs"], 12);
    let mut caller = RpcCaller::with(&gateway, dev::ADMIN_KEY, "u").await;
    let id = caller.send("tools.call", json!({"name": "order", "arguments": {"id": 7}})).await;
    answer(&mut worker).await;
    assert_eq!(caller.response(&id).await["payload"]["latencyMs"], 12);
}

#[tokio::test]
async fn a_registration_as_described_keeps_its_schema() {
    let gateway = dev_gateway().await;
    let _worker = worker(&gateway).await;
    let tools = Caller::admin(&gateway).get("/v1/tools").await;
    assert_eq!(tools.body["tools"][0]["inputSchema"]["required"], json!(["id"]), "{tools:?}");
}
