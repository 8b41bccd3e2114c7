//! Tests of the health of tools: workers report it, and callers with the right role see it.

use platools_gateway::domain::identity::Policy;
use platools_gateway::{Gateway, Role, dev};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::dashboard::{Dashboard, token};
use crate::rpc_caller::RpcCaller;
use crate::support::{Caller, Dial, Worker, dev_gateway, viewer, within};

/// Sends a heartbeat with the health of some tools, and waits until it has been treated.
async fn report(worker: &mut Worker, tools: Value) {
    let unwell = tools.as_object().unwrap().values().filter(|health| health["status"] != "healthy").count();
    worker.send(json!({"type": "heartbeat", "tools_health": tools})).await;
    for _ in 0..unwell {
        worker.expect("tool_health_alert").await;
    }
    worker.expect("heartbeat_ack").await;
}

fn health(status: &str, errors: u64, last_error: &str) -> Value {
    json!({"status": status, "avg_latency_ms": 12, "error_count_1h": errors, "last_error": last_error})
}

/// The health of a tool, as it is listed and shown.
async fn shown(caller: &Caller, tool: &str) -> Value {
    let list = caller.get("/v1/tools").await.body;
    let listed = list["tools"].as_array().unwrap().iter().find(|listed| listed["name"] == tool).unwrap();
    let one = caller.get(&format!("/v1/tools/{tool}")).await.body;
    assert_eq!(listed["health"], one["health"]);
    one["health"].clone()
}

#[tokio::test]
async fn health_is_shown_until_the_worker_leaves() {
    let gateway = dev_gateway().await;
    let mut worker = Dial::dev(&gateway).welcomed().await;
    worker.register(&["echo", "sum"]).await;
    let admin = Caller::admin(&gateway);
    worker.settle().await;
    assert_eq!(shown(&admin, "echo").await, Value::Null, "nothing is known of it");

    report(
        &mut worker,
        json!({"echo": health("degraded", 3, "a\nb"), "sum": health("healthy", 0, ""), "other": health("down", 1, "")}),
    )
    .await;
    // Heartbeats without news change nothing.
    worker.settle().await;
    let echo = shown(&admin, "echo").await;
    assert_eq!(
        (&echo["status"], &echo["avgLatencyMs"], &echo["errorsLastHour"]),
        (&json!("degraded"), &json!(12), &json!(3))
    );
    assert_eq!(echo["lastError"], "a b", "on one line");
    assert!(echo["since"].as_str().unwrap().ends_with('Z'));
    assert_eq!(shown(&admin, "sum").await["status"], "healthy");

    let workers = admin.get("/v1/workers").await.body;
    let of_worker = &workers["items"][0]["health"];
    assert_eq!((&of_worker["reported"], of_worker["unwell"].as_array().unwrap().len()), (&json!(2), 1));
    assert_eq!(
        (&of_worker["unwell"][0]["tool"], &of_worker["unwell"][0]["lastError"]),
        (&json!("echo"), &json!("a b"))
    );
    let listed = RpcCaller::admin(&gateway).await.ok("tools.list", json!({})).await;
    assert_eq!(listed["tools"][0]["health"], echo);
    let (_, metrics) = admin.text("/metrics").await;
    let labels =
        |tool: &str| format!(r#"platools_tool_health{{entity="dev",environment="development",tool="{tool}"}}"#);
    for line in [format!("{} 1\n", labels("echo")), format!("{} 0\n", labels("sum"))] {
        assert!(metrics.contains(&line), "{line} {metrics}");
    }
    assert!(!metrics.contains("other"), "a tool that is not declared");

    worker.leave().await;
    let mut again = Dial::dev(&gateway).welcomed().await;
    again.register(&["echo", "sum"]).await;
    assert_eq!(shown(&admin, "echo").await, Value::Null, "another link says for itself");
    assert_eq!(admin.get("/v1/workers").await.body["items"][0]["health"], json!({"reported": 0, "unwell": []}));
}

#[tokio::test]
async fn errors_are_shown_to_operators_that_are_bound_to_nobody() {
    let gateway = dev_gateway().await;
    let mut worker = Dial::dev(&gateway).welcomed().await;
    worker.register(&["echo"]).await;
    report(&mut worker, json!({"echo": health("down", 3, "of somebody's call")})).await;
    let operator = gateway.add_key(Role::Operator).await.unwrap();
    let of_user = token(&gateway, Role::Operator, Some("u-1"), None).await;
    let at = |key: &str| Caller::at(&gateway.url()).key(key);
    for (caller, is_shown) in [
        (Caller::admin(&gateway), true),
        (at(operator.expose_secret()), true),
        (viewer(&gateway).await, false),
        (at(&of_user), false),
        (at(dev::AGENT_KEY), false),
    ] {
        let health = shown(&caller, "echo").await;
        assert_eq!(health["status"], "down");
        assert_eq!(health["lastError"] == "of somebody's call", is_shown, "{health}");
    }
    let workers = viewer(&gateway).await.get("/v1/workers").await.body;
    assert_eq!(workers["items"][0]["health"]["unwell"][0]["lastError"], Value::Null, "{workers}");
}

#[tokio::test]
async fn of_a_pool_the_worst_worker_counts() {
    let gateway = dev_gateway().await;
    let secret = within(gateway.core().local_admin().add_entity("many", Policy::Pool)).await.unwrap().secret;
    let dial = || Dial::to(&gateway, "/ws/sdk").secret(secret.expose_secret());
    let (mut one, mut other) = (dial().welcomed().await, dial().welcomed().await);
    one.register(&["t"]).await;
    other.register(&["t"]).await;
    report(&mut one, json!({"t": health("healthy", 1, "")})).await;
    report(&mut other, json!({"t": health("down", 2, "broken")})).await;
    let admin = Caller::admin(&gateway);
    let joined = shown(&admin, "t").await;
    assert_eq!((&joined["status"], &joined["errorsLastHour"]), (&json!("down"), &json!(3)));
    other.leave().await;
    assert_eq!(shown(&admin, "t").await["status"], "healthy");
}

/// The status of the only tool.
fn status(data: &Value) -> Value {
    data["tools"][0]["health"]["status"].clone()
}

#[tokio::test]
async fn a_dashboard_is_told_of_another_status() {
    let gateway: Gateway = dev_gateway().await;
    let mut worker = Dial::dev(&gateway).welcomed().await;
    worker.register(&["echo"]).await;
    let dial = Dashboard::dial(&gateway, &token(&gateway, Role::Admin, None, None).await, dev::AGENT);
    let mut dashboard = Dashboard::open(dial).await;
    dashboard.expect("connected").await;
    assert_eq!(status(&dashboard.expect("initial_data").await), Value::Null);
    report(&mut worker, json!({"echo": health("degraded", 1, "of somebody's call")})).await;
    let told = dashboard.until("tools_changed").await;
    assert_eq!(status(&told), "degraded");
    assert!(!told.to_string().contains("somebody"), "{told}");
    // More errors are no other status, so the next message is about the next one.
    report(&mut worker, json!({"echo": health("degraded", 2, "again")})).await;
    report(&mut worker, json!({"echo": health("healthy", 2, "again")})).await;
    assert_eq!(status(&dashboard.until("tools_changed").await), "healthy");
    worker.leave().await;
    while status(&dashboard.until("tools_changed").await) != Value::Null {}
}
