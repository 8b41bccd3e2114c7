//! Tests of the extensions of the wire: a side uses one only after the other side has named it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::StreamExt;
use platools::client::Event;
use platools::connection::{Disconnect, Reconnect};
use platools::{Context, LogLevel, ToolError, ToolRegistry, tool, tools};
use platools_protocol::tool_sync::{Features, PlatformFrame};
use platools_tests::{Link, Platform, Worker, client, keep_links_here, within};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

/// Give the number back.
#[tool]
async fn echo(number: i64) -> i64 {
    number
}

/// Give the number back from where the call was read.
#[tool(inline)]
async fn echo_inline(number: i64) -> i64 {
    number
}

/// Number of executions of each call, by its id.
type Executions = Arc<Mutex<HashMap<String, u32>>>;

/// Give way a few times, and count.
#[tool]
async fn count(turns: u32, executions: &Executions, ctx: &Context) -> u32 {
    *executions.lock().expect("nobody panics with it").entry(ctx.call_id().to_owned()).or_default() += 1;
    for turn in 0..turns {
        ctx.progress(f64::from(turn)).send();
        tokio::task::yield_now().await;
    }
    turns
}

/// Wait for the test's word, then return the number.
#[tool]
async fn wait(number: u64, go: &Semaphore) -> u64 {
    let _permit = go.acquire().await.expect("it is never closed");
    number
}

/// Wait for the cancellation, then return what is there.
#[tool]
async fn wait_for_cancellation(ctx: &Context) -> String {
    ctx.progress(0.0).send();
    ctx.cancelled().await;
    "half of it".to_owned()
}

/// Wait for the cancellation, then fail.
#[tool]
async fn fail_when_cancelled(ctx: &Context) -> Result<(), ToolError> {
    ctx.cancelled().await;
    Err(ToolError::new("words of the tool's own"))
}

/// The same on a thread, which has to ask.
#[tool]
fn ask_for_cancellation() -> &'static str {
    let ctx = Context::current().expect("there is a call");
    ctx.progress(0.0).send();
    while !ctx.is_cancelled() {
        std::thread::yield_now();
    }
    "half of it"
}

/// Report often, and wait for the test's word in between.
#[tool]
async fn report(times: u32, go: &Semaphore, ctx: &Context) -> u32 {
    for round in 0..3 {
        for report in 1..=times {
            let done = f64::from(round * times + report);
            ctx.progress(done).total(f64::from(3 * times)).message(format!("round {round}")).send();
        }
        go.acquire().await.expect("it is never closed").forget();
    }
    ctx.progress(f64::INFINITY).send();
    times
}

/// Tell a number of things at once, wait for the test's word, and tell one more.
#[tool]
async fn tell(times: u32, go: &Semaphore, ctx: &Context) -> u32 {
    (1..=times).for_each(|number| ctx.log(LogLevel::Info, number.to_string()));
    go.acquire().await.expect("it is never closed").forget();
    ctx.log(LogLevel::Warning, "the last");
    times
}

/// Tell something from where the call was read.
#[tool(inline)]
async fn tell_inline(ctx: &Context) {
    ctx.log(LogLevel::Emergency, "at once");
}

/// Fail with every fact.
#[tool]
async fn fail_with_facts(large: bool) -> Result<(), ToolError> {
    let details = if large { json!("x".repeat(64 * 1024)) } else { json!({"left": 3}) };
    Err(ToolError::new("only 3 are left").with_code("too_few").retryable().with_details(details))
}

struct Setup {
    platform: Platform,
    worker: Worker,
    go: Arc<Semaphore>,
}

impl Setup {
    async fn start() -> Self {
        let (platform, go) = (Platform::start().await, Arc::new(Semaphore::new(0)));
        let registry = ToolRegistry::new().with_shared_state(Arc::clone(&go));
        let registry = registry
            .with_tools(tools![
                echo,
                echo_inline,
                wait,
                wait_for_cancellation,
                fail_when_cancelled,
                ask_for_cancellation,
                report,
                tell,
                tell_inline,
                fail_with_facts
            ])
            .expect("valid tools");
        let worker = Worker::start(client(&platform.url(), &registry));
        Self { platform, worker, go }
    }

    /// The next socket, with every extension.
    async fn accept(&self) -> Link {
        let mut link = self.platform.accept().await;
        link.registration().await;
        welcome(&mut link).await;
        link
    }
}

async fn welcome(link: &mut Link) {
    let features: Vec<_> = Features::all().iter().map(platools_protocol::tool_sync::Feature::as_str).collect();
    link.send(json!({"type": "welcome", "sdk_connection_id": "c", "organization_id": "o", "features": features})).await;
}

/// The worker says of these calls that they go on, and of no others.
async fn go_on<const N: usize>(link: &mut Link, mut call_ids: [&str; N]) {
    let mut named = Vec::new();
    for _ in 0..N {
        let entry = link.expect("tool_log").await;
        assert_eq!(entry["level"], "debug");
        named.push(entry["call_id"].as_str().expect("an id").to_owned());
    }
    named.sort();
    call_ids.sort_unstable();
    assert_eq!(named, call_ids);
}

/// Everything the worker had to say before this is said.
async fn marker(link: &mut Link, call_id: &str) {
    link.call(call_id, "echo", json!({"number": 1})).await;
    assert_eq!(link.result(call_id).await, 1);
}

async fn cancel(link: &mut Link, call_id: &str) {
    link.send(json!({"type": "tool_cancel", "call_id": call_id})).await;
}

async fn disconnected(events: &mut (impl StreamExt<Item = Event> + Unpin)) -> Disconnect {
    loop {
        if let Event::Disconnected(reason) = within(events.next()).await.expect("the client lives") {
            return reason;
        }
    }
}

#[tokio::test]
async fn every_extension_is_offered_in_the_upgrade() {
    let setup = Setup::start().await;
    let link = setup.platform.accept().await;
    assert_eq!(link.header("Platools-Features"), Some("cancel, progress, log, result-ack, drain, error-details"));
}

#[tokio::test]
async fn without_agreement_nothing_new_is_on_the_wire_and_what_comes_is_ignored() {
    let Setup { platform, worker, go } = Setup::start().await;
    let mut link = platform.accept_worker().await;
    link.call("cancelled", "wait", json!({"number": 7})).await;
    link.call("reporting", "report", json!({"times": 10})).await;
    link.call("telling", "tell_inline", json!({})).await;
    assert_eq!(link.result("telling").await, Value::Null, "and no log");
    marker(&mut link, "m1").await;
    cancel(&mut link, "cancelled").await;
    link.send(json!({"type": "result_ack", "call_ids": ["m1"]})).await;
    link.send(json!({"type": "drain", "deadline_ms": 1})).await;
    marker(&mut link, "m2").await;
    go.add_permits(4);
    let mut results = [link.next().await, link.next().await].map(|frame| frame["call_id"].clone());
    results.sort_by_key(Value::to_string);
    assert_eq!(results, ["cancelled", "reporting"], "and no progress");
    link.kill();
    let mut link = platform.accept_worker().await;
    for (call_id, result) in [("telling", Value::Null), ("m1", json!(1)), ("m2", json!(1))] {
        assert_eq!(link.result(call_id).await, result, "it was not acknowledged");
    }
    let handle = worker.handle().clone();
    let stopped = tokio::spawn(async move { handle.stop().await });
    for _ in ["cancelled", "reporting"] {
        link.expect("tool_result").await;
    }
    assert_eq!(link.closed().await, (1000, "client stop".to_owned()), "which was not announced");
    within(stopped).await.expect("it does not panic");
}

#[tokio::test]
async fn a_cancellation_reaches_the_handler_whose_result_is_sent() {
    let setup = Setup::start().await;
    let mut link = setup.accept().await;
    for tool in ["wait_for_cancellation", "ask_for_cancellation"] {
        link.call(tool, tool, json!({})).await;
        // A call that was given up before it ran would have no result.
        assert_eq!(link.expect("tool_progress").await["call_id"], tool);
        cancel(&mut link, tool).await;
        assert_eq!(link.result(tool).await, "half of it");
        cancel(&mut link, tool).await;
    }
    link.call("failing", "fail_when_cancelled", json!({})).await;
    marker(&mut link, "runs").await;
    cancel(&mut link, "failing").await;
    assert_eq!(link.error("failing").await, "the call was cancelled");
    marker(&mut link, "and nothing more").await;
}

#[tokio::test]
async fn progress_is_coalesced_grows_and_ends_with_the_call() {
    keep_links_here().await;
    let setup = Setup::start().await;
    let mut link = setup.accept().await;
    link.call("c", "report", json!({"times": 100_000})).await;
    for round in 1..=3 {
        let frame = link.expect("tool_progress").await;
        // The handler does not give way between two reports, so only the last is seen.
        let expected = json!({"type": "tool_progress", "call_id": "c", "progress": 100_000.0 * f64::from(round),
            "total": 300_000.0, "message": format!("round {}", round - 1)});
        assert_eq!(frame, expected);
        setup.go.add_permits(1);
    }
    assert_eq!(link.result("c").await, 100_000);
    marker(&mut link, "and nothing more").await;
}

#[tokio::test]
async fn a_log_travels_in_order_and_before_the_answer() {
    let setup = Setup::start().await;
    let mut link = setup.accept().await;
    let entry =
        |level: &str, message: &str| json!({"type": "tool_log", "call_id": "c", "level": level, "message": message});
    link.call("c", "tell", json!({"times": 100})).await;
    for number in 1..=64 {
        assert_eq!(link.next().await, entry("info", &number.to_string()));
    }
    let missing = link.next().await;
    assert_eq!((&missing["level"], &missing["call_id"]), (&json!("warning"), &json!("c")));
    assert!(missing["message"].as_str().expect("words").starts_with("36 entries"), "{missing}");
    setup.go.add_permits(1);
    assert_eq!(link.next().await, entry("warning", "the last"));
    assert_eq!(link.result("c").await, 100);
    link.call("c2", "tell_inline", json!({})).await;
    assert_eq!(link.next().await["message"], "at once");
    assert_eq!(link.result("c2").await, Value::Null);
    marker(&mut link, "and nothing more").await;
}

#[tokio::test]
async fn a_worker_that_is_back_says_which_calls_go_on() {
    let setup = Setup::start().await;
    let mut link = setup.accept().await;
    for call_id in ["a", "b"] {
        link.call(call_id, "wait", json!({"number": 7})).await;
    }
    marker(&mut link, "both run").await;
    link.send(json!({"type": "result_ack", "call_ids": ["both run"]})).await;
    marker(&mut link, "and this one is over").await;
    link.kill();
    let mut link = setup.platform.accept().await;
    link.registration().await;
    assert_eq!(link.result("and this one is over").await, 1);
    welcome(&mut link).await;
    go_on(&mut link, ["a", "b"]).await;
    setup.go.add_permits(2);
    for _ in ["a", "b"] {
        link.expect("tool_result").await;
    }
    marker(&mut link, "and nothing more").await;
}

#[tokio::test]
async fn an_acknowledged_result_is_not_sent_again() {
    let setup = Setup::start().await;
    let mut link = setup.accept().await;
    for call_id in ["a", "b", "c"] {
        marker(&mut link, call_id).await;
    }
    link.send(json!({"type": "result_ack", "call_ids": ["c", "a", "unknown"]})).await;
    marker(&mut link, "d").await;
    link.kill();
    let mut link = setup.accept().await;
    for call_id in ["b", "d"] {
        assert_eq!(link.result(call_id).await, 1);
    }
    link.send(json!({"type": "result_ack", "call_ids": ["b", "d"]})).await;
    marker(&mut link, "and nothing more").await;
}

#[tokio::test]
async fn a_drained_socket_hands_over_to_a_new_one_and_no_call_is_lost() {
    let setup = Setup::start().await;
    let mut events = setup.worker.handle().events();
    let mut old = setup.accept().await;
    old.call("running", "wait", json!({"number": 7})).await;
    old.send(json!({"type": "drain", "deadline_ms": 30_000})).await;
    let mut new = setup.platform.accept().await;
    assert_eq!(new.header("Platools-Features"), Some("cancel, progress, log, result-ack, drain, error-details"));
    new.registration().await;
    marker(&mut old, "served meanwhile").await;
    old.send(json!({"type": "result_ack", "call_ids": ["served meanwhile"]})).await;
    old.call("cancelled", "wait_for_cancellation", json!({})).await;
    old.expect("tool_progress").await;
    welcome(&mut new).await;
    go_on(&mut new, ["cancelled", "running"]).await;
    marker(&mut new, "served here").await;
    // They cross the close, which the old socket's other end has not read yet.
    old.send(json!({"type": "tool_call", "call_id": "broken"})).await;
    old.call("crossing", "echo", json!({"number": 3})).await;
    assert_eq!(old.closed().await, (1000, "moved".to_owned()));
    assert!(new.error("broken").await.starts_with("malformed call: "));
    assert_eq!(new.result("crossing").await, 3);
    setup.go.add_permits(1);
    assert_eq!(new.result("running").await, 7);
    cancel(&mut new, "cancelled").await;
    assert_eq!(new.result("cancelled").await, "half of it");
    marker(&mut new, "and nothing twice").await;
    assert_eq!(disconnected(&mut events).await, Disconnect::Moved);
    assert!(setup.worker.handle().state().is_connected());
}

#[tokio::test]
async fn a_change_of_the_tools_during_a_handover_is_registered_on_the_new_socket() {
    let platform = Platform::start().await;
    let registry = ToolRegistry::new().with_tools(tools![echo]).expect("a valid tool");
    let _worker = Worker::start(client(&platform.url(), &registry));
    let mut old = platform.accept().await;
    old.registration().await;
    welcome(&mut old).await;
    old.send(json!({"type": "drain"})).await;
    let mut new = platform.accept().await;
    assert_eq!(new.registration().await, ["echo"]);
    registry.insert(tools![wait_for_cancellation]).expect("the name is free");
    assert_eq!(old.registration().await, ["echo", "wait_for_cancellation"]);
    welcome(&mut new).await;
    assert_eq!(new.registration().await, ["echo", "wait_for_cancellation"]);
}

#[tokio::test]
async fn a_successor_that_is_refused_or_cut_is_tried_again_while_the_old_socket_serves() {
    let setup = Setup::start().await;
    let mut old = setup.accept().await;
    old.send(json!({"type": "drain"})).await;
    setup.platform.refuse("503 Service Unavailable").await;
    setup.platform.accept().await.kill();
    let mut refused = setup.platform.accept().await;
    refused.send(json!({"type": "error", "error": "not yet"})).await;
    marker(&mut old, "still here").await;
    let mut new = setup.accept().await;
    // Unacknowledged on the old one, so in doubt.
    assert_eq!(new.result("still here").await, 1);
    marker(&mut new, "here").await;
    assert_eq!(old.closed().await, (1000, "moved".to_owned()));
}

#[tokio::test]
async fn an_old_socket_closed_in_favour_of_the_new_one_ends_no_handover() {
    let setup = Setup::start().await;
    let mut old = setup.accept().await;
    old.call("running", "wait", json!({"number": 7})).await;
    marker(&mut old, "m").await;
    old.send(json!({"type": "result_ack", "call_ids": ["m"]})).await;
    old.send(json!({"type": "drain"})).await;
    let mut new = setup.platform.accept().await;
    new.registration().await;
    old.close(1000, "superseded by new connection").await;
    welcome(&mut new).await;
    go_on(&mut new, ["running"]).await;
    marker(&mut new, "here").await;
    setup.go.add_permits(1);
    assert_eq!(new.result("running").await, 7);
}

#[tokio::test]
async fn without_a_successor_in_time_the_worker_connects_as_after_any_other_end() {
    let Setup { platform, worker, go } = Setup::start().await;
    let mut old = platform.accept().await;
    old.registration().await;
    welcome(&mut old).await;
    old.call("running", "wait", json!({"number": 7})).await;
    let port = platform.stop();
    old.send(json!({"type": "drain", "deadline_ms": 1})).await;
    marker(&mut old, "still here").await;
    old.send(json!({"type": "result_ack", "call_ids": ["still here"]})).await;
    old.close(1001, "the platform shuts down").await;
    worker
        .reaches(|state| matches!(state, platools::connection::ConnectionState::Reconnecting { attempt: 2.., .. }))
        .await;
    let mut new = port.restart().accept_worker().await;
    go.add_permits(1);
    assert_eq!(new.result("running").await, 7);
}

#[tokio::test]
async fn a_single_session_has_no_successor() {
    let platform = Platform::start().await;
    let registry = ToolRegistry::new().with_tools(tools![echo]).expect("a valid tool");
    let mut client = client(&platform.url(), &registry).reconnect(Reconnect::new()).build().expect("a valid client");
    let serve = async {
        let mut link = platform.accept().await;
        link.registration().await;
        welcome(&mut link).await;
        link.send(json!({"type": "drain"})).await;
        marker(&mut link, "m").await;
        link.close(1001, "bye").await;
    };
    let (ended, ()) = within(async { tokio::join!(client.run_session(), serve) }).await;
    assert!(matches!(ended, Ok(Disconnect::Closed { code: Some(1001), .. })), "{ended:?}");
}

#[tokio::test]
async fn a_stop_is_announced_before_the_close() {
    let setup = Setup::start().await;
    let mut link = setup.accept().await;
    link.call("running", "wait", json!({"number": 7})).await;
    marker(&mut link, "m").await;
    let handle = setup.worker.handle().clone();
    let stopped = tokio::spawn(async move { handle.stop().await });
    let drain = link.expect("drain").await.to_string();
    assert!(matches!(PlatformFrame::parse(&drain), Ok(PlatformFrame::Drain(drain)) if drain.deadline_ms.is_some()));
    setup.go.add_permits(1);
    assert_eq!(link.result("running").await, 7);
    assert_eq!(link.closed().await, (1000, "client stop".to_owned()));
    within(stopped).await.expect("it does not panic");
}

#[tokio::test]
async fn a_handover_gives_a_stop_no_more_time() {
    let setup = Setup::start().await;
    let mut old = setup.accept().await;
    old.call("running", "wait", json!({"number": 7})).await;
    old.send(json!({"type": "drain"})).await;
    let mut new = setup.platform.accept().await;
    new.registration().await;
    let handle = setup.worker.handle().clone();
    let stopped = tokio::spawn(async move { handle.stop().await });
    let announced = old.expect("drain").await["deadline_ms"].as_u64().expect("a number");
    let passed = Duration::from_millis(50);
    tokio::time::sleep(passed).await;
    welcome(&mut new).await;
    go_on(&mut new, ["running"]).await;
    let left = new.expect("drain").await["deadline_ms"].as_u64().expect("a number");
    assert!(Duration::from_millis(left) + passed <= Duration::from_millis(announced), "{left} of {announced} ms");
    setup.go.add_permits(1);
    assert_eq!(new.result("running").await, 7);
    assert_eq!(new.closed().await, (1000, "client stop".to_owned()));
    within(stopped).await.expect("it does not panic");
}

#[tokio::test]
async fn a_call_is_a_word_that_accepts_a_socket() {
    let setup = Setup::start().await;
    let mut old = setup.accept().await;
    old.send(json!({"type": "drain"})).await;
    let mut new = setup.platform.accept().await;
    new.registration().await;
    new.call("first", "echo_inline", json!({"number": 5})).await;
    assert_eq!(new.result("first").await, 5);
    assert_eq!(old.closed().await, (1000, "moved".to_owned()));
}

#[tokio::test]
async fn a_second_handover_during_the_first_loses_no_call() {
    let setup = Setup::start().await;
    let mut first = setup.accept().await;
    first.send(json!({"type": "drain"})).await;
    let mut second = setup.accept().await;
    marker(&mut second, "here").await;
    second.send(json!({"type": "drain"})).await;
    let mut third = setup.accept().await;
    assert_eq!(second.closed().await, (1000, "moved".to_owned()));
    assert_eq!(third.result("here").await, 1);
    // The first socket is closed by the worker, too, and its other end has not read that yet.
    first.call("crossing", "echo", json!({"number": 3})).await;
    assert_eq!(first.closed().await, (1000, "moved".to_owned()));
    assert_eq!(third.result("crossing").await, 3);
}

/// Sender of calls, which records the answers.
#[derive(Default)]
struct Caller {
    sent: u32,
    answers: HashMap<String, Value>,
}

impl Caller {
    async fn send(&mut self, link: &mut Link, calls: u32) {
        for _ in 0..calls {
            link.call(&self.sent.to_string(), "count", json!({"turns": self.sent % 7})).await;
            self.sent += 1;
        }
    }

    fn answered(&mut self, frame: &Value) {
        if frame["type"] == "tool_result" {
            let call_id = frame["call_id"].as_str().expect("an id").to_owned();
            assert_eq!(frame["result"], call_id.parse::<u32>().expect("a number") % 7);
            self.answers.insert(call_id, frame["result"].clone());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn over_fifty_handovers_every_call_is_answered_and_executed_once() {
    let (platform, executions) = (Platform::start().await, Executions::default());
    let registry = ToolRegistry::new().with_state(Arc::clone(&executions));
    let registry = registry.with_tools(tools![count]).expect("a valid tool");
    let _worker = Worker::start(client(&platform.url(), &registry));
    let mut caller = Caller::default();
    let mut old = platform.accept().await;
    old.registration().await;
    welcome(&mut old).await;
    for _ in 0..50 {
        caller.send(&mut old, 5).await;
        old.send(json!({"type": "drain", "deadline_ms": 60_000})).await;
        let mut new = platform.accept().await;
        new.registration().await;
        caller.send(&mut old, 5).await;
        welcome(&mut new).await;
        // Some of them cross the close.
        caller.send(&mut old, 20).await;
        caller.send(&mut new, 5).await;
        while let Some(frame) = old.try_next().await {
            caller.answered(&frame);
        }
        // Sends the answer to the close.
        assert!(old.try_next().await.is_none());
        old = new;
    }
    while caller.answers.len() < caller.sent.try_into().expect("it fits") {
        let frame = old.next().await;
        caller.answered(&frame);
    }
    let executions = executions.lock().expect("nobody panics with it");
    assert_eq!(executions.len(), caller.answers.len());
    assert!(executions.values().all(|times| *times == 1), "no call was executed twice");
}

#[tokio::test]
async fn the_facts_of_a_failure_are_told_where_that_is_agreed_on() {
    let setup = Setup::start().await;
    let mut link = setup.accept().await;
    link.call("c-1", "fail_with_facts", json!({"large": false})).await;
    let frame = link.expect("tool_error").await;
    let expected = json!({
        "type": "tool_error", "call_id": "c-1", "error": "only 3 are left", "code": "too_few", "retryable": true, "details": {"left": 3}
    });
    assert_eq!(frame, expected);
    link.call("c-2", "fail_with_facts", json!({"large": true})).await;
    let frame = link.expect("tool_error").await;
    assert_eq!((&frame["code"], frame.get("details")), (&json!("too_few"), None), "they are larger than 64 KiB");
    link.call("c-3", "echo", json!({"number": "no number"})).await;
    let frame = link.expect("tool_error").await;
    assert_eq!((&frame["code"], &frame["retryable"]), (&json!("invalid_arguments"), &json!(false)));
}

#[tokio::test]
async fn the_facts_of_a_failure_are_kept_from_a_platform_that_does_not_know_them() {
    let setup = Setup::start().await;
    let plain = |call_id: &str| json!({"type": "tool_error", "call_id": call_id, "error": "only 3 are left"});
    let mut modern = setup.accept().await;
    modern.call("c-1", "fail_with_facts", json!({"large": false})).await;
    assert_eq!(modern.expect("tool_error").await["code"], "too_few");
    // The reply was not confirmed, so it is sent again: now to a platform that has agreed on nothing.
    drop(modern);
    let mut link = setup.platform.accept().await;
    link.registration().await;
    assert_eq!(link.expect("tool_error").await, plain("c-1"));
    link.send(json!({"type": "welcome", "sdk_connection_id": "c", "organization_id": "o"})).await;
    link.call("c-2", "fail_with_facts", json!({"large": false})).await;
    assert_eq!(link.expect("tool_error").await, plain("c-2"));
}
