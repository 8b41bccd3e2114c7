//! Tests of workers whose application has no free thread, and of tools that block the thread on which they run.

use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use platools::client::PlatoolsClientBuilder;
use platools::{ToolRegistry, tool, tools};
use platools_tests::{Link, Log, PATIENCE, Platform, client, within};
use serde_json::{Value, json};
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// A door that threads wait at.
#[derive(Clone)]
struct Door(Arc<Mutex<mpsc::Receiver<()>>>);

impl Door {
    fn new() -> (mpsc::Sender<()>, Self) {
        let (open, wait) = mpsc::channel();
        (open, Self(Arc::new(Mutex::new(wait))))
    }

    fn wait(&self) {
        let _ = self.0.lock().expect("nobody panics with it").recv_timeout(PATIENCE);
    }
}

/// Give the number back.
#[tool]
async fn echo(number: i64) -> i64 {
    number
}

/// Give the number back, from a thread.
#[tool]
fn echo_sync(number: i64) -> i64 {
    number
}

/// Hold the thread until the test opens the door.
#[tool]
async fn hold(door: &Door) -> &'static str {
    door.wait();
    "let go"
}

/// Hold the thread of the link until the test opens the door.
#[tool(inline)]
async fn hold_inline(door: &Door) -> &'static str {
    door.wait();
    "let go"
}

/// Wait on the runtime, then hold its thread.
#[tool]
async fn wait_then_hold(door: &Door) -> &'static str {
    tokio::task::yield_now().await;
    door.wait();
    "let go"
}

/// Say how many threads the runtime of the call has, before and after a wait.
#[tool]
async fn threads() -> (usize, usize, usize) {
    let count = || Handle::current().metrics().num_workers();
    let first = count();
    tokio::time::sleep(Duration::from_millis(1)).await;
    let spawned = tokio::spawn(async move { count() }).await.expect("a count");
    (first, count(), spawned)
}

/// Dropped with the handler that keeps it.
type Kept = Mutex<Option<oneshot::Sender<()>>>;

/// Wait for ever.
#[tool]
async fn wait_for_ever(kept: &Kept) {
    let _kept = kept.lock().expect("nobody panics with it").take();
    std::future::pending::<()>().await;
}

fn registry(door: &Door) -> ToolRegistry {
    let registry = ToolRegistry::new().with_state(door.clone()).with_state(Kept::default());
    let tools = tools![echo, echo_sync, hold, hold_inline, wait_then_hold, threads, wait_for_ever];
    registry.with_tools(tools).expect("valid tools")
}

/// A worker whose application has a thread of its own, and a runtime of one thread unless said otherwise.
struct App {
    runtime: Handle,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl App {
    fn start(client: PlatoolsClientBuilder, mut runtime: Builder, log: Option<Log>) -> Self {
        let runtime = runtime.enable_all().build().expect("a runtime");
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = thread::spawn(move || {
            let subscriber = log.map(|log| {
                let make = move || log.clone();
                tracing_subscriber::fmt().with_ansi(false).with_writer(make).finish()
            });
            let _log = subscriber.map(tracing::subscriber::set_default);
            let mut client = client.build().expect("a valid client");
            runtime.block_on(client.run_until(stopped)).expect("it is stopped");
        });
        Self { runtime: handle, stop: Some(stop), thread: Some(thread) }
    }

    fn of_one_thread(client: PlatoolsClientBuilder) -> Self {
        Self::start(client, Builder::new_current_thread(), None)
    }

    /// Blocks a thread of the application's runtime until the door opens; returns once it is blocked.
    async fn block(&self, door: Door) {
        let (begun, begins) = oneshot::channel();
        self.runtime.spawn(async move {
            let _ = begun.send(());
            door.wait();
        });
        within(begins).await.expect("the task runs");
    }

    /// Stops the worker, whose socket is closed in order.
    async fn stop(mut self, link: Link) {
        drop(self.stop.take());
        link.drained().await;
        let thread = self.thread.take().expect("it is there");
        within(tokio::task::spawn_blocking(move || thread.join())).await.expect("a join").expect("it does not panic");
    }
}

fn restless(platform: &Platform, registry: &ToolRegistry) -> PlatoolsClientBuilder {
    client(&platform.url(), registry).heartbeat_interval(Duration::from_millis(100))
}

/// The result of a call, while heartbeats are acknowledged; `beats` counts them.
async fn result_beside_heartbeats(link: &mut Link, call_id: &str, beats: &mut usize) -> Value {
    loop {
        let frame = link.next().await;
        if frame["type"] == "heartbeat" {
            *beats += 1;
            link.confirm().await;
            continue;
        }
        assert_eq!((&frame["type"], &frame["call_id"]), (&json!("tool_result"), &json!(call_id)), "{frame}");
        return frame["result"].clone();
    }
}

async fn two_heartbeats(link: &mut Link) {
    for _ in 0..2 {
        link.acknowledge().await;
    }
}

#[tokio::test]
async fn a_runtime_whose_only_thread_is_blocked_delays_neither_heartbeats_nor_calls_that_need_none() {
    let (open, door) = Door::new();
    let platform = Platform::start().await;
    let app = App::of_one_thread(restless(&platform, &registry(&door)));
    let mut link = platform.accept_worker().await;
    app.block(door).await;
    let mut beats = 0;
    for number in 0..100 {
        let tool = if number % 2 == 0 { "echo" } else { "echo_sync" };
        let call_id = number.to_string();
        link.call(&call_id, tool, json!({"number": number})).await;
        assert_eq!(result_beside_heartbeats(&mut link, &call_id, &mut beats).await, number);
    }
    two_heartbeats(&mut link).await;
    open.send(()).expect("it is still blocked");
    app.stop(link).await;
}

#[tokio::test]
async fn calls_of_a_tool_that_blocks_hold_up_no_other_tool() {
    for tool in ["hold", "hold_inline", "wait_then_hold"] {
        let (open, door) = Door::new();
        let platform = Platform::start().await;
        let app = App::of_one_thread(restless(&platform, &registry(&door)));
        let mut link = platform.accept_worker().await;
        for call in ["first", "second", "third"] {
            link.call(call, tool, json!({})).await;
        }
        let mut beats = 0;
        for (call_id, other) in [("a", "echo"), ("b", "echo_sync"), ("c", "echo")] {
            link.call(call_id, other, json!({"number": 7})).await;
            assert_eq!(result_beside_heartbeats(&mut link, call_id, &mut beats).await, 7, "beside {tool}");
        }
        two_heartbeats(&mut link).await;
        (0..3).for_each(|_| open.send(()).expect("they are still blocked"));
        let mut ended = Vec::new();
        while ended.len() < 3 {
            let frame = link.next().await;
            match frame["type"].as_str() {
                Some("heartbeat") => link.confirm().await,
                _ => ended.push((frame["call_id"].to_string(), frame["result"].clone())),
            }
        }
        ended.sort_by(|(one, _), (other, _)| one.cmp(other));
        let expected = ["\"first\"", "\"second\"", "\"third\""].map(|call| (call.to_owned(), json!("let go")));
        assert_eq!(ended, expected, "{tool}");
        app.stop(link).await;
    }
}

#[tokio::test]
async fn a_tool_that_still_holds_its_thread_is_named_in_the_log_once() {
    for tool in ["hold", "wait_then_hold"] {
        let ((open, door), log) = (Door::new(), Log::default());
        let platform = Platform::start().await;
        let mut runtime = Builder::new_multi_thread();
        runtime.worker_threads(1);
        let app = App::start(restless(&platform, &registry(&door)), runtime, Some(log.clone()));
        let mut link = platform.accept_worker().await;
        for call in ["first", "second"] {
            link.call(call, tool, json!({})).await;
        }
        let warning = "tool still holds its thread";
        while !log.text().contains(warning) {
            link.acknowledge().await;
        }
        // Several further looks name nobody again.
        for _ in 0..10 {
            two_heartbeats(&mut link).await;
        }
        let text = log.text();
        let lines: Vec<_> = text.lines().filter(|line| line.contains(warning)).collect();
        assert_eq!(lines.len(), 1, "{text}");
        assert!(lines[0].contains("WARN") && lines[0].contains(&format!("tool.name=\"{tool}\"")), "{text}");
        assert!(lines[0].contains("spawn_blocking"), "{text}");
        (0..2).for_each(|_| open.send(()).expect("they are still blocked"));
        app.stop(link).await;
    }
}

#[tokio::test]
async fn handlers_run_in_the_runtime_of_the_application() {
    let (_open, door) = Door::new();
    let platform = Platform::start().await;
    let mut runtime = Builder::new_multi_thread();
    runtime.worker_threads(3);
    let app = App::start(client(&platform.url(), &registry(&door)), runtime, None);
    let mut link = platform.accept_worker().await;
    link.call("threads", "threads", json!({})).await;
    assert_eq!(link.result("threads").await, json!([3, 3, 3]));
    app.stop(link).await;
}

#[tokio::test]
async fn calls_of_all_kinds_are_answered_once_each() {
    const CALLS: usize = 5_000;
    let (_open, door) = Door::new();
    let platform = Platform::start().await;
    let mut runtime = Builder::new_multi_thread();
    runtime.worker_threads(2);
    let app = App::start(client(&platform.url(), &registry(&door)), runtime, None);
    let mut link = platform.accept_worker().await;
    let kinds = ["echo", "echo_sync", "echo", "threads"];
    for batch in 0..CALLS / 100 {
        for call in batch * 100..(batch + 1) * 100 {
            let tool = kinds[call % kinds.len()];
            let params = if tool == "threads" { json!({}) } else { json!({"number": call}) };
            link.call(&call.to_string(), tool, params).await;
        }
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..100 {
            let frame = link.expect("tool_result").await;
            let call: usize = frame["call_id"].as_str().expect("an id").parse().expect("a number");
            assert!(seen.insert(call), "{frame}");
            let expected = if kinds[call % kinds.len()] == "threads" { json!([2, 2, 2]) } else { json!(call) };
            assert_eq!(frame["result"], expected, "{frame}");
        }
        assert!(seen.into_iter().eq(batch * 100..(batch + 1) * 100));
    }
    app.stop(link).await;
}

#[tokio::test]
async fn the_end_of_a_run_is_the_end_of_its_calls() {
    let (_open, door) = Door::new();
    let platform = Platform::start().await;
    let (kept, dropped) = oneshot::channel();
    let registry = registry(&door).with_state(Kept::new(Some(kept)));
    let mut client = client(&platform.url(), &registry).build().expect("a valid client");
    let run = tokio::spawn(async move { client.run_forever().await });
    let mut link = platform.accept_worker().await;
    link.call("waits", "wait_for_ever", json!({})).await;
    link.call("echo", "echo", json!({"number": 1})).await;
    assert_eq!(link.result("echo").await, 1);
    run.abort();
    assert!(within(run).await.expect_err("it was aborted").is_cancelled());
    assert!(within(link.try_next()).await.is_none(), "the socket ends with the run");
    within(dropped).await.expect_err("the handler is dropped");
}
