//! Tests of REST responses: tools, problems, and `/openapi.json`.

use platools_gateway::{Gateway, Role, dev};
use secrecy::ExposeSecret as _;
use serde_json::json;
use sqlx::{Connection as _, SqliteConnection};

use crate::support::{Caller, Dial, dev_gateway, within};

#[tokio::test]
async fn health_counts_workers_and_needs_no_key() {
    let gateway = dev_gateway().await;
    let anyone = Caller::at(&gateway.url());
    assert_eq!(anyone.get("/health").await.body, json!({"status": "healthy", "connectionCount": 0}));
    let _worker = Dial::dev(&gateway).welcomed().await;
    let health = anyone.get("/health").await;
    assert_eq!((health.status, health.kind.as_str()), (200, "application/json"));
    assert_eq!(health.body, json!({"status": "healthy", "connectionCount": 1}));
}

#[tokio::test]
async fn a_gateway_is_ready_as_long_as_its_database_answers() {
    let folder = tempfile::tempdir().unwrap();
    let gateway = within(Gateway::builder().data_folder(folder.path()).start()).await.unwrap();
    let anyone = Caller::at(&gateway.url());
    let ready = anyone.get("/ready").await;
    assert_eq!((ready.status, ready.body), (200, json!({"status": "ready"})));
    let database = format!("sqlite://{}", folder.path().join("gateway.sqlite").display());
    let mut database = within(SqliteConnection::connect(&database)).await.unwrap();
    within(sqlx::query("DROP TABLE directory_revision").execute(&mut database)).await.unwrap();
    anyone.get("/ready").await.is_problem(503, "not_ready", true);
    assert_eq!(anyone.get("/health").await.status, 200);
}

#[tokio::test]
async fn tools_are_listed_with_all_that_was_declared() {
    let gateway = dev_gateway().await;
    let mut worker = Dial::dev(&gateway).welcomed().await;
    let declared = json!({
        "name": "lookup_order", "description": "Look up one order.",
        "input_schema": {"type": "object", "properties": {"z": {}, "a": {}}}, "output_schema": {"type": "null"},
        "auth": "user", "roles": ["support"], "annotations": {"category": "orders"}
    });
    worker.send(json!({"type": "tool_register", "tools": [declared]})).await;
    let registered = worker.expect("tools_registered").await;
    let mut listing = Caller::admin(&gateway).get("/v1/tools").await;
    assert_eq!(registered["entity_id"], "dev", "workers know their entity by its slug");
    let tool = listing.body["tools"][0].as_object_mut().unwrap();
    let tool_id = tool["entityId"].clone();
    assert!(tool_id.as_str().unwrap().starts_with("ent_"), "{tool_id}");
    assert_eq!(tool.remove("fingerprint").unwrap().as_str().unwrap().len(), 32);
    assert!(tool.remove("changedAt").unwrap().as_str().unwrap().ends_with('Z'));
    assert_eq!(
        listing.body["tools"],
        json!([{
            "name": "lookup_order", "description": "Look up one order.", "entity": "dev",
            "entityId": tool_id, "environment": "development",
            "environmentId": registered["environment_id"], "online": true, "enabled": true, "health": null,
            "inputSchema": {"type": "object", "properties": {"z": {}, "a": {}}}, "outputSchema": {"type": "null"},
            "auth": "user", "roles": ["support"], "annotations": {"category": "orders"}
        }])
    );
    let short = Caller::admin(&gateway).get("/v1/tools?schemas=0").await;
    let tool = short.body["tools"][0].as_object().unwrap();
    assert_eq!(["inputSchema", "outputSchema"].map(|member| tool.get(member)), [None, None], "{tool:?}");
    assert_eq!(tool["annotations"], json!({"category": "orders"}));
    Caller::admin(&gateway).get("/v1/tools?schemas=2").await.is_problem(400, "invalid_request", false);
    let staging = Caller::admin(&gateway).get("/v1/tools?env=stage").await;
    assert_eq!(staging.body, json!({"tools": []}));
    Caller::admin(&gateway).get("/v1/tools?env=moon").await.is_problem(400, "invalid_request", false);
}

#[tokio::test]
async fn no_key_and_a_wrong_key_are_401() {
    let gateway = dev_gateway().await;
    let nobody = Caller::at(&gateway.url());
    // A worker's secret is no caller's key.
    for caller in [nobody.clone(), nobody.clone().key("wrong"), nobody.key(dev::SECRET)] {
        caller.get("/v1/tools").await.is_problem(401, "unauthenticated", false);
        caller.call("echo", json!({})).await.is_problem(401, "unauthenticated", false);
    }
}

#[tokio::test]
async fn a_callers_key_is_no_workers_secret() {
    let gateway = dev_gateway().await;
    let mut worker = Dial::to(&gateway, "/ws/sdk").secret(dev::ADMIN_KEY).open().await;
    worker.expect("error").await;
    assert_eq!(worker.closed().await.0, 1008);
}

#[tokio::test]
async fn a_viewer_may_list_and_not_call() {
    let gateway = dev_gateway().await;
    let key = gateway.add_key(Role::Viewer).await.unwrap();
    let viewer = Caller::at(&gateway.url()).key(key.expose_secret());
    assert_eq!(viewer.get("/v1/tools").await.status, 200);
    viewer.call("echo", json!({})).await.is_problem(403, "forbidden", false);
}

#[tokio::test]
async fn operators_and_agents_may_call() {
    let gateway = dev_gateway().await;
    let key = gateway.add_key(Role::Operator).await.unwrap();
    for key in [key.expose_secret(), dev::AGENT_KEY] {
        let caller = Caller::at(&gateway.url()).key(key);
        caller.call("echo", json!({})).await.is_problem(404, "unknown_tool", false);
    }
}

#[tokio::test]
async fn a_body_that_is_no_call_is_400() {
    let gateway = dev_gateway().await;
    let caller = Caller::admin(&gateway);
    for body in [
        "not json",
        "[{},null,null,null]",
        "[]",
        r#"{"arguments":[]}"#,
        r#"{"arguments":"x"}"#,
        r#"{"arguments":{"__platos":{}}}"#,
        r#"{"arguments":{"_context":{}}}"#,
        r#"{"arguments":{"a":1,"a":2}}"#,
        r#"{"timeoutMs":0}"#,
        r#"{"timeoutMs":600001}"#,
        r#"{"timeoutMs":-1}"#,
        r#"{"timeoutMs":"1"}"#,
        r#"{"entityId":7}"#,
        r#"{"argument":{}}"#,
        r#"{"arguments":{},"arguments":{}}"#,
        r#"{"arguments":{}} trailing"#,
    ] {
        let answer = caller.send("POST", "/v1/tools/echo/call", body).await;
        answer.is_problem(400, "invalid_request", false);
    }
    let invalid_utf_8 = b"{\"arguments\":{\"a\":\"\xff\"}}".to_vec();
    caller.send("POST", "/v1/tools/echo/call", invalid_utf_8).await.is_problem(400, "invalid_request", false);
    caller.send("POST", "/v1/tools/%ff/call", "{}").await.is_problem(400, "invalid_request", false);
}

#[tokio::test]
async fn a_body_over_8_mib_is_413() {
    let gateway = dev_gateway().await;
    let body = format!(r#"{{"arguments":{{"a":"{}"}}}}"#, "x".repeat(8 * 1024 * 1024));
    let answer = Caller::admin(&gateway).send("POST", "/v1/tools/echo/call", body).await;
    answer.is_problem(413, "too_large", false);
}

#[tokio::test]
async fn an_unknown_tool_is_404() {
    let gateway = dev_gateway().await;
    let answer = Caller::admin(&gateway).call("no%20such%2Ftool", json!({})).await;
    answer.is_problem(404, "unknown_tool", false);
    assert_eq!(answer.detail(), "unknown tool: no such/tool");
}

#[tokio::test]
async fn what_is_not_there_is_a_problem_too() {
    let gateway = dev_gateway().await;
    let caller = Caller::admin(&gateway);
    caller.get("/").await.is_problem(404, "no_such_route", false);
    caller.get("/v1/nothing").await.is_problem(404, "no_such_route", false);
    caller.get("/v1/tools/echo/call").await.is_problem(405, "method_not_allowed", false);
    caller.send("DELETE", "/v1/tools", "").await.is_problem(405, "method_not_allowed", false);
}

#[tokio::test]
async fn clients_that_read_error_find_the_message_of_every_problem() {
    let gateway = dev_gateway().await;
    let (admin, stranger) = (Caller::admin(&gateway), Caller::at(&gateway.url()));
    for (answer, status, message) in [
        (admin.get("/v1/some/endpoint").await, 404, "there is nothing at /v1/some/endpoint"),
        (stranger.get("/v1/some/endpoint").await, 404, "there is nothing at /v1/some/endpoint"),
        (admin.post("/v1/health", json!({})).await, 404, "there is nothing at /v1/health"),
        (admin.send("PUT", "/v1/agents", "").await, 405, "/v1/agents does not take PUT"),
        (admin.get("/v1/agents/none").await, 404, "there is no agent `none`"),
        (admin.get("/v1/agents?limit=-1").await, 400, "`limit` must be a whole number from 0 on, and not `-1`"),
        (admin.post("/v1/tools/none/call", json!({"arguments": {}})).await, 404, "none"),
        (stranger.get("/v1/agents").await, 401, "key"),
    ] {
        let code = answer.body["code"].as_str().unwrap().to_owned();
        answer.is_problem(status, &code, false);
        assert!(answer.body["error"].as_str().unwrap().contains(message), "{answer:?}");
    }
    // Before any route is looked at.
    let foreign = admin.send_with("/v1/agents", &[("origin", "https://evil.example")], json!({"slug": "x"})).await;
    assert_eq!((foreign.status, &foreign.body["error"]), (403, &foreign.body["detail"]));
    let document = admin.get("/openapi.json").await.body;
    let members = &document["components"]["schemas"]["Problem"]["properties"];
    assert!(members["error"]["description"].as_str().unwrap().contains("agent runtime protocol"), "{members}");
}
