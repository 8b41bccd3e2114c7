//! Tests of workers that come to the gateway and leave it, as a caller sees them.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::BoxStream;
use platools::client::{ClientHandle, Event, PlatoolsClientBuilder};
use platools::connection::Disconnect;
use platools::{Secret, ToolRegistry, tool, tools};
use platools_gateway::{Gateway, Role, dev};
use platools_tests::{Caller, Worker, client, within};
use secrecy::ExposeSecret;
use serde_json::json;
use tokio::sync::{Notify, oneshot};

/// Add two numbers.
#[tool]
async fn add(a: i64, b: i64) -> i64 {
    a + b
}

/// A worker's own name.
struct Name(String);

/// Say which worker this is.
#[tool]
async fn which(name: &Name) -> String {
    name.0.clone()
}

/// Barrier at which a call waits for the test.
#[derive(Default)]
struct Gate {
    begun: Notify,
    go: Notify,
}

/// Wait for the test's word.
#[tool]
async fn hold(gate: &Gate) -> &'static str {
    gate.begun.notify_one();
    gate.go.notified().await;
    "finished"
}

/// Fail through a fault.
#[tool]
async fn fails() {
    panic!("the order has no number")
}

fn registry(name: &str) -> ToolRegistry {
    let registry = ToolRegistry::new().with_state(Name(name.to_owned()));
    registry.with_tools(tools![add, which, fails]).expect("valid tools")
}

async fn gateway() -> Gateway {
    within(dev::start(dev::DevOptions::with_known_secrets())).await.expect("there is a free port")
}

fn dev_client(gateway: &Gateway, registry: &ToolRegistry) -> PlatoolsClientBuilder {
    client(&gateway.url(), registry).secret(dev::SECRET)
}

/// Waits until the gateway has stored a registration, and tells of how many tools.
async fn registered(events: &mut BoxStream<'static, Event>) -> u64 {
    loop {
        match within(events.next()).await {
            Some(Event::Registered(registered)) => return registered.count,
            Some(_) => {}
            None => panic!("the client lives"),
        }
    }
}

/// A worker that the gateway knows, and what happens on its link from then on.
async fn connected(gateway: &Gateway, registry: &ToolRegistry) -> (Worker, BoxStream<'static, Event>) {
    let worker = Worker::start(dev_client(gateway, registry));
    let mut events = worker.handle().events();
    assert_eq!(registered(&mut events).await, 3);
    (worker, events)
}

fn dev_caller(gateway: &Gateway) -> Caller {
    Caller::new(gateway.url(), dev::ADMIN_KEY)
}

/// The tools a caller can see, and whether their worker is there.
async fn listed(caller: &Caller) -> Vec<(String, bool)> {
    let tools = caller.tools().await;
    tools.iter().map(|tool| (tool["name"].as_str().expect("a name").to_owned(), tool["online"] == true)).collect()
}

/// Waits until the gateway has taken note that its workers are gone.
async fn without_workers(gateway: &Gateway) {
    within(async {
        while gateway.connection_count() > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

async fn stopped(handle: &ClientHandle, gateway: &Gateway) {
    within(handle.stop()).await;
    without_workers(gateway).await;
}

#[tokio::test]
async fn a_call_over_http_reaches_the_worker_and_its_result_comes_back() {
    let gateway = gateway().await;
    let (_worker, _) = connected(&gateway, &registry("w")).await;
    let caller = dev_caller(&gateway);
    assert_eq!(caller.call("add", json!({"a": 2, "b": 40})).await.result(), 42);
    let failure = caller.call("fails", json!({})).await;
    failure.is_problem(422, "tool_failed");
    assert!(failure.detail().starts_with("the tool panicked; the log of its worker says why"), "{failure:?}");
    let call_id = failure.body["callId"].as_str().expect("the call's id");
    assert!(failure.detail().ends_with(call_id), "{failure:?}");
}

#[derive(Debug)]
struct Loading(std::io::Error);

impl std::fmt::Display for Loading {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the orders cannot be loaded")
    }
}

impl std::error::Error for Loading {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

/// Fail, and say why.
#[tool(expose_errors)]
async fn fails_openly() -> Result<(), Loading> {
    Err(Loading(std::io::Error::other("no such table")))
}

/// Fail, and say nothing more.
#[tool]
async fn fails_closely() -> Result<(), Loading> {
    Err(Loading(std::io::Error::other("no such table")))
}

/// Panic, and say why.
#[tool(expose_errors)]
fn panics_openly() {
    panic!("the order has no number")
}

/// Never end.
#[tool(timeout = "40ms", max_concurrency = 1)]
async fn never_ends() {
    std::future::pending().await
}

/// Return no number.
#[tool]
async fn ratio(a: f64, b: f64) -> Vec<f64> {
    vec![1.0, a / b]
}

#[tokio::test]
async fn what_an_author_declares_arrives_at_callers() {
    let gateway = gateway().await;
    let tools = tools![fails_openly, fails_closely, panics_openly, never_ends, ratio];
    let registry = ToolRegistry::new().with_tools(tools).expect("valid tools");
    let worker = Worker::start(dev_client(&gateway, &registry));
    registered(&mut worker.handle().events()).await;
    let caller = dev_caller(&gateway);
    for (tool, arguments, detail) in [
        ("fails_openly", json!({}), "the orders cannot be loaded\nno such table"),
        ("fails_closely", json!({}), "the orders cannot be loaded"),
        ("never_ends", json!({}), "the tool did not finish within 40ms"),
        (
            "ratio",
            json!({"a": 0, "b": 0}),
            "the result cannot be written as JSON: result[1] is NaN, which JSON does not have; make it an `Option` or a string",
        ),
    ] {
        let failure = caller.call(tool, arguments).await;
        failure.is_problem(422, "tool_failed");
        assert_eq!(failure.detail(), detail, "{tool}");
    }
    let failure = caller.call("panics_openly", json!({})).await;
    let expected = format!("the tool panicked: the order has no number\npanicked at {}:", file!());
    assert!(failure.detail().starts_with(&expected), "{failure:?}");
    assert_eq!(caller.call("ratio", json!({"a": 1, "b": 2})).await.result(), json!([1.0, 0.5]));

    let listed = caller.tools().await;
    let annotations =
        |name: &str| &listed.iter().find(|tool| tool["name"] == name).expect("it is listed")["annotations"];
    assert_eq!(annotations("never_ends"), &json!({"timeoutMs": 40, "maxConcurrency": 1}));
    assert_eq!(annotations("fails_openly"), &json!({"exposeErrors": true}));
    assert_eq!(annotations("ratio"), &json!({}));
}

#[tokio::test]
async fn a_restarted_gateway_has_the_tools_again_and_serves_calls() {
    let mut gateway = gateway().await;
    let (_worker, mut events) = connected(&gateway, &registry("w")).await;
    for round in 1..=3 {
        gateway = within(async { gateway.stop().await.start().await }).await.expect("the port is free again");
        assert_eq!(registered(&mut events).await, 3, "round {round}");
        assert_eq!(dev_caller(&gateway).call("add", json!({"a": round, "b": 1})).await.result(), round + 1);
    }
}

#[tokio::test]
async fn the_tools_of_a_stopped_worker_stay_listed_and_answer_503() {
    let gateway = gateway().await;
    let (worker, _) = connected(&gateway, &registry("w")).await;
    let caller = dev_caller(&gateway);
    stopped(worker.handle(), &gateway).await;
    let problem = caller.call("add", json!({"a": 1, "b": 1})).await;
    problem.is_problem(503, "worker_offline");
    assert_eq!(problem.body["retryable"], true, "{problem:?}");
    let offline = ["add", "fails", "which"].map(|name| (name.to_owned(), false));
    assert_eq!(listed(&caller).await, offline);
}

#[tokio::test]
async fn a_newer_worker_takes_over_and_the_older_one_is_told() {
    let gateway = gateway().await;
    let mut older = dev_client(&gateway, &registry("older")).build().expect("a valid client");
    let mut events = older.handle().events();
    let takeover = async {
        registered(&mut events).await;
        assert_eq!(dev_caller(&gateway).call("which", json!({})).await.result(), "older");
        connected(&gateway, &registry("newer")).await
    };
    let (ended, _newer) = within(async { tokio::join!(older.run_session(), takeover) }).await;
    let ended = ended.expect("there was a session");
    assert!(
        matches!(&ended, Disconnect::Closed { code: Some(1000), reason, .. } if reason == "superseded by new connection"),
        "{ended:?}"
    );
    assert_eq!(dev_caller(&gateway).call("which", json!({})).await.result(), "newer");
    assert_eq!(gateway.connection_count(), 1);
}

#[tokio::test]
async fn a_change_of_the_registry_shows_in_the_list_of_tools() {
    let gateway = gateway().await;
    let registry = registry("w");
    let (_worker, mut events) = connected(&gateway, &registry).await;
    let caller = dev_caller(&gateway);
    registry.remove("which");
    assert_eq!(registered(&mut events).await, 2);
    assert_eq!(listed(&caller).await, ["add", "fails"].map(|name| (name.to_owned(), true)));
    caller.call("which", json!({})).await.is_problem(404, "unknown_tool");
    registry.insert(tools![which]).expect("the name is free again");
    assert_eq!(registered(&mut events).await, 3);
    assert_eq!(caller.call("which", json!({})).await.result(), "w");
}

#[tokio::test]
async fn a_worker_follows_the_rotation_of_its_secret() {
    let gateway = within(Gateway::builder().start()).await.expect("there is a free port");
    let first = gateway.add_entity("orders").await.expect("a new entity");
    let key = gateway.add_key(Role::Operator).await.expect("a new key");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("secret");
    std::fs::write(&file, first.expose_secret()).expect("it can be written");
    let worker = Worker::start(client(&gateway.url(), &registry("w")).secret(Secret::file(&file)));
    let mut events = worker.handle().events();
    registered(&mut events).await;

    let second = within(gateway.rotate_secret("orders")).await.expect("the entity is there");
    std::fs::write(&file, second.expose_secret()).expect("it can be written");
    let closed = loop {
        match within(events.next()).await {
            Some(Event::Disconnected(reason)) => break reason,
            Some(_) => {}
            None => panic!("the client lives"),
        }
    };
    assert!(matches!(closed, Disconnect::Closed { code: Some(4001), .. }), "{closed:?}");
    registered(&mut events).await;
    let caller = Caller::new(gateway.url(), key.expose_secret());
    assert_eq!(caller.call("which", json!({})).await.result(), "w");
}

#[tokio::test]
async fn a_tool_with_faults_is_reported_and_the_gateway_says_so() {
    let gateway = gateway().await;
    let worker = Worker::start(dev_client(&gateway, &registry("w")).heartbeat_interval(Duration::from_millis(100)));
    let mut events = worker.handle().events();
    registered(&mut events).await;
    let caller = dev_caller(&gateway);
    for _ in 0..10 {
        caller.call("fails", json!({})).await.is_problem(422, "tool_failed");
    }
    loop {
        match within(events.next()).await {
            Some(Event::HealthAlert(alert)) => {
                assert_eq!(alert.tool, "fails");
                break;
            }
            Some(_) => {}
            None => panic!("the client lives"),
        }
    }
}

#[tokio::test]
async fn a_worker_whose_shutdown_comes_finishes_its_calls_and_delivers_them() {
    let gateway = gateway().await;
    let gate = Arc::new(Gate::default());
    let builder = client(&gateway.url(), &ToolRegistry::new()).secret(dev::SECRET);
    // The state follows the tool that borrows it.
    let mut client =
        builder.tools(tools![hold, add]).shared_state(Arc::clone(&gate)).build().expect("nothing is missing");
    let mut events = client.handle().events();
    let (shutdown, told) = oneshot::channel::<()>();
    let worker = tokio::spawn(async move { client.run_until(told).await });
    assert_eq!(registered(&mut events).await, 2);
    let call = dev_caller(&gateway).calling("hold", json!({}));
    within(gate.begun.notified()).await;
    shutdown.send(()).expect("the worker runs");
    // Once another call is refused, the stop has begun.
    let caller = dev_caller(&gateway);
    within(async { while caller.call("add", json!({"a": 1, "b": 1})).await.status == 200 {} }).await;
    assert!(!worker.is_finished(), "a call runs");
    gate.go.notify_one();
    assert_eq!(within(call).await.expect("no panic").result(), "finished");
    within(worker).await.expect("no panic").expect("it ends well");
    assert!(events.next().await.is_some_and(|event| matches!(event, Event::Disconnected(Disconnect::Stopped))));
}
