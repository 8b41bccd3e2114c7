//! Tests of the dispatcher.

mod health;
mod waiting;

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures::FutureExt;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use super::dispatcher::CANCEL_GRACE;
use super::*;
use crate::registry::ToolRegistry;
use crate::tool::{
    BindError, Context, Execution, Handler, HandlerFuture, Output, Params, ReportQueue, SharedText, State, Tool,
    ToolDefinition, ToolError, code,
};

type Run = fn(Context) -> Pin<Box<dyn Future<Output = Result<Value, ToolError>> + Send>>;

/// A tool that runs a function, declared with whatever a test needs.
#[derive(Clone)]
struct Probe(ToolDefinition, Run);

impl Tool for Probe {
    fn definition(&self) -> ToolDefinition {
        self.0.clone()
    }
    fn bind(&self, _: &State) -> Result<Arc<dyn Handler>, BindError> {
        Ok(Arc::new(self.clone()))
    }
}

impl Handler for Probe {
    fn call(self: Arc<Self>, context: Context, output: Output) -> HandlerFuture {
        Box::pin(async move { output.write(&(self.1)(context).await?) })
    }
}

fn probe(declare: impl FnOnce(&mut ToolDefinition), run: Run) -> Probe {
    let mut definition = ToolDefinition::new("t", "A tool.", json!({"type": "object"}));
    declare(&mut definition);
    Probe(definition, run)
}

fn registry(tool: Probe) -> ToolRegistry {
    ToolRegistry::new().with_tools(tool).expect("one valid tool")
}

fn call(call_id: &str) -> Call<'static> {
    let params = Params::from("{}".to_owned());
    Call { call_id: call_id.into(), tool_name: "t", params, frame_bytes: 100, output: Output::new(1024) }
}

/// Hands a call in, unless it was seen before.
fn admit(dispatcher: &mut Dispatcher, call_id: &str) -> Option<Admission> {
    dispatcher.key_if_new(call_id).map(|key| dispatcher.dispatch(key, call(call_id)))
}

/// A dispatcher that nobody asks how far its calls are.
fn dispatcher(registry: ToolRegistry, limits: Limits) -> (Dispatcher, mpsc::UnboundedReceiver<Outcome>) {
    Dispatcher::new(registry, limits, ReportQueue::new().0)
}

async fn next(outcomes: &mut mpsc::UnboundedReceiver<Outcome>) -> Outcome {
    timeout(Duration::from_secs(10), outcomes.recv()).await.expect("an outcome in time").expect("the dispatcher lives")
}

async fn fails(tool: Probe) -> ToolError {
    timeout(Duration::from_secs(400), registry(tool).call("t", json!({})))
        .await
        .expect("in time")
        .expect_err("it fails")
}

#[tokio::test]
async fn panics_become_errors_whatever_their_payload() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("the payload panics, too");
        }
    }
    let payloads: [(Run, Option<&str>); 4] = [
        (|_| Box::pin(async { panic!("plain") }), Some("plain")),
        (|_| Box::pin(async { panic!("{} {}", "for", "matted") }), Some("for matted")),
        (|_| Box::pin(async { std::panic::panic_any(7) }), None),
        (|_| Box::pin(async { std::panic::panic_any(Bomb) }), None),
    ];
    for (run, text) in payloads {
        for execution in [Execution::Task, Execution::Blocking, Execution::Inline] {
            let exposing = |tool: &mut ToolDefinition| (tool.execution, tool.expose_errors) = (execution, true);
            let error = fails(probe(exposing, run)).await;
            let message =
                text.map_or_else(|| "the tool panicked".to_owned(), |text| format!("the tool panicked: {text}"));
            assert_eq!((error.code(), error.message()), (code::PANICKED, &*message), "{execution:?}");

            let error = fails(probe(|tool| tool.execution = execution, run)).await;
            assert_eq!((error.code(), error.causes().as_deref()), (code::PANICKED, text), "the text is for the log");
            assert_hidden(&error);
        }
    }
}

/// Checks that the message of a failure has no text of a panic, and says where it is found.
fn assert_hidden(error: &ToolError) {
    let call_id = error.message().strip_prefix("the tool panicked; the log of its worker says why, at the call local-");
    assert!(call_id.is_some_and(|id| id.parse::<u64>().is_ok()), "{error}");
}

#[tokio::test]
async fn an_error_that_panics_when_it_is_shown_fails_its_call_alone() {
    #[derive(Debug)]
    struct Unspeakable;
    impl std::fmt::Display for Unspeakable {
        fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            panic!("hunter2")
        }
    }
    impl std::error::Error for Unspeakable {}
    let run: Run = |_| Box::pin(async { Err(ToolError::new("broken").with_source(Unspeakable)) });
    for execution in [Execution::Task, Execution::Blocking, Execution::Inline] {
        let (mut dispatcher, mut outcomes) =
            dispatcher(registry(probe(|tool| tool.execution = execution, run)), Limits::default());
        let outcome = match admit(&mut dispatcher, "a") {
            Some(Admission::Ended(outcome)) => outcome,
            _ => next(&mut outcomes).await,
        };
        let error = outcome.result.expect_err("it fails").error;
        assert!(error.code() == code::PANICKED && !error.message().contains("hunter2"), "{error}");
    }
}

#[tokio::test]
async fn a_panic_while_a_result_is_written_is_an_error_too() {
    struct Unwritable;
    impl serde::Serialize for Unwritable {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            panic!("hunter2")
        }
    }
    let tool = || ToolDefinition::new("t", "", json!({"type": "object"}));
    let write = || tool().handler(|_: Value, _| async { Ok::<_, ToolError>(Unwritable) });
    let registry = ToolRegistry::new().with_tools(write()).expect("a valid tool");
    let error = registry.call("t", json!({})).await.expect_err("it panics");
    assert_eq!((error.code(), error.causes().as_deref()), (code::PANICKED, Some("hunter2")));
    assert_hidden(&error);
}

#[tokio::test]
async fn whole_numbers_of_any_size_keep_their_digits_in_json() {
    let run = |_: Value, _: Context| async { Ok::<_, ToolError>([u128::MAX, 1]) };
    let tool = ToolDefinition::new("t", "", json!({"type": "object"})).handler(run);
    let registry = ToolRegistry::new().with_tools(tool).expect("a valid tool");
    let json = registry.call_json("t", json!({})).await.expect("a result");
    assert_eq!(json.get(), "[340282366920938463463374607431768211455,1]");
    assert!(registry.call("t", json!({})).await.expect("a result")[0].is_f64());
}

#[tokio::test]
async fn params_and_results_have_no_number_that_is_not_finite() {
    let run = |_: Value, _: Context| async { Ok::<_, ToolError>(f64::NAN) };
    let tool = ToolDefinition::new("t", "", json!({"type": "object"})).handler(run);
    let registry = ToolRegistry::new().with_tools(tool).expect("a valid tool");
    let error = registry.call("t", json!({})).await.expect_err("NaN is no JSON");
    assert_eq!(error.code(), code::RESULT_NOT_SERIALIZABLE);
    assert!(error.message().contains("result is NaN, which JSON does not have"), "{error}");
    let error =
        registry.call("t", std::collections::HashMap::from([("a", f32::NAN)])).await.expect_err("NaN is no JSON");
    assert_eq!(error.code(), code::INVALID_ARGUMENTS);
    assert!(error.message().contains("is NaN"), "{error}");
}

#[tokio::test]
async fn a_panic_while_a_handler_is_dropped_is_an_error_too() {
    struct PanicsOnDrop;
    impl Drop for PanicsOnDrop {
        fn drop(&mut self) {
            panic!("dropped");
        }
    }
    let run: Run = |_| {
        let guard = PanicsOnDrop;
        Box::pin(async move {
            let _guard = guard;
            Ok(Value::Null)
        })
    };
    for execution in [Execution::Task, Execution::Inline] {
        let error = fails(probe(|tool| tool.execution = execution, run)).await;
        assert_eq!(error.causes().as_deref(), Some("dropped"), "{execution:?}");
        assert_hidden(&error);
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_never_ends_times_out() {
    let never: Run = |_| Box::pin(std::future::pending());
    let error = fails(probe(|tool| tool.timeout = Some(Duration::from_secs(20)), never)).await;
    assert_eq!((error.code(), error.message()), (code::TIMEOUT, "the tool did not finish within 20s"));
    assert_eq!(fails(probe(|_| (), never)).await.code(), code::TIMEOUT, "there is a default");
}

#[tokio::test(start_paused = true)]
async fn a_timeout_of_never_is_one() {
    let slow: Run = |_| {
        Box::pin(async {
            tokio::time::sleep(Duration::from_secs(3600)).await;
            Ok(Value::Null)
        })
    };
    let registry = registry(probe(|tool| tool.timeout = Some(Duration::MAX), slow));
    registry.call("t", json!({})).await.expect("an hour is not never");
}

#[tokio::test]
async fn a_blocking_call_keeps_its_place_until_it_really_ends() {
    static RUNNING: AtomicUsize = AtomicUsize::new(0);
    static MOST: AtomicUsize = AtomicUsize::new(0);
    let blocking: Run = |_| {
        Box::pin(async {
            MOST.fetch_max(RUNNING.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(50));
            RUNNING.fetch_sub(1, Ordering::SeqCst);
            Ok(Value::Null)
        })
    };
    let registry = registry(probe(
        |tool| {
            tool.execution = Execution::Blocking;
            tool.max_concurrency = 1.try_into().ok();
            tool.timeout = Some(Duration::from_millis(20));
        },
        blocking,
    ));
    for _ in 0..3 {
        assert_eq!(registry.call("t", json!({})).await.expect_err("it takes too long").code(), code::TIMEOUT);
    }
    assert_eq!(MOST.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_call_that_ended_before_it_was_given_up_ends_once() {
    let tool = probe(|_| (), |_| Box::pin(async { Ok(Value::Null) }));
    let (mut dispatcher, mut outcomes) = dispatcher(registry(tool), Limits::default());
    admit(&mut dispatcher, "a");
    let mut outcome = next(&mut outcomes).await;
    assert_eq!(dispatcher.cancel_all().len(), 1, "nobody has told the dispatcher yet");
    assert!(!dispatcher.ended(&mut outcome), "its end was told already");
}

#[tokio::test]
async fn an_inline_call_that_had_to_wait_is_answered() {
    let limits = Limits { running: 1, ..Limits::default() };
    let inline = probe(|tool| tool.execution = Execution::Inline, |_| Box::pin(async { Ok(Value::Null) }));
    let slow =
        probe(|tool| tool.name = "slow".to_owned(), |_| Box::pin(tokio::task::yield_now().map(|()| Ok(Value::Null))));
    let registry = registry(inline).with_tools(slow).expect("another name");
    let (mut dispatcher, mut outcomes) = dispatcher(registry, limits);
    for (id, tool_name) in [("a", "slow"), ("b", "t")] {
        let key = dispatcher.key_if_new(id).expect("new");
        assert!(matches!(dispatcher.dispatch(key, Call { tool_name, ..call(id) }), Admission::Accepted));
    }
    for expected in ["a", "b"] {
        let mut outcome = next(&mut outcomes).await;
        assert_eq!(&*outcome.call_id, expected);
        assert!(dispatcher.ended(&mut outcome));
    }
}

#[tokio::test(start_paused = true)]
async fn a_rate_limit_refuses_and_recovers() {
    let registry = registry(probe(
        |tool| tool.rate_limit = Some(crate::tool::Rate::new(2.try_into().expect("not zero"), Duration::from_secs(1))),
        |_| Box::pin(async { Ok(Value::Null) }),
    ));
    for _ in 0..2 {
        registry.call("t", json!({})).await.expect("within the limit");
    }
    let error = registry.call("t", json!({})).await.expect_err("one too many");
    assert_eq!((error.code(), error.is_retryable()), (code::RATE_LIMITED, true));
    tokio::time::advance(Duration::from_secs(1)).await;
    registry.call("t", json!({})).await.expect("a second later");
}

#[tokio::test(start_paused = true)]
async fn max_concurrency_makes_calls_wait() {
    let registry = registry(probe(
        |tool| tool.max_concurrency = 2.try_into().ok(),
        |_| {
            Box::pin(async {
                tokio::time::sleep(Duration::from_secs(1)).await;
                Ok(Value::Null)
            })
        },
    ));
    let started = tokio::time::Instant::now();
    let calls = (0..6).map(|_| registry.call("t", json!({})));
    assert!(futures::future::join_all(calls).await.iter().all(Result::is_ok));
    assert_eq!(started.elapsed(), Duration::from_secs(3), "six calls of a second, two at a time");
}

#[tokio::test]
async fn calls_beyond_the_limit_wait_and_beyond_that_are_refused() {
    let slow: Run = |_| {
        Box::pin(async {
            tokio::task::yield_now().await;
            Ok(Value::Null)
        })
    };
    let limits = Limits { running: 1, waiting: 1, ..Limits::default() };
    let (mut dispatcher, mut outcomes) = dispatcher(registry(probe(|_| (), slow)), limits);
    assert!(matches!(admit(&mut dispatcher, "a"), Some(Admission::Accepted)));
    assert!(matches!(admit(&mut dispatcher, "b"), Some(Admission::Accepted)));
    let Some(Admission::Ended(refused)) = admit(&mut dispatcher, "c") else { panic!("there is no room for a third") };
    assert_eq!(refused.result.expect_err("refused").error.code(), code::OVERLOADED);
    for expected in ["a", "b"] {
        let mut outcome = next(&mut outcomes).await;
        assert_eq!(&*outcome.call_id, expected);
        dispatcher.ended(&mut outcome);
    }
    assert!(dispatcher.is_idle());
    assert!(matches!(admit(&mut dispatcher, "d"), Some(Admission::Accepted)), "there is room again");
}

#[tokio::test]
async fn a_call_id_is_run_once_however_often_it_comes() {
    for execution in [Execution::Task, Execution::Inline] {
        let tool = probe(|tool| tool.execution = execution, |_| Box::pin(async { Ok(Value::Null) }));
        let (mut dispatcher, mut outcomes) = dispatcher(registry(tool), Limits::default());
        if let Some(Admission::Accepted) = admit(&mut dispatcher, "a") {
            assert!(admit(&mut dispatcher, "a").is_none(), "while it runs");
            let mut outcome = next(&mut outcomes).await;
            dispatcher.ended(&mut outcome);
        }
        assert!(admit(&mut dispatcher, "a").is_none(), "after it ended, {execution:?}");
    }
}

#[tokio::test]
async fn draining_refuses_new_calls_and_lets_the_running_ones_end() {
    let tool = probe(
        |_| (),
        |_| {
            Box::pin(async {
                tokio::task::yield_now().await;
                Ok(Value::Null)
            })
        },
    );
    let (mut dispatcher, mut outcomes) = dispatcher(registry(tool), Limits::default());
    assert!(matches!(admit(&mut dispatcher, "a"), Some(Admission::Accepted)));
    dispatcher.drain();
    let Some(Admission::Ended(refused)) = admit(&mut dispatcher, "b") else { panic!("no new calls while draining") };
    assert_eq!(refused.result.expect_err("refused").error.code(), code::DRAINING);
    assert!(!dispatcher.is_idle());
    let mut outcome = next(&mut outcomes).await;
    dispatcher.ended(&mut outcome);
    assert!(outcome.result.is_ok() && dispatcher.is_idle());
}

#[tokio::test]
async fn a_dropped_dispatcher_aborts_its_calls() {
    let tool = probe(|_| (), |_| Box::pin(std::future::pending()));
    let (mut dispatcher, mut outcomes) = dispatcher(registry(tool), Limits::default());
    assert!(matches!(admit(&mut dispatcher, "a"), Some(Admission::Accepted)));
    drop(dispatcher);
    let gone = timeout(Duration::from_secs(10), outcomes.recv()).await.expect("the task ends, and its sender with it");
    assert!(gone.is_none());
}

#[tokio::test]
async fn an_inline_call_that_has_to_wait_moves_to_a_task() {
    let tool = probe(
        |tool| tool.execution = Execution::Inline,
        |_| {
            Box::pin(async {
                tokio::task::yield_now().await;
                Ok(json!("later"))
            })
        },
    );
    let (mut dispatcher, mut outcomes) = dispatcher(registry(tool), Limits::default());
    assert!(matches!(admit(&mut dispatcher, "a"), Some(Admission::Accepted)));
    let outcome = next(&mut outcomes).await;
    assert_eq!(outcome.result.expect("a result").json(), br#""later""#);
}

#[tokio::test]
async fn the_context_is_ambient_in_every_kind_of_handler_and_calls_never_see_each_others() {
    for execution in [Execution::Task, Execution::Blocking, Execution::Inline] {
        let registry = registry(probe(
            |tool| tool.execution = execution,
            |_| {
                Box::pin(async {
                    tokio::task::yield_now().await;
                    Ok(json!(Context::current().and_then(|context| context.user_id().map(str::to_owned))))
                })
            },
        ));
        let calls = (0..32).map(|user| {
            let registry = registry.clone();
            async move { registry.call("t", json!({"__platos": {"userId": format!("user-{user}")}})).await }
        });
        for (user, result) in futures::future::join_all(calls).await.into_iter().enumerate() {
            assert_eq!(result.expect("a result"), json!(format!("user-{user}")), "{execution:?}");
        }
    }
    assert!(Context::current().is_none(), "outside of a call there is none");
}

#[tokio::test]
async fn causes_are_shown_only_where_the_tool_says_so() {
    let fails: Run = |_| Box::pin(async { Err(ToolError::new("outer").with_source("inner")) });
    for (expose, expected) in [(false, None), (true, Some("inner".to_owned()))] {
        let (mut dispatcher, mut outcomes) =
            dispatcher(registry(probe(|tool| tool.expose_errors = expose, fails)), Limits::default());
        assert!(matches!(admit(&mut dispatcher, "a"), Some(Admission::Accepted)));
        assert_eq!(next(&mut outcomes).await.result.expect_err("it fails").traceback, expected);
    }
}

/// Waits for what other tasks and threads do.
async fn until(happened: impl Fn() -> bool) {
    let start = std::time::Instant::now();
    while !happened() {
        assert!(start.elapsed() < Duration::from_secs(10), "it takes too long");
        tokio::task::yield_now().await;
    }
}

/// Ends with its context's cancellation, and says so.
const OBEDIENT: Run = |ctx| {
    Box::pin(async move {
        ctx.cancelled().await;
        Ok(json!(Context::current().is_some_and(|ctx| ctx.is_cancelled())))
    })
};

#[tokio::test(start_paused = true)]
async fn a_handler_that_returns_after_its_cancellation_has_its_result_sent() {
    static STARTED: AtomicUsize = AtomicUsize::new(0);
    let run: Run = |ctx| {
        STARTED.fetch_add(1, Ordering::SeqCst);
        OBEDIENT(ctx)
    };
    for (calls, execution) in [Execution::Task, Execution::Blocking, Execution::Inline].into_iter().enumerate() {
        let tool = probe(|tool| tool.execution = execution, run);
        let (mut dispatcher, mut outcomes) = dispatcher(registry(tool), Limits::default());
        assert!(matches!(admit(&mut dispatcher, "a"), Some(Admission::Accepted)));
        until(|| STARTED.load(Ordering::SeqCst) > calls).await;
        for _ in 0..2 {
            assert!(dispatcher.cancel("a", Instant::now()).is_none(), "it runs");
        }
        let mut outcome = next(&mut outcomes).await;
        assert!(dispatcher.ended(&mut outcome));
        assert_eq!(outcome.result.expect("a result").json(), b"true", "{execution:?}");
        assert!(dispatcher.abort_overdue(Instant::now() + CANCEL_GRACE).is_empty(), "it ended once");
        assert!(dispatcher.cancel("a", Instant::now()).is_none() && dispatcher.cancel("x", Instant::now()).is_none());
        assert!(dispatcher.is_idle() && dispatcher.next_overdue().is_none());
    }
}

#[tokio::test]
async fn a_handler_that_fails_after_its_cancellation_was_cancelled_and_that_is_not_the_tools_fault() {
    let fails: Run = |ctx| {
        Box::pin(async move {
            ctx.cancelled().await;
            Err(ToolError::new("half done"))
        })
    };
    let registry = registry(probe(|tool| tool.expose_errors = true, fails));
    let (mut dispatcher, mut outcomes) = dispatcher(registry.clone(), Limits::default());
    assert!(matches!(admit(&mut dispatcher, "a"), Some(Admission::Accepted)));
    assert!(dispatcher.cancel("a", Instant::now()).is_none());
    let failure = next(&mut outcomes).await.result.expect_err("it fails");
    assert_eq!((failure.error.code(), failure.error.message()), (code::CANCELLED, "the call was cancelled"));
    let verdict = registry.find("t").expect("it is there").health().verdict(Instant::now());
    assert_eq!(verdict.errors, 0);
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_ignores_its_cancellation_is_aborted_after_the_grace() {
    static STARTED: AtomicBool = AtomicBool::new(false);
    static DROPPED: AtomicBool = AtomicBool::new(false);
    struct Guard;
    impl Drop for Guard {
        fn drop(&mut self) {
            DROPPED.store(true, Ordering::SeqCst);
        }
    }
    let deaf: Run = |_| {
        let guard = Guard;
        STARTED.store(true, Ordering::SeqCst);
        Box::pin(async move {
            let _guard = guard;
            std::future::pending().await
        })
    };
    let (mut dispatcher, mut outcomes) = dispatcher(registry(probe(|_| (), deaf)), Limits::default());
    assert!(matches!(admit(&mut dispatcher, "a"), Some(Admission::Accepted)));
    until(|| STARTED.load(Ordering::SeqCst)).await;
    let start = Instant::now();
    assert!(dispatcher.cancel("a", start).is_none());
    assert_eq!(dispatcher.next_overdue(), Some(start + CANCEL_GRACE));
    assert!(dispatcher.abort_overdue(start + CANCEL_GRACE / 2).is_empty());
    let aborted = dispatcher.abort_overdue(start + CANCEL_GRACE);
    assert_eq!(aborted.len(), 1);
    assert!(dispatcher.is_idle());
    until(|| DROPPED.load(Ordering::SeqCst)).await;
    assert!(outcomes.try_recv().is_err(), "its end was told already");
}

#[tokio::test]
async fn a_call_that_waits_ends_at_once_and_never_runs() {
    let limits = Limits { running: 1, ..Limits::default() };
    let (mut dispatcher, mut outcomes) = dispatcher(registry(probe(|_| (), OBEDIENT)), limits);
    for call_id in ["a", "b"] {
        assert!(matches!(admit(&mut dispatcher, call_id), Some(Admission::Accepted)));
    }
    let ended = dispatcher.cancel("b", Instant::now()).expect("it waits");
    assert_eq!((&*ended.call_id, ended.result.expect_err("it never ran").error.code()), ("b", code::CANCELLED));
    assert!(dispatcher.cancel("a", Instant::now()).is_none());
    let mut outcome = next(&mut outcomes).await;
    dispatcher.ended(&mut outcome);
    assert!(dispatcher.is_idle(), "b does not run after a");
    assert!(admit(&mut dispatcher, "b").is_none(), "and is not run when it comes again");
}

#[tokio::test]
async fn a_call_that_waits_for_its_tools_turn_ends_at_once_too() {
    let tool = probe(|tool| tool.max_concurrency = 1.try_into().ok(), OBEDIENT);
    let (mut dispatcher, mut outcomes) = dispatcher(registry(tool), Limits::default());
    for call_id in ["a", "b"] {
        assert!(matches!(admit(&mut dispatcher, call_id), Some(Admission::Accepted)));
    }
    tokio::task::yield_now().await;
    let ended = dispatcher.cancel("b", Instant::now()).expect("it waits");
    assert_eq!((&*ended.call_id, ended.result.expect_err("it never ran").error.code()), ("b", code::CANCELLED));
    assert!(dispatcher.cancel("a", Instant::now()).is_none(), "it runs");
    assert!(dispatcher.ended(&mut next(&mut outcomes).await) && dispatcher.is_idle());
}

#[tokio::test(start_paused = true)]
async fn a_handler_learns_of_its_timeout_and_of_the_workers_end() {
    static SEEN: AtomicUsize = AtomicUsize::new(0);
    let listens: Run = |ctx| {
        tokio::spawn(async move {
            ctx.cancelled().await;
            SEEN.fetch_add(1, Ordering::SeqCst);
        });
        Box::pin(std::future::pending())
    };
    let registry = registry(probe(|tool| tool.timeout = Some(Duration::from_secs(20)), listens));
    assert_eq!(registry.call("t", json!({})).await.expect_err("it never ends").code(), code::TIMEOUT);
    let (mut stopped, _outcomes) = dispatcher(registry.clone(), Limits::default());
    assert!(matches!(admit(&mut stopped, "a"), Some(Admission::Accepted)));
    tokio::task::yield_now().await;
    assert_eq!(stopped.cancel_all().len(), 1);
    let dropped = timeout(Duration::from_secs(1), registry.call("t", json!({}))).await;
    assert!(dropped.is_err(), "a local call is dropped");
    until(|| SEEN.load(Ordering::SeqCst) == 3).await;
}
