//! Tests that the snippets, messages and numbers in the documents of the existing clients are true of this project. `docs/compatibility.md`
//! lists every claim.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use platools::connection::{
    BACKOFF_BASE_MS, BACKOFF_MAX_MS, ConnectionState, HEARTBEAT_INTERVAL_MS, MAX_BACKOFF_ATTEMPTS, backoff_delay_ms,
};
use platools::{ErrorKind, PlatoolsClient, ToolRegistry, tool, tools};
use platools_client::RuntimeClient;
use platools_tests::{AgentSocket, KEY, Link, Platform, RuntimeGateway, SECRET, keep_links_here, within};
use serde_json::{Value, json};
use tokio::process::Command;
use tokio::sync::oneshot;

/// Add two numbers.
#[tool]
async fn add(a: i64, b: i64) -> i64 {
    a + b
}

/// Fail.
#[tool(expose_errors)]
async fn fail() -> Result<(), platools::ToolError> {
    Err(platools::ToolError::new("the order is locked").with_source("by somebody else"))
}

/// Calls a tool, whose result must be the next frame.
async fn serves(link: &mut Link) {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    let id = format!("call-{}", CALLS.fetch_add(1, Ordering::Relaxed));
    link.call(&id, "add", json!({"a": 40, "b": 2})).await;
    assert_eq!(link.result(&id).await, 42);
}

#[tokio::test]
async fn basic_usage_runs_until_the_process_ends_or_the_run_is_dropped() {
    let platform = Platform::start().await;
    let builder = PlatoolsClient::builder().url(platform.url()).secret(SECRET);
    let connect = tokio::spawn(builder.tools(tools![add]).connect());
    serves(&mut platform.accept_worker().await).await;
    assert!(!connect.is_finished(), "`connect` is pending for as long as the worker serves");
    connect.abort();
    assert!(within(connect).await.expect_err("it was ended").is_cancelled());
}

#[tokio::test]
async fn graceful_shutdown_closes_the_socket_at_a_signal() {
    let platform = Platform::start().await;
    let (signal, signalled) = oneshot::channel::<()>();
    let builder = PlatoolsClient::builder().url(platform.url()).secret(SECRET);
    let connect = tokio::spawn(builder.tools(tools![add]).connect_until(signalled));
    let mut link = platform.accept_worker().await;
    serves(&mut link).await;
    signal.send(()).expect("the worker waits for it");
    assert_eq!(link.closed().await, (1000, "client stop".to_owned()));
    within(connect).await.expect("no panic").expect("the run ends without an error");
}

#[tokio::test]
async fn a_direct_client_runs_until_it_is_stopped() {
    let platform = Platform::start().await;
    let registry = ToolRegistry::new().with_tools(tools![add]).expect("a valid tool");
    let mut client =
        PlatoolsClient::builder().url(platform.url()).secret(SECRET).registry(registry).build().expect("a client");
    let handle = client.handle();
    let run = tokio::spawn(async move { client.run_forever().await });
    let mut link = platform.accept_worker().await;
    serves(&mut link).await;
    let ((), closed) = within(async { tokio::join!(handle.stop(), link.closed()) }).await;
    assert_eq!(closed, (1000, "client stop".to_owned()));
    within(run).await.expect("no panic").expect("the run ends without an error");
}

#[test]
fn a_client_without_url_or_secret_is_refused_when_it_is_built() {
    let kind = |builder: platools::client::PlatoolsClientBuilder| {
        builder.build().map(drop).expect_err("it is incomplete").kind()
    };
    let (url, secret) = ("https://platform.example.com", "platos_agent_...");
    assert_eq!(kind(PlatoolsClient::builder().secret(secret)), ErrorKind::InvalidUrl);
    assert_eq!(kind(PlatoolsClient::builder().url("").secret(secret)), ErrorKind::InvalidUrl);
    assert_eq!(kind(PlatoolsClient::builder().url(url)), ErrorKind::InvalidSecret);
    assert_eq!(kind(PlatoolsClient::builder().url(url).secret("")), ErrorKind::InvalidSecret);
}

#[test]
fn the_constants_are_those_of_the_document() {
    assert_eq!((HEARTBEAT_INTERVAL_MS, BACKOFF_BASE_MS, BACKOFF_MAX_MS), (30_000, 1_000, 60_000));
    assert_eq!(MAX_BACKOFF_ATTEMPTS, 10);
    let curve: Vec<_> = (1..=8).map(backoff_delay_ms).collect();
    assert_eq!(curve, [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
}

#[tokio::test]
async fn every_message_of_the_table_is_sent_or_understood() {
    let platform = Platform::start().await;
    let builder = PlatoolsClient::builder().url(platform.url()).secret(SECRET);
    let connect = tokio::spawn(builder.tools(tools![add, fail]).connect());
    let mut link = platform.accept().await;
    assert_eq!(link.registration().await, ["add", "fail"]);
    link.welcome().await;
    link.send(json!({"type": "heartbeat_ack"})).await;
    link.send(json!({"type": "a_message_of_a_later_platform", "x": 1})).await;

    // The call as the document's table spells it.
    link.send(json!({"type": "tool_call", "callId": "1", "toolName": "add", "params": {"a": 1, "b": 2}})).await;
    let result = link.expect("tool_result").await;
    assert_eq!((&result["call_id"], &result["result"]), (&json!("1"), &json!(3)));
    assert!(result["latency_ms"].is_u64(), "{result}");

    link.send(json!({"type": "tool_call", "callId": "2", "toolName": "fail", "params": {}})).await;
    let error = link.expect("tool_error").await;
    assert_eq!((&error["call_id"], &error["error"]), (&json!("2"), &json!("the order is locked")));
    assert!(error["traceback"].as_str().is_some_and(|trace| trace.contains("by somebody else")), "{error}");
    serves(&mut link).await;
    connect.abort();
}

/// Advances the clock.
async fn skip(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

/// The frames that come before the agent's own marker.
async fn frames_until_now(agent: &RuntimeClient, link: &mut AgentSocket) -> Vec<Value> {
    agent.send(json!({"type": "marker"})).await.expect("the socket is open");
    let mut frames = Vec::new();
    loop {
        let frame = link.next().await;
        if frame["type"] == "marker" {
            return frames;
        }
        frames.push(frame["type"].clone());
    }
}

#[tokio::test]
async fn an_agent_sends_a_heartbeat_every_30_seconds_by_default() {
    let mut gateway = RuntimeGateway::start().await;
    let agent = RuntimeClient::builder().url(gateway.url()).secret(KEY).build().expect("a valid client");
    within(agent.connect()).await.expect("it connects");
    let mut link = gateway.socket().await;
    assert_eq!(frames_until_now(&agent, &mut link).await, [""; 0]);
    for _ in 0..3 {
        skip(Duration::from_secs(29)).await;
        assert_eq!(frames_until_now(&agent, &mut link).await, [""; 0], "29 seconds are too early");
        skip(Duration::from_secs(1)).await;
        assert_eq!(link.next().await["type"], "heartbeat");
        assert_eq!(frames_until_now(&agent, &mut link).await, [""; 0]);
    }
}

#[tokio::test]
async fn an_agent_that_has_disconnected_sends_no_heartbeats_and_does_not_reconnect() {
    let mut gateway = RuntimeGateway::start().await;
    let agent = RuntimeClient::builder().url(gateway.url()).secret(KEY).build().expect("a valid client");
    within(agent.connect()).await.expect("it connects");
    let mut link = gateway.socket().await;
    assert_eq!(frames_until_now(&agent, &mut link).await, [""; 0]);
    let ((), closed) = within(async { tokio::join!(agent.disconnect(), link.closed()) }).await;
    assert_eq!(closed.0, 1000);
    let requests = gateway.count("");
    // Ten attempts take less than that.
    for _ in 0..10 {
        skip(Duration::from_secs(60)).await;
        tokio::task::yield_now().await;
    }
    assert_eq!(gateway.count(""), requests, "nothing is sent any more");
    assert_eq!(agent.state(), ConnectionState::Disconnected);
}

#[tokio::test]
async fn a_worker_sends_a_heartbeat_every_30_seconds_by_default() {
    keep_links_here().await;
    let platform = Platform::start().await;
    let builder = PlatoolsClient::builder().url(platform.url()).secret(SECRET);
    let connect = tokio::spawn(builder.tools(tools![add]).connect());
    let mut link = platform.accept_worker().await;
    serves(&mut link).await;
    for _ in 0..3 {
        skip(Duration::from_secs(29)).await;
        // The next frame is the result, and no heartbeat.
        serves(&mut link).await;
        skip(Duration::from_secs(1)).await;
        link.acknowledge().await;
        serves(&mut link).await;
    }
    connect.abort();
}

/// A client that the application runs, and no `connect`.
#[cfg(unix)]
#[tokio::test]
async fn a_worker_has_no_signal_handlers_of_its_own() {
    use std::os::unix::process::ExitStatusExt as _;

    let platform = Platform::start().await;
    let mut worker = Command::new(env!("CARGO_BIN_EXE_stopping"))
        .env_clear()
        .envs([("PLATOS_URL", &*platform.url()), ("PLATOS_SECRET", SECRET), ("OWN_STOP", "1")])
        .kill_on_drop(true)
        .spawn()
        .expect("the program starts");
    let _link = platform.accept_worker().await;
    let pid = worker.id().expect("it runs").to_string();
    assert!(
        within(Command::new("kill").args(["-s", "TERM", &pid]).status()).await.expect("the command kill").success()
    );
    let status = within(worker.wait()).await.expect("its end");
    assert_eq!(status.signal(), Some(15), "SIGTERM ended it: {status}");
}
