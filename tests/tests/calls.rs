//! Tests of calls over one socket: each failure of a call is answered, and no call delays another.

use std::collections::{BTreeSet, HashMap};
use std::sync::mpsc;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use platools::{Context, PlatoolsClient, ToolError, ToolRegistry, tool, tools};
use platools_tests::{Link, Log, PATIENCE, Platform, SECRET, Worker, client};
use schemars::JsonSchema;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};
use tokio::sync::Barrier;

/// Give the number back.
#[tool]
async fn echo(number: i64) -> i64 {
    number
}

/// Fail.
#[tool]
async fn fails() -> Result<(), ToolError> {
    Err(ToolError::new("the order is locked").with_source("a cause that is nobody's business"))
}

/// Fail, and say why.
#[tool(expose_errors)]
async fn fails_openly() -> Result<(), ToolError> {
    Err(ToolError::new("the order is locked").with_source("by somebody else"))
}

/// Panic on a task, and say where.
#[tool(expose_errors)]
async fn panics_openly() -> i64 {
    panic!("on a task")
}

/// Panic on a thread, and say where.
#[tool(expose_errors)]
fn panics_openly_blocking() -> i64 {
    panic!("on a thread")
}

/// Panic on a task.
#[tool]
async fn panics() -> i64 {
    panic!("on a task")
}

/// Panic on a thread.
#[tool]
fn panics_blocking() -> i64 {
    panic!("on a thread")
}

/// Panic on the link's own task.
#[tool(inline)]
fn panics_inline() -> i64 {
    panic!("on the link")
}

/// Panic with something that is no text.
#[tool]
async fn panics_with_a_number() -> i64 {
    std::panic::panic_any(7)
}

/// Never end.
#[tool(timeout = "20ms")]
async fn never_ends() -> i64 {
    std::future::pending().await
}

#[derive(JsonSchema)]
struct Unwritable;

impl Serialize for Unwritable {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("it has no form"))
    }
}

/// Return what cannot be written.
#[tool]
async fn unwritable() -> Unwritable {
    Unwritable
}

/// Return what cannot be written because of its keys.
#[tool(no_output_schema)]
async fn odd_keys() -> HashMap<Vec<u8>, u8> {
    HashMap::from([(vec![1], 1)])
}

/// Return more than a frame can carry.
#[tool]
async fn oversize() -> String {
    "x".repeat(platools_protocol::tool_sync::MAX_FRAME_BYTES)
}

async fn open(platform: &Platform, registry: ToolRegistry) -> (Worker, Link) {
    let worker = Worker::start(client(&platform.url(), &registry));
    (worker, platform.accept_worker().await)
}

async fn serves(link: &mut Link) {
    link.call("after", "echo", json!({"number": 7})).await;
    assert_eq!(link.result("after").await, 7);
}

/// The error of the call `failing` where its tool does not expose errors.
const HIDDEN_PANIC: &str = "the tool panicked; the log of its worker says why, at the call failing";

/// Calls a tool that fails, then one that does not, and returns the failure's frame.
async fn failure(tool: &str, params: Value) -> Value {
    let platform = Platform::start().await;
    let all = tools![
        echo,
        fails,
        fails_openly,
        panics_openly,
        panics_openly_blocking,
        panics,
        panics_blocking,
        panics_inline,
        panics_with_a_number,
        never_ends,
        unwritable,
        odd_keys,
        oversize,
    ];
    let (_worker, mut link) = open(&platform, ToolRegistry::new().with_tools(all).expect("valid tools")).await;
    link.call("failing", tool, params).await;
    let frame = link.expect("tool_error").await;
    assert_eq!(frame["call_id"], "failing");
    serves(&mut link).await;
    frame
}

#[tokio::test]
async fn a_handlers_error_is_answered_without_its_causes() {
    let expected = json!({"type": "tool_error", "call_id": "failing", "error": "the order is locked"});
    assert_eq!(failure("fails", json!({})).await, expected);
}

#[tokio::test]
async fn a_handlers_error_is_answered_with_its_causes_where_the_tool_shows_them() {
    assert_eq!(failure("fails_openly", json!({})).await["traceback"], "by somebody else");
}

#[tokio::test]
async fn a_panicking_handler_answers_tool_error_and_keeps_the_socket() {
    assert_eq!(failure("panics", json!({})).await["error"], HIDDEN_PANIC);
}

#[tokio::test]
async fn a_panicking_handler_answers_with_the_place_of_the_panic_where_the_tool_shows_it() {
    for (tool, message) in [("panics_openly", "on a task"), ("panics_openly_blocking", "on a thread")] {
        let frame = failure(tool, json!({})).await;
        assert_eq!(frame["error"], format!("the tool panicked: {message}"));
        let traceback = frame["traceback"].as_str().expect("a traceback");
        let place = format!("panicked at {}:", file!());
        assert!(traceback.starts_with(&place), "{traceback}");
    }
    for tool in ["panics", "panics_blocking", "panics_inline"] {
        assert_eq!(failure(tool, json!({})).await.get("traceback"), None, "{tool} shows nothing");
    }
}

/// Panic in a task that the tool has started.
#[tool]
async fn panics_in_a_task() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    Ok(tokio::spawn(async { panic!("hunter2") }).await?)
}

/// Return what panics while it is written.
#[tool(no_output_schema)]
async fn panics_when_written() -> Unspeakable {
    Unspeakable
}

/// Fail with what panics while it is shown.
#[tool]
async fn panics_when_shown() -> Result<(), Unspeakable> {
    Err(Unspeakable)
}

struct Unspeakable;

impl Serialize for Unspeakable {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        panic!("hunter2")
    }
}

impl std::fmt::Display for Unspeakable {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        panic!("hunter2")
    }
}

#[tokio::test]
async fn the_text_of_a_panic_is_in_the_log_alone_wherever_the_tool_panics() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::DEBUG).with_writer(move || writer.clone());
    let _subscribed = tracing::subscriber::set_default(subscriber.finish());
    let platform = Platform::start().await;
    let tools = tools![panics_in_a_task, panics_when_written, panics_when_shown];
    let (_worker, mut link) = open(&platform, ToolRegistry::new().with_tools(tools).expect("valid tools")).await;
    for tool in ["panics_in_a_task", "panics_when_written", "panics_when_shown"] {
        link.call(tool, tool, json!({})).await;
        let frame = link.expect("tool_error").await;
        assert!(!frame.to_string().contains("hunter2"), "{frame}");
        assert!(frame["error"].as_str().is_some_and(|error| error.contains("panicked")), "{frame}");
        // It is written before the failure is sent.
        let text = log.text();
        let is_told = |line: &&str| line.contains("call failed") && line.contains(tool);
        let line = text.lines().find(is_told).unwrap_or_else(|| panic!("no line: {text}"));
        assert!(line.contains("hunter2") || tool == "panics_when_shown", "{line}");
    }
}

#[tokio::test]
async fn the_log_at_its_usual_level_names_the_call_and_the_tool_that_failed() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::WARN).with_writer(move || writer.clone());
    let _subscribed = tracing::subscriber::set_default(subscriber.with_ansi(false).finish());
    let platform = Platform::start().await;
    let (_worker, mut link) =
        open(&platform, ToolRegistry::new().with_tools(tools![fails]).expect("a valid tool")).await;
    link.call("call-7", "fails", json!({})).await;
    link.error("call-7").await;
    let text = log.text();
    let line = text.lines().find(|line| line.contains("call failed")).unwrap_or_else(|| panic!("no line: {text}"));
    assert!(line.contains(r#"call.id="call-7" tool.name="fails""#), "{line}");
}

#[tokio::test]
async fn a_client_that_exposes_errors_shows_the_causes_and_places_of_every_tool() {
    let platform = Platform::start().await;
    let registry = ToolRegistry::new().with_tools(tools![fails, panics]).expect("valid tools");
    let client = PlatoolsClient::builder().url(platform.url()).secret(SECRET).registry(registry).expose_errors();
    let _worker = Worker::start(client);
    let mut link = platform.accept_worker().await;
    link.call("f", "fails", json!({})).await;
    assert_eq!(link.expect("tool_error").await["traceback"], "a cause that is nobody's business");
    link.call("p", "panics", json!({})).await;
    let frame = link.expect("tool_error").await;
    assert!(frame["traceback"].as_str().is_some_and(|text| text.starts_with("panicked at ")), "{frame}");
}

#[tokio::test]
async fn a_binary_frame_is_ignored_and_logged_once_for_each_connection() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).finish();
    let platform = Platform::start().await;
    let registry = ToolRegistry::new().with_tools(tools![echo]).expect("valid tools");
    let worker = async {
        let _worker = Worker::start(client(&platform.url(), &registry));
        let mut link = platform.accept_worker().await;
        for _ in 0..3 {
            link.send_binary(vec![1, 2, 3]).await;
        }
        serves(&mut link).await;
    };
    let _subscribed = tracing::subscriber::set_default(subscriber);
    worker.await;
    assert_eq!(log.text().matches("binary frame ignored").count(), 1, "{}", log.text());
}

#[tokio::test]
async fn a_panicking_sync_handler_answers_tool_error_and_keeps_the_socket() {
    assert_eq!(failure("panics_blocking", json!({})).await["error"], HIDDEN_PANIC);
}

#[tokio::test]
async fn a_panicking_inline_handler_answers_tool_error_and_keeps_the_socket() {
    assert_eq!(failure("panics_inline", json!({})).await["error"], HIDDEN_PANIC);
}

#[tokio::test]
async fn a_panic_without_a_text_answers_tool_error_and_keeps_the_socket() {
    assert_eq!(failure("panics_with_a_number", json!({})).await["error"], HIDDEN_PANIC);
}

#[tokio::test]
async fn a_handler_that_never_ends_is_answered_after_its_timeout() {
    assert_eq!(failure("never_ends", json!({})).await["error"], "the tool did not finish within 20ms");
}

#[tokio::test]
async fn a_result_that_cannot_be_written_is_a_tool_error() {
    for (tool, reason) in [("unwritable", "it has no form"), ("odd_keys", "key must be a string")] {
        let error = failure(tool, json!({})).await["error"].as_str().expect("a message").to_owned();
        assert!(error.contains("cannot be written") && error.contains(reason), "{error}");
    }
}

#[tokio::test]
async fn a_result_that_no_frame_can_carry_is_a_tool_error() {
    let error = failure("oversize", json!({})).await["error"].as_str().expect("a message").to_owned();
    assert!(error.contains("larger than"), "{error}");
}

#[tokio::test]
async fn an_unknown_tool_is_named() {
    assert_eq!(failure("nothing", json!({})).await["error"], "unknown tool: nothing");
}

#[tokio::test]
async fn arguments_that_do_not_fit_are_a_tool_error() {
    for params in [json!({}), json!({"number": "seven"}), json!({"number": null}), json!({"number": 1.5})] {
        let error = failure("echo", params.clone()).await["error"].as_str().expect("a message").to_owned();
        assert!(error.contains("number"), "{params}: {error}");
    }
}

/// Wait until as many calls run as the barrier is for.
#[tool]
async fn meet(number: i64, barrier: &Barrier) -> i64 {
    barrier.wait().await;
    number
}

#[tokio::test]
async fn two_hundred_and_fifty_six_calls_run_at_once_on_one_socket() {
    const CALLS: usize = 256;
    let platform = Platform::start().await;
    let registry = ToolRegistry::new().with_state(Barrier::new(CALLS)).with_tools(tools![meet]).expect("a valid tool");
    let (_worker, mut link) = open(&platform, registry).await;
    for number in 0..CALLS {
        link.call(&format!("c-{number}"), "meet", json!({"number": number})).await;
    }
    let mut answered = BTreeSet::new();
    for _ in 0..CALLS {
        let frame = link.expect("tool_result").await;
        assert_eq!(frame["call_id"], format!("c-{}", frame["result"]), "each call has its own result");
        answered.insert(frame["call_id"].to_string());
    }
    assert_eq!(answered.len(), CALLS, "each call is answered once");
}

/// Message of the test that a blocking tool waits for.
struct Gate(Mutex<mpsc::Receiver<i64>>);

/// Block the thread until the test says otherwise.
#[tool]
fn block(gate: &Gate) -> Result<i64, ToolError> {
    let gate = gate.0.lock().expect("nobody panics with it");
    gate.recv_timeout(PATIENCE).map_err(ToolError::from)
}

/// Block the thread for longer than the tool may.
#[tool(timeout = "20ms")]
fn block_too_long(gate: &Gate) -> Result<i64, ToolError> {
    let gate = gate.0.lock().expect("nobody panics with it");
    gate.recv_timeout(PATIENCE).map_err(ToolError::from)
}

fn gated() -> (mpsc::Sender<i64>, ToolRegistry) {
    let (open, gate) = mpsc::channel();
    let registry = ToolRegistry::new().with_state(Gate(Mutex::new(gate)));
    (open, registry.with_tools(tools![block, block_too_long, echo]).expect("valid tools"))
}

#[tokio::test]
async fn a_blocking_handler_holds_up_neither_another_call_nor_a_heartbeat() {
    let (platform, (open, registry)) = (Platform::start().await, gated());
    // With so little room for what is unconfirmed, a heartbeat follows each reply at once.
    let _worker = Worker::start(client(&platform.url(), &registry).max_unconfirmed_bytes(1));
    let mut link = platform.accept_worker().await;
    link.call("blocked", "block", json!({})).await;
    // Behind the blocked call, and still served by the same single thread.
    link.call("after", "echo", json!({"number": 7})).await;
    assert_eq!(link.result("after").await, 7);
    link.acknowledge().await;
    open.send(42).expect("the handler waits");
    assert_eq!(link.result("blocked").await, 42);
}

#[tokio::test]
async fn a_blocking_handler_that_outlives_its_timeout_is_answered_once() {
    let (platform, (opener, registry)) = (Platform::start().await, gated());
    let (_worker, mut link) = open(&platform, registry).await;
    link.call("late", "block_too_long", json!({})).await;
    assert_eq!(link.error("late").await, "the tool did not finish within 20ms");
    opener.send(42).expect("the handler still waits");
    // It holds the gate until it has ended, so once this one is served the late one has nothing more to say.
    opener.send(43).expect("the registry keeps the gate");
    link.call("next", "block", json!({})).await;
    assert_eq!(link.result("next").await, 43);
    serves(&mut link).await;
}

#[tokio::test]
async fn a_heartbeat_says_how_each_tool_fared() {
    let platform = Platform::start().await;
    let registry = ToolRegistry::new().with_tools(tools![echo, fails, panics]).expect("valid tools");
    let interval = Duration::from_millis(100);
    let _worker = Worker::start(client(&platform.url(), &registry).heartbeat_interval(interval));
    let mut link = platform.accept_worker().await;
    // Fewer calls say too little.
    for number in 0..5 {
        for tool in ["fails", "panics"] {
            link.call(&format!("{tool}-{number}"), tool, json!({})).await;
        }
    }
    let mut health = serde_json::Map::new();
    while health.get("panics").is_none_or(|panics| panics["error_count_1h"] != 5) || !health.contains_key("fails") {
        let mut frame = link.next().await;
        if frame["type"] == "tool_error" {
            continue;
        }
        assert_eq!(frame["type"], "heartbeat", "{frame}");
        link.send(json!({"type": "heartbeat_ack"})).await;
        // Each names the tools with news.
        health.append(frame["tools_health"].as_object_mut().expect("an object"));
    }
    assert_eq!(health.len(), 2, "nothing is known of a tool that was not called: {health:?}");
    let fails = &health["fails"];
    assert_eq!((&fails["status"], &fails["error_count_1h"]), (&json!("healthy"), &json!(0)), "an error is an answer");
    assert!(fails.get("last_error").is_none(), "{fails}");
    let panics = &health["panics"];
    assert_eq!(panics["status"], "down", "{panics}");
    assert_eq!(panics["last_error"], "the tool panicked");
}

type Seen = (String, Option<String>, Option<String>, Value);

fn seen(ctx: &Context) -> Seen {
    let own = |text: Option<&str>| text.map(str::to_owned);
    (ctx.call_id().to_owned(), own(ctx.user_id()), own(ctx.thread_id()), json!(ctx.context()))
}

/// Tell who calls, once everybody is here.
#[tool]
async fn who(ctx: &Context, barrier: &Barrier) -> (Seen, Option<Seen>) {
    barrier.wait().await;
    let ambient = Context::current();
    (seen(ctx), ambient.as_ref().map(seen))
}

/// Barrier at which threads wait for each other.
struct Meeting {
    missing: Mutex<usize>,
    complete: Condvar,
}

impl Meeting {
    fn join(&self) {
        let mut missing = self.missing.lock().expect("nobody panics with it");
        *missing -= 1;
        self.complete.notify_all();
        let (_missing, wait) =
            self.complete.wait_timeout_while(missing, PATIENCE, |missing| *missing > 0).expect("nobody panics with it");
        assert!(!wait.timed_out(), "the others never came");
    }
}

/// Tell who calls, once everybody is here, from threads.
#[tool]
fn who_blocking(ctx: &Context, meeting: &Meeting) -> (Seen, Option<Seen>) {
    meeting.join();
    let ambient = Context::current();
    (seen(ctx), ambient.as_ref().map(seen))
}

#[tokio::test]
async fn concurrent_calls_never_see_each_others_context() {
    const CALLS: usize = 64;
    let meeting = Meeting { missing: Mutex::new(CALLS), complete: Condvar::new() };
    let registry = ToolRegistry::new().with_state(Barrier::new(CALLS)).with_state(meeting);
    let registry = registry.with_tools(tools![who, who_blocking]).expect("valid tools");
    let platform = Platform::start().await;
    let (_worker, mut link) = open(&platform, registry).await;
    for tool in ["who", "who_blocking"] {
        for number in 0..CALLS {
            let platos = json!({"userId": format!("user-{number}"), "threadId": format!("thread-{number}")});
            let params = json!({"_context": {"number": number}, "__platos": platos});
            link.call(&format!("{tool}-{number}"), tool, params).await;
        }
        let mut answers = HashMap::new();
        for _ in 0..CALLS {
            let frame = link.expect("tool_result").await;
            answers.insert(frame["call_id"].as_str().expect("an id").to_owned(), frame["result"].clone());
        }
        for number in 0..CALLS {
            let call_id = format!("{tool}-{number}");
            let seen = json!([call_id, format!("user-{number}"), format!("thread-{number}"), {"number": number}]);
            assert_eq!(answers[&call_id], json!([seen, seen]), "{call_id}");
        }
    }
}

#[tokio::test]
async fn the_platforms_envelopes_are_no_arguments() {
    let platform = Platform::start().await;
    let (_worker, mut link) =
        open(&platform, ToolRegistry::new().with_tools(tools![echo]).expect("a valid tool")).await;
    let params = json!({"number": 7, "_context": {"number": 8}, "__platos": {"userId": "u"}});
    link.call("with-envelopes", "echo", params).await;
    assert_eq!(link.result("with-envelopes").await, 7);
    link.call("envelopes-only", "echo", json!({"_context": {"number": 8}, "__platos": {"number": 9}})).await;
    assert!(link.error("envelopes-only").await.contains("number"));
    // Whatever else the tool does not know is refused, so the envelopes were not merely overlooked.
    link.call("unknown", "echo", json!({"number": 7, "context": {}})).await;
    assert!(link.error("unknown").await.contains("context"));
    serves(&mut link).await;
}

/// Count how often it runs.
#[tool]
async fn count(counter: &Arc<Mutex<HashMap<String, u32>>>, ctx: &Context) -> u32 {
    let mut counter = counter.lock().expect("nobody panics with it");
    let runs = counter.entry(ctx.call_id().to_owned()).or_default();
    *runs += 1;
    *runs
}

#[tokio::test]
async fn a_call_id_sent_twice_on_one_socket_is_run_and_answered_once() {
    let counter: Arc<Mutex<HashMap<String, u32>>> = Arc::default();
    let registry = ToolRegistry::new().with_state(Arc::clone(&counter));
    let registry = registry.with_tools(tools![count, echo]).expect("valid tools");
    let platform = Platform::start().await;
    let (_worker, mut link) = open(&platform, registry).await;
    link.call("same", "count", json!({})).await;
    link.call("same", "count", json!({})).await;
    assert_eq!(link.result("same").await, 1);
    link.call("same", "count", json!({})).await;
    serves(&mut link).await;
    assert_eq!(counter.lock().expect("nobody panics with it")["same"], 1);
}
