//! Tests of the built-in live feed: the agent's tools, their workers, and its calls.

use platools_gateway::domain::agent_profile::Profile;
use platools_gateway::{Gateway, Role, dev};
use serde_json::{Value, json};

use crate::dashboard::{Dashboard, token};
use crate::support::{Caller, Dial, dev_gateway, ended, within};

/// Watches an agent as an admin, and takes the snapshot.
async fn watch(gateway: &Gateway, agent: &str) -> (Dashboard, Value) {
    let dial = Dashboard::dial(gateway, &token(gateway, Role::Admin, None, None).await, agent);
    let mut dashboard = Dashboard::open(dial).await;
    dashboard.expect("connected").await;
    let snapshot = dashboard.expect("initial_data").await;
    (dashboard, snapshot)
}

/// Name, `online` and `enabled` of each tool.
fn tools(data: &Value) -> Vec<(String, bool, bool)> {
    let shown =
        |tool: &Value| (tool["name"].as_str().unwrap().to_owned(), tool["online"] == true, tool["enabled"] == true);
    data["tools"].as_array().unwrap().iter().map(shown).collect()
}

fn tool(name: &str, online: bool, enabled: bool) -> (String, bool, bool) {
    (name.to_owned(), online, enabled)
}

/// Reads on until the tools are these.
async fn tools_become(dashboard: &mut Dashboard, expected: &[(String, bool, bool)]) {
    while tools(&dashboard.until("tools_changed").await) != expected {}
}

#[tokio::test]
async fn tools_and_workers_are_told_as_they_change() {
    let gateway = dev_gateway().await;
    let (mut dashboard, snapshot) = watch(&gateway, "main").await;
    assert_eq!(snapshot, json!({"tools": [], "workers": [], "calls": []}));
    let mut worker = Dial::dev(&gateway).welcomed().await;
    let came = dashboard.expect("worker_connected").await;
    assert_eq!((&came["entity"], &came["environment"]), (&json!("dev"), &json!("development")));
    worker.register(&["echo", "sum"]).await;
    tools_become(&mut dashboard, &[tool("echo", true, true), tool("sum", true, true)]).await;

    let (mut later, snapshot) = watch(&gateway, "main").await;
    assert_eq!(tools(&snapshot).len(), 2);
    assert_eq!(snapshot["workers"], json!([came]));
    let switch = Caller::admin(&gateway).send("PATCH", "/v1/tools/echo", json!({"enabled": false}).to_string()).await;
    assert_eq!(switch.status, 200, "{switch:?}");
    tools_become(&mut later, &[tool("echo", true, false), tool("sum", true, true)]).await;
    worker.leave().await;
    let left = later.expect("worker_disconnected").await;
    assert_eq!((&left["connectionId"], &left["entity"]), (&came["connectionId"], &json!("dev")));
    tools_become(&mut later, &[tool("echo", false, false), tool("sum", false, true)]).await;
}

#[tokio::test]
async fn an_agent_has_the_tools_of_its_environment_that_its_profile_allows() {
    let gateway = dev_gateway().await;
    let admin = gateway.core().local_admin();
    let mut profile = Profile::default();
    profile.tools = Some(vec!["sum".to_owned(), "missing".to_owned()]);
    within(admin.add_agent("few", profile.clone())).await.unwrap();
    profile.environment = Some("production".to_owned());
    profile.tools = None;
    within(admin.add_agent("elsewhere", profile)).await.unwrap();
    let mut worker = Dial::dev(&gateway).welcomed().await;
    worker.register(&["echo", "sum"]).await;
    let (mut few, snapshot) = watch(&gateway, "few").await;
    assert_eq!(tools(&snapshot), [tool("sum", true, true)]);
    let (mut elsewhere, snapshot) = watch(&gateway, "elsewhere").await;
    assert_eq!(snapshot, json!({"tools": [], "workers": [], "calls": []}));

    let mut production = Dial::dev(&gateway).header("x-platos-environment-id", "production").welcomed().await;
    production.register(&["deploy"]).await;
    let came = elsewhere.expect("worker_connected").await;
    assert_eq!(came["environment"], "production");
    tools_become(&mut elsewhere, &[tool("deploy", true, true)]).await;
    // What does not concern an agent is not told to its dashboard: neither the other worker, nor a tool that it may not call.
    worker.register(&["sum"]).await;
    within(admin.change_agent("few", Profile::default())).await.unwrap();
    worker.register(&["sum", "more"]).await;
    assert_eq!(tools(&few.expect("tools_changed").await), [tool("sum", true, true), tool("more", true, true)]);
}

#[tokio::test]
async fn calls_of_the_agent_are_told_when_they_begin_and_end_without_what_is_in_them() {
    let gateway = dev_gateway().await;
    let mut worker = Dial::dev(&gateway).welcomed().await;
    worker.register(&["echo"]).await;
    let (mut dashboard, _) = watch(&gateway, dev::AGENT).await;
    let (mut other, _) = watch(&gateway, "main").await;
    let agent = Caller::at(&gateway.url()).key(dev::AGENT_KEY);
    let call = agent.calling("echo", json!({"arguments": {"pin": "h1dden"}}));
    let sent = worker.expect("tool_call").await;
    let began = dashboard.expect("call_began").await;
    assert_eq!((&began["callId"], &began["tool"], &began["entity"]), (&sent["call_id"], &json!("echo"), &json!("dev")));
    // Whoever comes now sees it in the snapshot.
    let (mut dashboard, snapshot) = watch(&gateway, dev::AGENT).await;
    assert_eq!(snapshot["calls"], json!([began]));
    worker.answer(&sent, json!("h1dden")).await;
    assert_eq!(ended(call).await.status, 200);
    let over = dashboard.expect("call_ended").await;
    assert_eq!((&over["callId"], &over["outcome"]), (&sent["call_id"], &json!("ok")));
    assert!(over["tookMs"].is_u64());
    for told in [&began, &over, &snapshot["calls"]] {
        assert!(!told.to_string().contains("h1dden"), "{told}");
    }

    // Somebody else's call is none of the agent's, and the other agent heard nothing of any.
    let call = Caller::admin(&gateway).calling("echo", json!({"arguments": {}}));
    let sent = worker.expect("tool_call").await;
    worker.answer(&sent, json!(null)).await;
    ended(call).await;
    for dashboard in [&mut dashboard, &mut other] {
        dashboard.say(json!({"type": "subscribe"})).await;
        dashboard.expect("subscribed").await;
    }
}
