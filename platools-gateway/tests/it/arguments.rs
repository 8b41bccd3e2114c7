//! Tests of arguments in the forms that models and clients write, over every protocol.

use platools_gateway::Gateway;
use serde_json::{Value, json};

use crate::mcp_raw_client;
use crate::rpc_caller::RpcCaller;
use crate::support::{Caller, Dial, Worker, dev_gateway, ended, within};

/// A worker with the tool `order`, registered.
async fn worker(gateway: &Gateway, annotations: Value) -> Worker {
    let schema = json!({
        "type": "object",
        "properties": {
            "id": {"type": "string"},
            "lines": {"type": "array", "items": {"$ref": "#/$defs/Line"}},
            "due": {"type": "integer"}
        },
        "required": ["id"],
        "additionalProperties": false,
        "$defs": {"Line": {
            "type": "object",
            "properties": {"units": {"type": "integer", "maximum": 9}, "gift": {"type": "boolean"}},
            "required": ["units"],
            "additionalProperties": false
        }}
    });
    let tool = json!({"name": "order", "description": "Order.", "input_schema": schema, "output_schema": null, "auth": "none",
        "roles": [], "annotations": annotations});
    let mut worker = Dial::dev(gateway).welcomed().await;
    worker.send(json!({"type": "tool_register", "tools": [tool]})).await;
    worker.expect("tools_registered").await;
    worker
}

/// The arguments as a model writes them, and as the tool takes them.
fn sent() -> Value {
    json!({"id": "a-1", "lines": "{\"units\": \"2\", \"gift\": \"True\"}", "due": ""})
}

fn taken() -> Value {
    json!({"id": "a-1", "lines": [{"units": 2, "gift": true}]})
}

/// The arguments of a call, without the envelopes.
fn arguments(frame: &Value) -> Value {
    let mut params = frame["params"].clone();
    let members = params.as_object_mut().expect("an object");
    members.retain(|name, _| !name.starts_with('_'));
    params
}

#[tokio::test]
async fn arguments_are_changed_into_what_was_meant_over_every_protocol_and_in_the_journal() {
    let gateway = dev_gateway().await;
    let mut worker = worker(&gateway, json!({})).await;
    let admin = Caller::admin(&gateway);

    let call = admin.calling("order", json!({"arguments": sent()}));
    let frame = worker.expect("tool_call").await;
    assert_eq!(arguments(&frame), taken());
    worker.answer(&frame, json!("rest")).await;
    let answer = ended(call).await;
    assert_eq!(answer.body["result"], "rest");

    // All of them encoded a second time.
    let call = admin.calling("order", json!({"arguments": sent().to_string()}));
    let frame = worker.expect("tool_call").await;
    assert_eq!(arguments(&frame), taken());
    worker.answer(&frame, json!("rest")).await;
    assert_eq!(ended(call).await.status, 200);

    let mut caller = RpcCaller::operator(&gateway, "u").await;
    let id = caller.send("tools.call", json!({"name": "order", "arguments": sent().to_string()})).await;
    let frame = worker.expect("tool_call").await;
    assert_eq!(arguments(&frame), taken());
    worker.answer(&frame, json!("rpc")).await;
    assert_eq!(caller.response(&id).await["payload"]["result"], "rpc");

    let client = mcp_raw_client::admin(&gateway).await;
    let call = client.calling("order", sent().to_string().into());
    let frame = worker.expect("tool_call").await;
    assert_eq!(arguments(&frame), taken());
    worker.answer(&frame, json!("mcp")).await;
    assert_eq!(mcp_raw_client::text(&within(call).await.expect("an answer")), "mcp");

    let shown = admin.get(&format!("/v1/calls/{}", answer.body["callId"].as_str().expect("an id"))).await;
    assert_eq!(shown.body["arguments"]["value"], taken(), "{}", shown.body);
}

#[tokio::test]
async fn every_problem_is_told_at_its_path_and_nothing_travels() {
    let gateway = dev_gateway().await;
    let _worker = worker(&gateway, json!({})).await;
    let wrong = json!({"lines": [{"units": "12"}, {"unit": 1}], "duo": 5});
    let answer = Caller::admin(&gateway).call("order", json!({"arguments": wrong})).await;
    answer.is_problem(422, "invalid_arguments", false);
    let mut problems: Vec<_> = answer.body["errors"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|problem| (problem["path"].as_str().expect("a path"), problem["message"].as_str().expect("words")))
        .collect();
    problems.sort_unstable();
    assert_eq!(
        problems,
        [
            ("/duo", "there is no such argument; did you mean `due`?"),
            ("/id", "it is required and missing"),
            ("/lines/0/units", "12 is out of range: it must be at most 9"),
            ("/lines/1/unit", "there is no such argument; did you mean `units`?"),
            ("/lines/1/units", "it is required and missing"),
        ]
    );
    assert!(answer.detail().starts_with("invalid arguments: "), "{}", answer.detail());
}

#[tokio::test]
async fn a_strict_tool_gets_nothing_but_what_fits_its_schema() {
    let gateway = dev_gateway().await;
    let mut worker = worker(&gateway, json!({"strictArguments": true})).await;
    let admin = Caller::admin(&gateway);
    for arguments in [sent(), json!({"id": "a-1", "lines": [{"units": "2"}]}), json!({"id": "a-1", "due": null})] {
        let answer = admin.call("order", json!({"arguments": arguments})).await;
        answer.is_problem(422, "invalid_arguments", false);
        let client = mcp_raw_client::admin(&gateway).await;
        let refused = client.call("order", arguments).await;
        assert_eq!(refused["result"]["isError"], true, "{refused}");
        assert_eq!(mcp_raw_client::text(&refused), answer.detail(), "the words are the same");
    }
    let call = admin.calling("order", json!({"arguments": taken()}));
    let frame = worker.expect("tool_call").await;
    worker.answer(&frame, json!(1)).await;
    assert_eq!(ended(call).await.status, 200);
}

#[tokio::test]
async fn names_that_are_given_twice_are_refused_at_every_depth() {
    let gateway = dev_gateway().await;
    let _worker = worker(&gateway, json!({})).await;
    let body = r#"{"arguments":{"id":"a-1","lines":[{"units":1,"units":2}]}}"#;
    let answer = Caller::admin(&gateway).send("POST", "/v1/tools/order/call", body).await;
    answer.is_problem(422, "invalid_arguments", false);
    let problem = json!([{"path": "/lines/0/units", "message": "it is given twice"}]);
    assert_eq!(answer.body["errors"], problem);
}
