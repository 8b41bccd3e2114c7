//! Tests of calls that wait for a permit: which calls they delay, in which order they start, and how their wait ends.

use std::sync::Mutex;
use std::sync::mpsc::{self as threads, Receiver, Sender};

use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// A tool that takes half a second.
const SLOW: Run = |_| Box::pin(tokio::time::sleep(SECOND / 2).map(|()| Ok(Value::Null)));

const QUICK: Run = |_| Box::pin(async { Ok(json!("quick")) });

fn serial(run: Run) -> Probe {
    let declare = |tool: &mut ToolDefinition| {
        tool.max_concurrency = 1.try_into().ok();
        tool.timeout = Some(2 * SECOND);
    };
    probe(declare, run)
}

fn named(name: &str, run: Run) -> Probe {
    probe(|tool| name.clone_into(&mut tool.name), run)
}

/// Hands in a new call, and returns its outcome if it has one at once.
fn send(dispatcher: &mut Dispatcher, call: Call<'_>) -> Option<Outcome> {
    let key = dispatcher.key_if_new(&call.call_id).expect("a new call");
    match dispatcher.dispatch(key, call) {
        Admission::Accepted => None,
        Admission::Ended(outcome) => Some(outcome),
    }
}

/// The params of a call whose caller waits for so many seconds.
fn waits_for(seconds: u64) -> Params {
    let envelopes = json!({
        "_context": {"deadline": format!("2026-09-15T00:00:{seconds:02}.000Z")},
        "__platos": {"timestamp": "2026-09-15T00:00:00.000Z"},
    });
    Params::from(envelopes.to_string())
}

fn error_code(outcome: &Outcome) -> &str {
    outcome.result.as_ref().expect_err("it fails").error.code()
}

#[tokio::test(start_paused = true)]
async fn sixty_four_calls_of_a_serial_tool_hold_up_nobody() {
    let registry = registry(serial(SLOW)).with_tools(named("quick", QUICK)).expect("another name");
    let (mut dispatcher, mut outcomes) = dispatcher(registry.clone(), Limits { running: 64, ..Limits::default() });
    for number in 0..64 {
        assert!(send(&mut dispatcher, call(&format!("slow-{number}"))).is_none());
    }
    let start = Instant::now();
    assert!(send(&mut dispatcher, Call { tool_name: "quick", ..call("quick") }).is_none());
    let first = next(&mut outcomes).await;
    assert_eq!((&*first.call_id, start.elapsed()), ("quick", Duration::ZERO));
    for number in 0..64 {
        let mut outcome = next(&mut outcomes).await;
        assert_eq!(*outcome.call_id, format!("slow-{number}"), "first in, first out");
        assert_eq!(outcome.latency, SECOND / 2, "the wait does not count");
        assert!(outcome.result.is_ok() && dispatcher.ended(&mut outcome));
    }
    let verdict = registry.find("t").expect("it is there").health().verdict(Instant::now());
    assert_eq!((verdict.calls, verdict.errors, verdict.mean_latency), (64, 0, SECOND / 2));
}

#[tokio::test(start_paused = true)]
async fn a_timeout_starts_with_the_handler() {
    // Both wait for longer than the tool's two seconds: for the tool, and for the worker.
    for (tool, running) in [(serial(SLOW), 64), (probe(|tool| tool.timeout = Some(2 * SECOND), SLOW), 1)] {
        let registry = registry(tool);
        let (mut dispatcher, mut outcomes) = dispatcher(registry.clone(), Limits { running, ..Limits::default() });
        for number in 0..10 {
            assert!(send(&mut dispatcher, call(&number.to_string())).is_none());
        }
        let local = tokio::spawn(async move { registry.call("t", json!({})).await });
        for _ in 0..10 {
            assert!(next(&mut outcomes).await.result.is_ok());
        }
        timeout(60 * SECOND, local).await.expect("in time").expect("no panic").expect("it waits in the same queue");
    }
}

#[tokio::test(start_paused = true)]
async fn local_calls_and_calls_of_the_platform_wait_in_one_queue() {
    let registry = registry(serial(SLOW));
    let (mut dispatcher, mut outcomes) = dispatcher(registry.clone(), Limits::default());
    let start = Instant::now();
    assert!(send(&mut dispatcher, call("first")).is_none());
    let (_, mut local) = registry.start_call("t", Params::from("{}".to_owned()), None, 100).expect("a tool");
    assert!((&mut local).now_or_never().is_none(), "it waits");
    assert!(send(&mut dispatcher, call("third")).is_none());
    assert_eq!(&*next(&mut outcomes).await.call_id, "first");
    timeout(SECOND, local).await.expect("it is next").expect("a result");
    assert_eq!(start.elapsed(), SECOND);
    assert_eq!(&*next(&mut outcomes).await.call_id, "third");
}

#[tokio::test(start_paused = true)]
async fn a_local_call_that_is_dropped_or_cancelled_while_it_waits_leaves_its_place() {
    let registry = registry(serial(SLOW));
    let call = || registry.start_call("t", Params::from("{}".to_owned()), None, 100).expect("a tool");
    let ((_, mut first), (_, mut second), (third, mut cancelled), (_, fourth)) = (call(), call(), call(), call());
    for waiting in [&mut first, &mut second, &mut cancelled] {
        assert!(waiting.now_or_never().is_none());
    }
    let start = Instant::now();
    drop(second);
    third.call_state().cancel();
    assert_eq!(cancelled.await.expect_err("it never ran").error.code(), code::CANCELLED);
    assert_eq!(start.elapsed(), Duration::ZERO);
    let (first, fourth) = timeout(2 * SECOND, async { tokio::join!(first, fourth) }).await.expect("in time");
    assert!(first.is_ok() && fourth.is_ok());
    assert_eq!(start.elapsed(), SECOND);
}

#[tokio::test(start_paused = true)]
async fn calls_that_wait_are_bounded_in_bytes_whatever_they_wait_for() {
    let registry = registry(serial(SLOW)).with_tools(named("other", SLOW)).expect("another name");
    let limits = Limits { running: 2, waiting_bytes: 1000, ..Limits::default() };
    let (mut dispatcher, mut outcomes) = dispatcher(registry, limits);
    let of =
        |call_id: &'static str, tool_name: &'static str, frame_bytes| Call { tool_name, frame_bytes, ..call(call_id) };
    for running in [of("a", "t", 5000), of("b", "other", 5000)] {
        assert!(send(&mut dispatcher, running).is_none(), "a call that runs does not wait");
    }
    assert!(send(&mut dispatcher, of("c", "t", 600)).is_none(), "it waits for its tool");
    assert!(send(&mut dispatcher, of("d", "other", 400)).is_none(), "it waits for the worker");
    for refused in [of("e", "t", 1), of("f", "other", 1)] {
        let refused = send(&mut dispatcher, refused).expect("there is no room").result.expect_err("refused");
        assert_eq!((refused.error.code(), refused.error.is_retryable()), (code::OVERLOADED, true));
        assert!(refused.error.message().contains("1000 bytes"), "{}", refused.error);
    }
    for _ in 0..4 {
        let mut outcome = next(&mut outcomes).await;
        assert!(dispatcher.ended(&mut outcome) && outcome.result.is_ok());
    }
    for running in [of("g", "t", 1), of("h", "other", 1)] {
        assert!(send(&mut dispatcher, running).is_none());
    }
    assert!(send(&mut dispatcher, of("i", "t", 1000)).is_none(), "all places are free again");
}

#[tokio::test]
async fn a_call_that_waits_keeps_no_more_of_its_frame_than_its_params() {
    let tool = serial(|context| {
        let start = context.params().as_str().as_ptr() as usize;
        Box::pin(async move { Ok(json!(start)) })
    });
    let (mut dispatcher, mut outcomes) = dispatcher(registry(tool), Limits { running: 1, ..Limits::default() });
    let frame = format!("{}{{}}", " ".repeat(100_000)).into();
    let params = || Params::new(SharedText::within(&frame, &frame.as_str()[100_000..]));
    let frame_range = frame.as_str().as_bytes().as_ptr_range();
    for call_id in ["runs", "waits"] {
        assert!(send(&mut dispatcher, Call { params: params(), ..call(call_id) }).is_none());
    }
    for is_part in [true, false] {
        let outcome = next(&mut outcomes).await;
        let start: usize = serde_json::from_slice(outcome.result.expect("a result").json()).expect("a number");
        assert_eq!((frame_range.start as usize..frame_range.end as usize).contains(&start), is_part);
    }
}

static STARTED: AtomicUsize = AtomicUsize::new(0);

/// Counts its calls, and takes an hour and a half.
const COUNTED: Run = |_| {
    STARTED.fetch_add(1, Ordering::SeqCst);
    Box::pin(tokio::time::sleep(5400 * SECOND).map(|()| Ok(Value::Null)))
};

#[tokio::test(start_paused = true)]
async fn a_call_is_not_run_once_its_caller_waits_no_longer() {
    let tool = probe(
        |tool| {
            tool.max_concurrency = 1.try_into().ok();
            tool.timeout = Some(7200 * SECOND);
        },
        COUNTED,
    );
    let registry = registry(tool);
    let (mut dispatcher, mut outcomes) = dispatcher(registry.clone(), Limits::default());
    let start = Instant::now();
    assert!(send(&mut dispatcher, Call { params: waits_for(1), ..call("runs") }).is_none());
    assert!(send(&mut dispatcher, call("patient")).is_none());
    assert!(send(&mut dispatcher, Call { params: waits_for(30), ..call("waits") }).is_none());
    let (_, local) = registry.start_call("t", waits_for(40), None, 100).expect("a tool");
    let local = tokio::spawn(local);
    // The one without a deadline waits for as long as replies are kept.
    for (call_id, seconds) in [("waits", 30), ("patient", 600)] {
        let mut outcome = timeout(3600 * SECOND, outcomes.recv()).await.expect("in time").expect("an outcome");
        assert_eq!((&*outcome.call_id, start.elapsed()), (call_id, seconds * SECOND));
        let failure = outcome.result.as_ref().expect_err("it never ran");
        assert!(failure.error.is_retryable() && failure.error.message().contains("did not run"));
        assert!(dispatcher.ended(&mut outcome));
        assert_eq!(error_code(&outcome), code::QUEUE_TIMEOUT);
    }
    let failure = local.await.expect("no panic").expect_err("it never ran");
    assert_eq!(failure.error.code(), code::QUEUE_TIMEOUT);
    let mut outcome = timeout(7200 * SECOND, outcomes.recv()).await.expect("in time").expect("an outcome");
    assert!(outcome.result.is_ok(), "a call that runs has the time of its tool");
    assert!(dispatcher.ended(&mut outcome) && dispatcher.is_idle());
    assert_eq!(STARTED.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_refused_call_that_is_sent_again_has_one_outcome() {
    let tool = probe(
        |tool| tool.rate_limit = Some(crate::tool::Rate::new(1.try_into().expect("not zero"), 3600 * SECOND)),
        QUICK,
    );
    let registry = registry(tool).with_tools(named("endless", |_| Box::pin(std::future::pending()))).expect("a name");
    let (mut dispatcher, mut outcomes) = dispatcher(registry, Limits { running: 1, waiting: 0, ..Limits::default() });
    let refused = |dispatcher: &mut Dispatcher, call_id: &'static str, tool_name: &'static str, expected: &str| {
        let outcome = send(dispatcher, Call { tool_name, ..call(call_id) }).expect("an outcome at once");
        assert_eq!(error_code(&outcome), expected);
        assert!(dispatcher.key_if_new(call_id).is_none(), "{expected} is its outcome");
        assert!(dispatcher.refuse(call_id, ToolError::new("malformed")).is_none());
        assert!(dispatcher.cancel(call_id, Instant::now()).is_none());
    };
    assert!(send(&mut dispatcher, call("first")).is_none());
    let mut outcome = next(&mut outcomes).await;
    assert!(dispatcher.refuse("first", ToolError::new("malformed")).is_none(), "its outcome is on its way");
    assert!(dispatcher.ended(&mut outcome));
    drop(outcome);
    refused(&mut dispatcher, "rate", "t", code::RATE_LIMITED);
    refused(&mut dispatcher, "unknown", "no such tool", code::UNKNOWN_TOOL);
    assert!(send(&mut dispatcher, Call { tool_name: "endless", ..call("endless") }).is_none());
    assert!(dispatcher.refuse("endless", ToolError::new("malformed")).is_none(), "it runs");
    refused(&mut dispatcher, "overloaded", "t", code::OVERLOADED);
    assert!(dispatcher.refuse("malformed", ToolError::new("malformed")).is_some());
    assert!(dispatcher.refuse("malformed", ToolError::new("malformed")).is_none());
    dispatcher.drain();
    refused(&mut dispatcher, "draining", "t", code::DRAINING);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_call_that_waits_starts_when_all_are_given_up() {
    static RAN: AtomicUsize = AtomicUsize::new(0);
    let endless: Run = |_| {
        RAN.fetch_add(1, Ordering::SeqCst);
        Box::pin(std::future::pending())
    };
    for round in 1..=50 {
        let registry = registry(serial(endless)).with_tools(named("other", endless)).expect("another name");
        let (mut dispatcher, mut outcomes) = dispatcher(registry, Limits { running: 2, ..Limits::default() });
        for number in 0..20 {
            let (serial, other) = (format!("serial-{number}"), format!("other-{number}"));
            assert!(send(&mut dispatcher, call(&serial)).is_none());
            assert!(send(&mut dispatcher, Call { tool_name: "other", ..call(&other) }).is_none());
        }
        until(|| RAN.load(Ordering::SeqCst) == 2 * round).await;
        // All are given up by word, or by the end of the dispatcher.
        if round % 2 == 0 {
            let ended = dispatcher.cancel_all();
            let mut codes: Vec<_> = ended.iter().map(error_code).collect();
            codes.sort_unstable();
            assert_eq!((codes.len(), codes[1], codes[2]), (40, code::CANCELLED, code::DRAINING));
            assert!(dispatcher.is_idle() && outcomes.try_recv().is_err());
        }
        drop(dispatcher);
        // The last task has let go of its sender.
        assert!(timeout(10 * SECOND, outcomes.recv()).await.expect("the tasks end").is_none());
        assert_eq!(RAN.load(Ordering::SeqCst), 2 * round);
    }
}

/// The gate that a sync tool waits at.
static GATE: Mutex<Option<Receiver<()>>> = Mutex::new(None);

fn gate() -> Sender<()> {
    let (open, gate) = threads::channel();
    *GATE.lock().expect("no panic") = Some(gate);
    open
}

/// Waits for an outcome without moving the clock, which stands still for the test.
async fn received(outcomes: &mut mpsc::UnboundedReceiver<Outcome>) -> Outcome {
    let start = std::time::Instant::now();
    loop {
        match outcomes.try_recv() {
            Ok(outcome) => return outcome,
            Err(_) => assert!(start.elapsed() < 10 * SECOND, "it takes too long"),
        }
        tokio::task::yield_now().await;
    }
}

#[test]
fn a_sync_function_that_waits_for_a_thread_has_its_whole_timeout_and_none_if_its_caller_left() {
    static RAN: AtomicUsize = AtomicUsize::new(0);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .max_blocking_threads(1)
        .build()
        .expect("a runtime");
    let holds: Run = |_| {
        let gate = GATE.lock().expect("no panic").take().expect("a gate");
        Box::pin(async move {
            gate.recv_timeout(10 * SECOND).expect("the test opens it");
            Ok(Value::Null)
        })
    };
    let counts: Run = |_| {
        RAN.fetch_add(1, Ordering::SeqCst);
        Box::pin(async { Ok(Value::Null) })
    };
    let blocking = |run, limit| {
        probe(
            |tool| {
                tool.execution = Execution::Blocking;
                tool.timeout = Some(limit);
            },
            run,
        )
    };
    runtime.block_on(async {
        let open = gate();
        let mut holder = blocking(holds, 3600 * SECOND);
        "holder".clone_into(&mut holder.0.name);
        let registry = registry(blocking(counts, 2 * SECOND)).with_tools(holder).expect("another name");
        let (mut dispatcher, mut outcomes) = dispatcher(registry.clone(), Limits::default());
        assert!(send(&mut dispatcher, Call { tool_name: "holder", ..call("holder") }).is_none());
        until(|| GATE.lock().expect("no panic").is_none()).await;
        assert!(send(&mut dispatcher, call("waits")).is_none());
        assert!(send(&mut dispatcher, Call { params: waits_for(5), ..call("impatient") }).is_none());
        tokio::task::yield_now().await;
        tokio::time::advance(60 * SECOND).await;
        let outcome = received(&mut outcomes).await;
        assert_eq!((&*outcome.call_id, error_code(&outcome)), ("impatient", code::QUEUE_TIMEOUT));
        open.send(()).expect("it waits");
        for call_id in ["holder", "waits"] {
            let outcome = received(&mut outcomes).await;
            assert_eq!(&*outcome.call_id, call_id);
            assert!(outcome.result.is_ok(), "{outcome:?}");
        }
        let verdict = registry.find("t").expect("it is there").health().verdict(Instant::now());
        assert_eq!((verdict.calls, verdict.errors, RAN.load(Ordering::SeqCst)), (1, 0, 1));
    });
}
