//! Tests of calls that a tool refuses, because the caller lacks the required user or role, or because arguments are wrong.

use platools_gateway::{Gateway, Role};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::mcp_raw_client::worker_with;
use crate::support::{Answer, Caller, Worker, dev_gateway, ended};

async fn with_token(gateway: &Gateway, token: Value) -> Caller {
    let minted = Caller::admin(gateway).post("/v1/tokens", token).await;
    Caller::at(&gateway.url()).key(minted.body["token"].as_str().unwrap())
}

async fn operator(gateway: &Gateway) -> Caller {
    Caller::at(&gateway.url()).key(gateway.add_key(Role::Operator).await.unwrap().expose_secret())
}

async fn answered(worker: &mut Worker, caller: &Caller, body: Value) -> Answer {
    let call = caller.calling("guarded", body);
    let frame = worker.expect("tool_call").await;
    worker.answer(&frame, json!("done")).await;
    ended(call).await
}

#[tokio::test]
async fn a_tool_for_users_wants_one() {
    let gateway = dev_gateway().await;
    let mut worker = worker_with(&gateway, json!({"auth": "user"})).await;
    let refused = operator(&gateway).await.call("guarded", json!({})).await;
    refused.is_problem(403, "forbidden", false);
    assert!(refused.detail().contains("userId"), "{}", refused.detail());
    let user = with_token(&gateway, json!({"role": "operator", "userId": "u-1", "ttlSeconds": 60})).await;
    assert_eq!(answered(&mut worker, &user, json!({})).await.status, 200);
}

#[tokio::test]
async fn a_tool_for_admins_wants_one() {
    let gateway = dev_gateway().await;
    let mut worker = worker_with(&gateway, json!({"auth": "admin"})).await;
    operator(&gateway).await.call("guarded", json!({})).await.is_problem(403, "forbidden", false);
    assert_eq!(answered(&mut worker, &Caller::admin(&gateway), json!({})).await.status, 200);
}

#[tokio::test]
async fn a_tool_with_roles_wants_one_of_them() {
    let gateway = dev_gateway().await;
    let mut worker = worker_with(&gateway, json!({"roles": ["support", "sales"]})).await;
    let refused = operator(&gateway).await.call("guarded", json!({})).await;
    refused.is_problem(403, "forbidden", false);
    assert!(refused.detail().contains("support, sales"), "{}", refused.detail());
    let token = json!({"role": "operator", "toolRoles": ["sales"], "ttlSeconds": 60});
    let sales = with_token(&gateway, token).await;
    assert_eq!(answered(&mut worker, &sales, json!({})).await.status, 200);
    let key = Caller::admin(&gateway).post("/v1/keys", json!({"role": "operator", "toolRoles": ["support"]})).await;
    let support = Caller::at(&gateway.url()).key(key.body["secret"].as_str().unwrap());
    assert_eq!(answered(&mut worker, &support, json!({})).await.status, 200);
}

#[tokio::test]
async fn a_bad_call_is_refused_with_every_problem_and_never_travels() {
    let gateway = dev_gateway().await;
    let schema = json!({
        "type": "object",
        "properties": {"id": {"type": "string", "pattern": "^ord-"}, "quantity": {"type": "integer", "maximum": 9}},
        "required": ["id"],
        "additionalProperties": false
    });
    let mut worker = worker_with(&gateway, json!({"input_schema": schema})).await;
    let caller = Caller::admin(&gateway);
    let refused = caller.call("guarded", json!({"arguments": {"id": "x", "quantity": 12, "extra": true}})).await;
    refused.is_problem(422, "invalid_arguments", false);
    let errors = refused.body["errors"].as_array().unwrap();
    let mut paths: Vec<_> = errors.iter().map(|error| error["path"].as_str().unwrap()).collect();
    paths.sort_unstable();
    assert_eq!(paths, ["/extra", "/id", "/quantity"], "{errors:?}");
    // The next thing the worker hears is the good call.
    assert_eq!(answered(&mut worker, &caller, json!({"arguments": {"id": "ord-1"}})).await.status, 200);
}

#[tokio::test]
async fn arguments_are_checked_also_after_a_restart() {
    let gateway = dev_gateway().await;
    let wants_id = json!({"input_schema": {"type": "object", "required": ["id"]}});
    drop(worker_with(&gateway, wants_id.clone()).await);
    let gateway = gateway.stop().await.start().await.unwrap();
    let caller = Caller::admin(&gateway);
    caller.call("guarded", json!({})).await.is_problem(422, "invalid_arguments", false);
    let mut worker = worker_with(&gateway, wants_id).await;
    caller.call("guarded", json!({})).await.is_problem(422, "invalid_arguments", false);
    assert_eq!(answered(&mut worker, &caller, json!({"arguments": {"id": "ord-1"}})).await.status, 200);
}

#[tokio::test]
async fn a_pattern_that_cannot_be_run_does_not_keep_its_tool_from_being_called() {
    let gateway = dev_gateway().await;
    let backtracks = json!({"type": "object", "properties": {"id": {"type": "string", "pattern": "(?<=x)y"}}});
    let mut worker = worker_with(&gateway, json!({"input_schema": backtracks})).await;
    let caller = Caller::admin(&gateway);
    assert_eq!(answered(&mut worker, &caller, json!({"arguments": {"id": "zzz"}})).await.status, 200);
    // The rest of the schema is checked.
    caller.call("guarded", json!({"arguments": {"id": 7}})).await.is_problem(422, "invalid_arguments", false);
}
