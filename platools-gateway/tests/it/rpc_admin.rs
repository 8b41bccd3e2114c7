//! Tests of administration and lists over gateway RPC.

use platools_gateway::admin::NewKey;
use platools_gateway::ops::log_tail::LogTail;
use platools_gateway::{Gateway, Role};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::program_process::{Program, command, output};
use crate::rpc_caller::RpcCaller;
use crate::support::{Caller, Dial, dev_gateway, within};

fn slugs(page: &Value) -> Vec<&str> {
    page["items"].as_array().unwrap().iter().map(|item| item["slug"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn agents_come_change_and_go() {
    let gateway = dev_gateway().await;
    let mut admin = RpcCaller::admin(&gateway).await;
    let profile = json!({"kind": "model", "systemPrompt": "Be kind.", "tools": ["lookup"]});
    let added = admin.ok("agents.create", json!({"slug": "support", "profile": profile})).await;
    assert_eq!((&added["slug"], &added["kind"], &added["profile"]), (&json!("support"), &json!("model"), &profile));
    assert_eq!(admin.code("agents.create", json!({"slug": "support"})).await, "ALREADY_EXISTS");
    for profile in [json!({"kind": "magic"}), json!({"modle": "x"}), json!("model")] {
        let params = json!({"slug": "other", "profile": profile});
        assert_eq!(admin.code("agents.create", params).await, "INVALID_REQUEST", "{profile}");
    }
    let changed = admin.ok("agents.update", json!({"agentId": "support", "profile": {"kind": null}})).await;
    assert_eq!((&changed["id"], &changed["kind"]), (&added["id"], &json!("command")));
    assert_eq!(changed["profile"]["systemPrompt"], "Be kind.", "what the change leaves out stays");

    // What an agent is told is for admins only.
    let mut operator = RpcCaller::operator(&gateway, "u").await;
    let listed = operator.ok("agents.list", json!({})).await;
    assert_eq!(slugs(&listed), ["dev-agent", "main", "support"]);
    assert!(listed["items"].as_array().unwrap().iter().all(|agent| agent.get("profile").is_none()), "{listed}");
    let first = admin.ok("agents.list", json!({"limit": 2})).await;
    assert_eq!((slugs(&first), &first["nextCursor"]), (vec!["dev-agent", "main"], &json!("main")));
    let rest = admin.ok("agents.list", json!({"cursor": "main"})).await;
    assert_eq!((slugs(&rest), &rest["nextCursor"]), (vec!["support"], &Value::Null));

    assert_eq!(admin.ok("agents.delete", json!({"agentId": added["id"]})).await, json!({"deleted": true}));
    for (method, params) in [
        ("agents.delete", json!({"agentId": "support"})),
        ("agents.update", json!({"agentId": "support", "profile": {}})),
    ] {
        assert_eq!(admin.code(method, params).await, "NOT_FOUND");
    }
}

#[tokio::test]
async fn entities_come_get_other_secrets_and_go() {
    let gateway = dev_gateway().await;
    let mut admin = RpcCaller::admin(&gateway).await;
    let added = admin.ok("entities.create", json!({"slug": "orders", "policy": "pool"})).await;
    assert_eq!(added["entity"]["policy"], "pool");
    let dial = |secret: &Value| Dial::to(&gateway, "/ws/sdk").secret(secret.as_str().unwrap());
    let mut worker = dial(&added["secret"]).welcomed().await;
    let rotated = admin.ok("entities.rotate", json!({"entityId": "orders"})).await;
    assert_eq!(worker.closed().await.0, 4001);
    let mut worker = dial(&rotated["secret"]).welcomed().await;
    assert_eq!(slugs(&admin.ok("entities.list", json!({})).await), ["dev", "orders"]);
    admin.ok("entities.delete", json!({"entityId": "orders"})).await;
    assert_eq!(worker.closed().await.0, 4001);
    assert_eq!(admin.code("entities.create", json!({"slug": "x", "policy": "other"})).await, "INVALID_REQUEST");
    assert_eq!(admin.code("entities.rotate", json!({"entityId": "orders"})).await, "NOT_FOUND");
}

#[tokio::test]
async fn keys_are_made_listed_without_themselves_and_revoked() {
    let gateway = dev_gateway().await;
    let mut admin = RpcCaller::admin(&gateway).await;
    let wanted = json!({"role": "operator", "toolRoles": ["support"], "agentId": "main", "ttlSeconds": 60});
    let added = admin.ok("api_keys.create", wanted).await;
    let (key, secret) = (&added["key"], added["secret"].as_str().unwrap());
    assert!(key["expiresAt"].is_string() && key["agentId"].is_string(), "{key}");
    assert_eq!(
        RpcCaller::stranger_at(&gateway).await.ok("connect", json!({"token": secret, "user_id": "u"})).await["role"],
        "operator"
    );
    let listed = admin.ok("api_keys.list", json!({})).await;
    let mut used = listed["items"].as_array().unwrap().iter().find(|item| item["id"] == key["id"]).unwrap().clone();
    assert!(used["lastUsedAt"].take().is_string() && key["lastUsedAt"].is_null(), "{listed}");
    assert!(used == *key && !listed.to_string().contains(secret), "{listed}");
    assert_eq!(admin.ok("api_keys.revoke", json!({"keyId": key["id"]})).await, json!({"revoked": true}));
    assert_eq!(admin.code("api_keys.revoke", json!({"keyId": key["id"]})).await, "NOT_FOUND");
    assert_eq!(admin.code("api_keys.create", json!({"role": "root"})).await, "INVALID_REQUEST");
}

#[tokio::test]
async fn everybody_sees_tools_and_how_the_gateway_is() {
    let gateway = dev_gateway().await;
    let mut worker = Dial::dev(&gateway).welcomed().await;
    worker.register(&["lookup"]).await;
    let mut stranger = RpcCaller::known(Dial::to(&gateway, "/ws"), json!({"user_id": "u"})).await;
    let tools = stranger.ok("tools.list", json!({"environmentId": "dev"})).await;
    let over_http = Caller::admin(&gateway).get("/v1/tools").await.body;
    assert_eq!(tools, over_http, "the same as over HTTP");
    assert_eq!(stranger.ok("health", json!({})).await, json!({"status": "healthy", "connectionCount": 2}));
    let status = stranger.ok("status", json!({})).await;
    assert_eq!((&status["status"], &status["workers"], &status["callers"]), (&json!("ready"), &json!(1), &json!(1)));
    let (_, metrics) = Caller::admin(&gateway).text("/metrics").await;
    assert!(metrics.contains("platools_callers{} 1\n"), "{metrics}");
}

#[tokio::test]
async fn admins_read_along_in_the_log_until_they_have_had_enough() {
    let mut program = command(&["dev", "--listen", "127.0.0.1:0"]);
    program.env("PLATOOLS_GATEWAY_LOG_FILTER", "info");
    let program = Program::start(program).await;
    let dial = || Dial::at(&program.url.replace("http://", "ws://"), "/ws");
    let mut admin = RpcCaller::known(dial(), json!({"token": "platools-dev-admin", "user_id": "u"})).await;
    let mut last = admin.ok("logs.tail", json!({})).await["lines"].take();
    let listening =
        |line: &Value| line["message"] == "listening" && line["level"] == "INFO" && line["timestamp"].is_string();
    assert!(last.as_array_mut().unwrap().iter().any(listening), "{last}");

    program.dial("platools-dev-secret").welcomed().await;
    while admin.event("log").await["message"] != "worker connected" {}
    assert_eq!(admin.ok("logs.tail", json!({"stop": true})).await, json!({"lines": []}));
    admin.events.clear();
    program.dial("platools-dev-secret").welcomed().await.settle().await;
    admin.ok("health", json!({})).await;
    assert!(admin.events.is_empty(), "{:?}", admin.events);
    assert_eq!(admin.code("logs.tail", json!({"lines": 1001})).await, "INVALID_REQUEST");
}

#[tokio::test]
async fn dev_without_auth_serves_callers_without_a_token_on_loopback_only() {
    let program = Program::start(command(&["dev", "--no-auth", "--listen", "127.0.0.1:0"])).await;
    let dial = Dial::at(&program.url.replace("http://", "ws://"), "/ws");
    let mut caller = RpcCaller::known(dial, json!({"user_id": "u"})).await;
    assert!(caller.ok("chat.send", json!({"agentId": "main", "message": "/help"})).await["content"].is_string());
    assert_eq!(caller.code("api_keys.list", json!({})).await, "FORBIDDEN");
    program.signal("-TERM").await;
    assert_eq!(caller.closed().await.0, 1001);
    assert_eq!(program.exit_code().await, Some(0));

    let refused = output(&["dev", "--no-auth", "--listen", "0.0.0.0:0"]).await;
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8(refused.stderr).unwrap().contains("loopback only"));
    assert_eq!(
        output(&["serve", "--no-auth", "--data", "/d"]).await.status.code(),
        Some(2),
        "`serve` knows no such thing"
    );
}

#[tokio::test]
async fn a_gateway_in_a_program_that_keeps_no_log_says_so() {
    let gateway = dev_gateway().await;
    let mut admin = RpcCaller::admin(&gateway).await;
    assert_eq!(admin.code("logs.tail", json!({})).await, "FAILED_PRECONDITION");
}

#[tokio::test]
async fn the_log_is_not_for_admins_of_other_projects() {
    let gateway = within(Gateway::builder().logs(LogTail::new()).start()).await.unwrap();
    let (projects, name) = (gateway.core().local_projects(), "acme/shop".parse().unwrap());
    projects.add(&name).await.unwrap();
    let theirs = projects.admin(&name).unwrap().add_key(NewKey::new(Role::Admin)).await.unwrap().secret;
    let ours = gateway.add_key(Role::Admin).await.unwrap();
    for (key, is_forbidden) in [(theirs, true), (ours, false)] {
        let mut admin = RpcCaller::with(&gateway, key.expose_secret(), "u").await;
        let tailed = admin.send("logs.tail", json!({})).await;
        let answer = admin.response(&tailed).await;
        assert_eq!(answer["error"]["code"] == "FORBIDDEN", is_forbidden, "{answer}");
        assert_eq!(answer["ok"] == true, !is_forbidden, "{answer}");
    }
}
