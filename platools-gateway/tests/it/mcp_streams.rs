//! Tests of event streams at `/mcp` that break and are resumed.

use std::time::Duration;

use platools_gateway::domain::identity::Policy;
use platools_gateway::{Gateway, McpSettings, Role, dev};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::mcp_raw_client::{Client, admin, text, worker};
use crate::support::{Caller, Dial, Worker, dev_gateway, gateway_with, within};

#[tokio::test]
async fn a_cancelled_request_cancels_its_call_at_the_worker() {
    let gateway = dev_gateway().await;
    let mut worker = worker(&gateway, &["slow"]).await;
    let client = admin(&gateway).await;
    let stream = client.asking(9, "tools/call", json!({"name": "slow"}));
    let call = worker.expect("tool_call").await;
    let cancel = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 9}});
    assert_eq!(client.post(&cancel).await.status(), 202);
    assert_eq!(worker.expect("tool_cancel").await["call_id"], call["call_id"]);
    assert_eq!(within(stream).await.unwrap().next().await, None, "it is not answered");
}

#[tokio::test]
async fn a_session_that_is_closed_cancels_its_calls() {
    let gateway = dev_gateway().await;
    let mut worker = worker(&gateway, &["slow"]).await;
    let client = admin(&gateway).await;
    let _stream = client.asking(9, "tools/call", json!({"name": "slow"}));
    let call = worker.expect("tool_call").await;
    assert_eq!(client.send("DELETE").await.status(), 204);
    assert_eq!(worker.expect("tool_cancel").await["call_id"], call["call_id"]);
}

#[tokio::test]
async fn a_worker_that_dies_changes_the_list_and_ends_its_calls_if_it_does_not_come_back() {
    let mut settings = McpSettings::default();
    settings.worker_return = Duration::from_millis(200);
    let (gateway, secret, _) = gateway_with(Gateway::builder().mcp(settings)).await;
    let key = gateway.add_key(Role::Operator).await.unwrap();
    let client = Client::at(&gateway.url(), "/mcp").key(key.expose_secret()).opened().await;
    let mut listening = client.listening(None).await;
    let mut worker = Dial::to(&gateway, "/ws/sdk").secret(&secret).welcomed().await;
    worker.register(&["slow"]).await;
    let call = client.calling("slow", json!({}));
    worker.expect("tool_call").await;
    listening.list_change().await;
    drop(worker);
    let ended = within(call).await.unwrap();
    assert_eq!(ended["result"]["_meta"]["platools/code"], "worker_lost", "{ended}");
    assert!(text(&ended).contains("did not come back with the answer within 200ms"), "{ended}");
    listening.list_change().await;
    assert_eq!(client.tools().await[0]["_meta"]["platools/online"], false);
    let mut back = Dial::to(&gateway, "/ws/sdk").secret(&secret).welcomed().await;
    back.register(&["slow", "other"]).await;
    listening.list_change().await;
    within(async { while client.names().await != ["slow", "other"] {} }).await;
}

/// A gateway that has so much patience with workers that went away, and the secret of a pool and a client of it.
async fn pool(worker_return: Duration) -> (Gateway, String, Client) {
    let mut settings = McpSettings::default();
    settings.worker_return = worker_return;
    let gateway = within(Gateway::builder().mcp(settings).start()).await.unwrap();
    let secret = gateway.core().local_admin().add_entity("pool", Policy::Pool).await.unwrap().secret;
    let key = gateway.add_key(Role::Operator).await.unwrap();
    let client = Client::at(&gateway.url(), "/mcp").key(key.expose_secret()).opened().await;
    (gateway, secret.expose_secret().to_owned(), client)
}

/// Connects a further worker of a pool.
async fn one_of(gateway: &Gateway, secret: &str) -> Worker {
    let mut worker = Dial::to(gateway, "/ws/sdk")
        .secret(secret)
        .header("platools-features", "cancel, progress, log")
        .welcomed()
        .await;
    worker.register(&["slow"]).await;
    worker
}

#[tokio::test]
async fn a_call_ends_with_the_worker_that_has_it_whoever_else_is_there() {
    let (gateway, secret, client) = pool(Duration::from_millis(200)).await;
    let mut first = one_of(&gateway, &secret).await;
    let call = client.calling("slow", json!({}));
    let frame = first.expect("tool_call").await;
    let mut other = one_of(&gateway, &secret).await;
    drop(first);
    let ended = within(call).await.unwrap();
    assert_eq!(ended["result"]["_meta"]["platools/code"], "worker_lost", "{ended}");
    assert!(text(&ended).contains("did not come back with the answer within 200ms"), "{ended}");
    assert_eq!(other.expect("tool_cancel").await["call_id"], frame["call_id"], "it may be the same worker");
}

#[tokio::test]
async fn a_worker_that_comes_back_to_a_call_and_says_how_far_it_is_has_it() {
    has_it(json!({"type": "tool_progress", "progress": 1})).await;
}

#[tokio::test]
async fn a_worker_that_comes_back_to_a_call_and_says_that_it_goes_on_has_it() {
    has_it(json!({"type": "tool_log", "level": "debug", "message": "the call goes on"})).await;
}

/// A call goes on whose worker is back and says this of it.
async fn has_it(mut said: Value) {
    let (gateway, secret, client) = pool(Duration::from_secs(3)).await;
    let mut gone = one_of(&gateway, &secret).await;
    let listening = client.asking(3, "tools/call", json!({"name": "slow"}));
    let frame = gone.expect("tool_call").await;
    drop(gone);
    let mut back = one_of(&gateway, &secret).await;
    said["call_id"] = frame["call_id"].clone();
    back.send(said).await;
    back.settle().await;
    // Longer than the gateway waits for one that has not come back: another call ends meanwhile.
    let second = client.calling("slow", json!({}));
    let mut dying = one_of(&gateway, &secret).await;
    let second_frame = back.expect("tool_call").await;
    drop(second_frame);
    let third = client.calling("slow", json!({}));
    dying.expect("tool_call").await;
    drop(dying);
    let ended = within(third).await.unwrap();
    assert_eq!(ended["result"]["_meta"]["platools/code"], "worker_lost", "{ended}");
    back.answer(&frame, json!("done")).await;
    assert_eq!(text(&within(listening).await.unwrap().answer().await), "done");
    second.abort();
}

#[tokio::test]
async fn a_worker_that_comes_back_still_answers() {
    let gateway = dev_gateway().await;
    let mut gone = worker(&gateway, &["slow"]).await;
    let client = admin(&gateway).await;
    let mut listening = client.listening(None).await;
    let call = client.calling("slow", json!({}));
    let frame = gone.expect("tool_call").await;
    drop(gone);
    listening.list_change().await;
    let mut back = worker(&gateway, &["slow"]).await;
    back.answer(&frame, json!("done")).await;
    assert_eq!(text(&within(call).await.unwrap()), "done");
}

#[tokio::test]
async fn news_is_for_those_who_see_the_tools() {
    let gateway = dev_gateway().await;
    let secret = gateway.add_entity("orders").await.unwrap().expose_secret().to_owned();
    let client = Client::at(&gateway.url(), "/mcp/entities/orders").key(dev::ADMIN_KEY).opened().await;
    let mut listening = client.listening(None).await;
    let mut dev = worker(&gateway, &["one"]).await;
    dev.register(&["two"]).await;
    let caller = Caller::admin(&gateway);
    caller.send("PATCH", "/v1/tools/two", r#"{"enabled":false}"#).await;
    let mut orders = Dial::to(&gateway, "/ws/sdk").secret(&secret).welcomed().await;
    orders.register(&[]).await;
    listening.list_change().await;
    assert_eq!(client.names().await, [""; 0], "the first news was of the entity's own worker");
    orders.register(&["lookup"]).await;
    listening.list_change().await;
    caller.send("PATCH", "/v1/tools/lookup", r#"{"enabled":false}"#).await;
    listening.list_change().await;
    assert_eq!(client.names().await, [""; 0]);
}

#[tokio::test]
async fn a_client_that_wants_a_log_is_told_how_calls_end() {
    let gateway = dev_gateway().await;
    let worker = worker(&gateway, &["echo"]).await;
    worker.leave().await;
    let client = admin(&gateway).await;
    let mut listening = client.listening(None).await;
    assert_eq!(client.asked("logging/setLevel", json!({"level": "warning"})).await["result"], json!({}));
    client.call("echo", json!({"secret": 1})).await;
    let message = listening.next_of("notifications/message").await;
    assert_eq!((&message["level"], &message["data"]["code"]), (&json!("warning"), &json!("worker_offline")));
    assert_eq!(client.asked("logging/setLevel", json!({"level": "loud"})).await["error"]["code"], -32602);
}
