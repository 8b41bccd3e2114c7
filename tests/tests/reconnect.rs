//! Tests of a worker that connects, connects again, gives up, and stops.

use std::error::Error as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use platools::connection::{ConnectionState, Disconnect, OnRefusal};
use platools::{Error, ErrorKind, Secret, Tool, ToolRegistry, tool, tools};
use platools_tests::{
    Link, Platform, SECRET, Unreachable, Worker, client, keep_links_here, quick, states, with_causes, within,
};
use serde_json::json;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;

/// Longer than any test.
const FOR_EVER: Duration = Duration::from_secs(24 * 60 * 60);

/// Give the number back.
#[tool]
async fn echo(number: i64) -> i64 {
    number
}

/// A second tool.
#[tool]
async fn second() -> i64 {
    2
}

/// A third tool.
#[tool]
async fn third() -> i64 {
    3
}

fn registry(tools: Vec<Box<dyn Tool>>) -> ToolRegistry {
    ToolRegistry::new().with_tools(tools).expect("valid tools")
}

async fn serves(link: &mut Link) {
    link.call("served", "echo", json!({"number": 7})).await;
    assert_eq!(link.result("served").await, 7);
}

#[tokio::test]
async fn the_upgrade_asks_for_the_workers_path_with_the_secret() {
    let platform = Platform::start().await;
    let url = format!("{}/base/?entity=orders", platform.url());
    let _worker = Worker::start(client(&url, &registry(tools![echo])));
    let link = platform.accept().await;
    assert_eq!(link.uri(), "/base/ws/sdk?entity=orders");
    assert_eq!(link.header("authorization"), Some(&*format!("Bearer {SECRET}")));
}

#[tokio::test]
async fn the_worker_registers_without_waiting_for_the_greeting() {
    let platform = Platform::start().await;
    let worker = Worker::start(client(&platform.url(), &registry(tools![echo])));
    let mut link = platform.accept().await;
    assert_eq!(link.registration().await, ["echo"]);
    assert_eq!(worker.handle().state(), ConnectionState::Connecting);
}

#[tokio::test]
async fn each_new_socket_registers_the_whole_set_as_it_is_then() {
    let (platform, registry) = (Platform::start().await, registry(tools![echo]));
    let _worker = Worker::start(client(&platform.url(), &registry));
    let mut link = platform.accept().await;
    assert_eq!(link.registration().await, ["echo"]);

    // The set changes once the worker cannot register on the first socket any more.
    let port = platform.stop();
    link.kill();
    registry.insert(tools![second, third]).expect("new tools");
    let platform = port.restart();
    let mut link = platform.accept().await;
    assert_eq!(link.registration().await, ["echo", "second", "third"], "it has grown");

    let port = platform.stop();
    link.kill();
    assert!(registry.remove("echo") && registry.remove("third"));
    let platform = port.restart();
    let mut link = platform.accept().await;
    assert_eq!(link.registration().await, ["second"], "it has shrunk");

    let port = platform.stop();
    link.kill();
    registry.clear();
    assert!(port.restart().accept().await.registration().await.is_empty(), "nothing is a set as well");
}

#[tokio::test]
async fn a_change_while_connected_is_registered_on_the_same_socket() {
    let (platform, registry) = (Platform::start().await, registry(tools![echo]));
    let _worker = Worker::start(client(&platform.url(), &registry));
    let mut link = platform.accept_worker().await;
    registry.insert(tools![second]).expect("a new tool");
    registry.insert(tools![third]).expect("a new tool");
    assert_eq!(link.registration().await, ["echo", "second", "third"], "together");
    link.call("c", "third", json!({})).await;
    assert_eq!(link.result("c").await, 3);
    registry.remove("third");
    assert_eq!(link.registration().await, ["echo", "second"]);
    link.call("d", "third", json!({})).await;
    assert_eq!(link.error("d").await, "unknown tool: third");
    serves(&mut link).await;
}

fn name(state: &ConnectionState) -> String {
    match state {
        ConnectionState::Disconnected => "disconnected".to_owned(),
        ConnectionState::Connecting => "connecting".to_owned(),
        ConnectionState::Connected => "connected".to_owned(),
        ConnectionState::Reconnecting { attempt, delay, .. } => format!("reconnecting {attempt} in {delay:?}"),
        ConnectionState::Failed { .. } => "failed".to_owned(),
        other => panic!("an unknown state: {other:?}"),
    }
}

async fn next(states: &mut mpsc::UnboundedReceiver<ConnectionState>) -> String {
    name(&within(states.recv()).await.expect("the client lives"))
}

#[tokio::test]
async fn the_states_of_a_client_follow_its_connection() {
    keep_links_here().await;
    let platform = Platform::start().await;
    let worker = Worker::start(client(&platform.url(), &registry(tools![echo])));
    assert_eq!(worker.handle().state(), ConnectionState::Disconnected, "it has not begun");
    let mut states = states(worker.handle());
    assert_eq!(next(&mut states).await, "connecting");
    let link = platform.accept_worker().await;
    assert_eq!(next(&mut states).await, "connected");
    link.kill();
    assert_eq!(next(&mut states).await, "reconnecting 1 in 1ms");
    assert_eq!(next(&mut states).await, "connecting");
    // Broken off before the greeting: that was no session, so the count goes on.
    drop(platform.accept_tcp().await);
    assert_eq!(next(&mut states).await, "reconnecting 2 in 1ms");
    assert_eq!(next(&mut states).await, "connecting");
    let mut link = platform.accept_worker().await;
    assert_eq!(next(&mut states).await, "connected");
    serves(&mut link).await;
    within(async { tokio::join!(worker.handle().stop(), link.closed()) }).await;
    assert_eq!(next(&mut states).await, "disconnected");
}

#[tokio::test]
async fn only_a_worker_that_was_superseded_waits_longer_each_time() {
    keep_links_here().await;
    for (code, attempts) in [(1000, [1, 2, 3]), (1001, [1, 1, 1]), (4001, [1, 1, 1])] {
        let platform = Platform::start().await;
        let worker = Worker::start(client(&platform.url(), &registry(tools![echo])));
        let mut states = states(worker.handle());
        for attempt in attempts {
            assert_eq!(next(&mut states).await, "connecting");
            let mut link = platform.accept_worker().await;
            assert_eq!(next(&mut states).await, "connected");
            serves(&mut link).await;
            // The session has to outlast the delay before it, which is a millisecond.
            tokio::time::sleep(Duration::from_millis(2)).await;
            link.close(code, "").await;
            assert_eq!(next(&mut states).await, format!("reconnecting {attempt} in 1ms"), "after {code}");
        }
    }
}

/// A client that gave up, checked to say so in its state as well.
async fn gave_up(worker: Worker) -> Error {
    let state = worker.reaches(ConnectionState::is_failed).await;
    let error = worker.ended().await.expect_err("it gave up");
    assert!(matches!(state, ConnectionState::Failed { reason, .. } if reason == with_causes(&error)));
    error
}

#[tokio::test]
async fn a_client_gives_up_after_as_many_attempts_as_the_policy_allows() {
    keep_links_here().await;
    let nowhere = Unreachable::start();
    let client = client(&nowhere.url(), &registry(tools![echo])).reconnect(quick().max_attempts(3));
    let mut client = client.build().expect("a valid client");
    let (handle, mut states) = (client.handle(), states(&client.handle()));
    let error = within(client.run_forever()).await.expect_err("there is nobody");
    assert_eq!(error.kind(), ErrorKind::RetriesExhausted);
    let cause = error.source().and_then(|cause| cause.downcast_ref::<Error>()).expect("why the last attempt failed");
    assert_eq!(cause.kind(), ErrorKind::Connection);
    assert!(handle.state().is_failed());
    let attempts = [1, 2, 3].map(|attempt| ["connecting".to_owned(), format!("reconnecting {attempt} in 1ms")]);
    for expected in attempts.into_iter().flatten().chain(["connecting".to_owned(), "failed".to_owned()]) {
        assert_eq!(next(&mut states).await, expected);
    }
}

async fn refuse(platform: &Platform) {
    let mut link = platform.accept().await;
    link.send(json!({"type": "error", "error": "unknown secret"})).await;
    link.close(1008, "unknown secret").await;
}

#[tokio::test]
async fn a_refusal_ends_a_client_whose_policy_says_so() {
    let platform = Platform::start().await;
    let client = client(&platform.url(), &registry(tools![echo])).reconnect(quick().on_refusal(OnRefusal::Fail));
    let worker = Worker::start(client);
    refuse(&platform).await;
    let error = gave_up(worker).await;
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.to_string().contains("unknown secret"), "{error}");
}

#[tokio::test]
async fn an_error_without_a_refusing_close_ends_no_client() {
    let platform = Platform::start().await;
    let client = client(&platform.url(), &registry(tools![echo])).reconnect(quick().on_refusal(OnRefusal::Fail));
    let _worker = Worker::start(client);
    for code in [1001, 1011, 1013] {
        let mut link = platform.accept_worker().await;
        link.send(json!({"type": "error", "error": "tool_register failed: the database is away"})).await;
        serves(&mut link).await;
        link.send(json!({"type": "error", "error": "not now"})).await;
        link.close(code, "").await;
    }
    serves(&mut platform.accept_worker().await).await;
}

#[tokio::test]
async fn a_refused_upgrade_ends_a_client_whose_policy_says_so() {
    for status in ["401 Unauthorized", "403 Forbidden"] {
        let platform = Platform::start().await;
        let client = client(&platform.url(), &registry(tools![echo])).reconnect(quick().on_refusal(OnRefusal::Fail));
        let worker = Worker::start(client);
        platform.refuse(status).await;
        let error = gave_up(worker).await;
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert!(error.to_string().contains(status), "{error}");
    }
}

#[tokio::test]
async fn a_refusal_is_retried_by_default() {
    let platform = Platform::start().await;
    let _worker = Worker::start(client(&platform.url(), &registry(tools![echo])));
    refuse(&platform).await;
    platform.refuse("401 Unauthorized").await;
    serves(&mut platform.accept_worker().await).await;
}

#[tokio::test]
async fn a_gateway_that_is_down_is_retried_even_where_refusals_are_final() {
    let platform = Platform::start().await;
    let client = client(&platform.url(), &registry(tools![echo])).reconnect(quick().on_refusal(OnRefusal::Fail));
    let _worker = Worker::start(client);
    platform.refuse("502 Bad Gateway").await;
    platform.refuse("503 Service Unavailable").await;
    serves(&mut platform.accept_worker().await).await;
}

#[tokio::test]
async fn every_close_of_the_platform_is_followed_by_a_new_socket() {
    let platform = Platform::start().await;
    let _worker = Worker::start(client(&platform.url(), &registry(tools![echo])));
    for (code, reason) in [(1000, "superseded by new connection"), (1001, "going away"), (1011, ""), (4001, "rotated")]
    {
        let mut link = platform.accept_worker().await;
        serves(&mut link).await;
        link.close(code, reason).await;
    }
    serves(&mut platform.accept_worker().await).await;
}

#[tokio::test]
async fn a_rotated_secret_is_read_from_its_file_at_the_next_dial() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("secret");
    std::fs::write(&file, "first\n").expect("it can be written");
    let platform = Platform::start().await;
    let _worker = Worker::start(client(&platform.url(), &registry(tools![echo])).secret(Secret::file(&file)));
    let link = platform.accept_worker().await;
    assert_eq!(link.header("authorization"), Some("Bearer first"));
    std::fs::write(&file, "second\n").expect("it can be written");
    link.close(4001, "secret rotated").await;
    let mut link = platform.accept_worker().await;
    assert_eq!(link.header("authorization"), Some("Bearer second"));
    serves(&mut link).await;
}

#[tokio::test]
async fn a_secret_provider_is_asked_at_every_dial_and_may_fail() {
    let answers = Arc::new(Mutex::new(vec![Ok("second"), Err("the vault is sealed"), Ok("first")]));
    let provider = Secret::provider(move || {
        let answer = answers.lock().expect("nobody panics with it").pop().expect("no more dials than that");
        async move { answer.map(str::to_owned) }
    });
    let platform = Platform::start().await;
    let _worker = Worker::start(client(&platform.url(), &registry(tools![echo])).secret(provider));
    let link = platform.accept_worker().await;
    assert_eq!(link.header("authorization"), Some("Bearer first"));
    link.close(4001, "secret rotated").await;
    let mut link = platform.accept_worker().await;
    assert_eq!(link.header("authorization"), Some("Bearer second"), "the failure in between was retried");
    serves(&mut link).await;
}

#[tokio::test]
async fn a_platform_that_never_answers_the_upgrade_is_given_up_in_time() {
    let platform = Platform::start().await;
    let client = client(&platform.url(), &registry(tools![echo])).connect_timeout(Duration::from_millis(50));
    let mut client = client.build().expect("a valid client");
    let handle = client.handle();
    let error = within(client.run_session()).await.expect_err("there is no answer");
    assert_eq!(error.kind(), ErrorKind::Connection);
    assert!(error.to_string().contains("50ms"), "{error}");
    assert_eq!(handle.state(), ConnectionState::Disconnected);
}

#[tokio::test]
async fn a_stop_ends_a_wait_for_the_next_attempt() {
    let nowhere = Unreachable::start();
    let client = client(&nowhere.url(), &registry(tools![echo])).reconnect(quick().base(FOR_EVER).max(FOR_EVER));
    let worker = Worker::start(client);
    worker.reaches(|state| matches!(state, ConnectionState::Reconnecting { attempt: 1, .. })).await;
    within(worker.handle().stop()).await;
    assert_eq!(worker.handle().state(), ConnectionState::Disconnected);
    worker.ended().await.expect("a stop is no failure");
}

#[tokio::test]
async fn a_stop_ends_a_dial_that_gets_no_answer() {
    let platform = Platform::start().await;
    let worker = Worker::start(client(&platform.url(), &registry(tools![echo])).connect_timeout(FOR_EVER));
    let _silent = platform.accept_tcp().await;
    within(worker.handle().stop()).await;
    worker.ended().await.expect("a stop is no failure");
}

/// Step of a handler.
#[derive(Debug, PartialEq)]
enum Step {
    Started,
    Dropped,
}

/// Wait for the test's word, and tell when given up.
#[tool]
async fn hold(go: &Notify, ended: &mpsc::UnboundedSender<Step>) -> i64 {
    struct Tell(mpsc::UnboundedSender<Step>);
    impl Drop for Tell {
        fn drop(&mut self) {
            let _ = self.0.send(Step::Dropped);
        }
    }
    let _ended = Tell(ended.clone());
    let _ = ended.send(Step::Started);
    go.notified().await;
    7
}

fn holding() -> (ToolRegistry, Arc<Notify>, mpsc::UnboundedReceiver<Step>) {
    let (go, (sender, ended)) = (Arc::new(Notify::new()), mpsc::unbounded_channel());
    let registry = ToolRegistry::new().with_shared_state(Arc::clone(&go)).with_state(sender);
    (registry.with_tools(tools![hold, echo]).expect("valid tools"), go, ended)
}

/// A worker that stops while a call of `hold` runs.
struct Stopping {
    platform: Platform,
    worker: Worker,
    link: Link,
    /// Ends the call.
    go: Arc<Notify>,
    stop: JoinHandle<()>,
}

impl Stopping {
    /// Begins a call and then a stop. The worker has begun to stop when it refuses a call.
    async fn begin() -> Self {
        let (registry, go, mut ended) = holding();
        let platform = Platform::start().await;
        let worker = Worker::start(client(&platform.url(), &registry));
        let mut link = platform.accept_worker().await;
        link.call("running", "hold", json!({})).await;
        assert_eq!(within(ended.recv()).await, Some(Step::Started));
        let stop = stop(&worker);
        for number in 0.. {
            let call_id = format!("new-{number}");
            link.call(&call_id, "echo", json!({"number": number})).await;
            let frame = link.next().await;
            assert_eq!(frame["call_id"], call_id, "{frame}");
            if frame["type"] == "tool_error" {
                break;
            }
        }
        Self { platform, worker, link, go, stop }
    }
}

#[tokio::test]
async fn a_stop_drains_and_closes_with_1000() {
    let Stopping { worker, mut link, go, stop, .. } = Stopping::begin().await;
    assert!(!stop.is_finished(), "a call still runs");
    go.notify_one();
    assert_eq!(link.result("running").await, 7);
    assert_eq!(link.closed().await, (1000, "client stop".to_owned()));
    within(stop).await.expect("a stop does not panic");
    assert_eq!(worker.handle().state(), ConnectionState::Disconnected);
    worker.ended().await.expect("a stop is no failure");
}

#[tokio::test]
async fn a_stop_before_the_run_leaves_nothing_to_run() {
    let platform = Platform::start().await;
    let mut client = client(&platform.url(), &registry(tools![echo])).build().expect("a valid client");
    within(client.handle().stop()).await;
    within(client.run_forever()).await.expect("a stop is no failure");
}

/// A worker that runs one call and has lost its socket; it would wait for ever to dial again.
async fn blinked(platform: Platform, limit: Duration) -> (Worker, Unreachable, Arc<Notify>) {
    let (registry, go, mut ended) = holding();
    let never = quick().base(FOR_EVER).max(FOR_EVER);
    let worker = Worker::start(client(&platform.url(), &registry).reconnect(never).drain_limit(limit));
    let mut link = platform.accept_worker().await;
    link.call("running", "hold", json!({})).await;
    assert_eq!(within(ended.recv()).await, Some(Step::Started));
    let port = platform.stop();
    link.kill();
    worker.reaches(|state| matches!(state, ConnectionState::Reconnecting { .. })).await;
    (worker, port, go)
}

fn stop(worker: &Worker) -> JoinHandle<()> {
    let handle = worker.handle().clone();
    tokio::spawn(async move { handle.stop().await })
}

#[tokio::test]
async fn a_stop_without_a_socket_dials_once_more_drains_and_delivers() {
    let (worker, port, go) = blinked(Platform::start().await, FOR_EVER).await;
    let platform = port.restart();
    let stop = stop(&worker);
    let mut link = platform.accept_worker().await;
    link.call("new", "echo", json!({"number": 1})).await;
    assert!(link.error("new").await.contains("stopping"));
    assert!(!stop.is_finished(), "a call still runs");
    go.notify_one();
    assert_eq!(link.result("running").await, 7);
    assert_eq!(link.closed().await, (1000, "client stop".to_owned()));
    within(stop).await.expect("a stop does not panic");
    worker.ended().await.expect("a stop is no failure");
}

#[tokio::test]
async fn a_stop_while_dialling_delivers_over_that_socket() {
    let (worker, port, go) = blinked(Platform::start().await, FOR_EVER).await;
    go.notify_one();
    let platform = port.restart();
    let first = stop(&worker);
    let wire = platform.accept_tcp().await;
    // Further stops neither shorten nor prolong the first.
    let second = stop(&worker);
    let cut = wire.cut();
    let mut link = Link::upgrade(wire, cut).await.expect("a WebSocket");
    link.registration().await;
    link.welcome().await;
    assert_eq!(link.result("running").await, 7);
    assert_eq!(link.closed().await, (1000, "client stop".to_owned()));
    for stop in [first, second] {
        within(stop).await.expect("a stop does not panic");
    }
}

#[tokio::test]
async fn a_stop_without_a_socket_ends_when_its_one_dial_fails_or_takes_too_long() {
    let (worker, port, _go) = blinked(Platform::start().await, FOR_EVER).await;
    within(stop(&worker)).await.expect("a stop does not panic");
    worker.ended().await.expect("a stop is no failure");

    let (worker, again, _go) = blinked(port.restart(), Duration::from_millis(50)).await;
    let platform = again.restart();
    let stop = stop(&worker);
    let _silent = platform.accept_tcp().await;
    within(stop).await.expect("a stop does not panic");
    worker.ended().await.expect("a stop is no failure");
}

#[tokio::test]
async fn a_socket_that_breaks_during_a_stop_is_followed_by_another_one_and_no_more() {
    let Stopping { platform, worker, link, go, stop } = Stopping::begin().await;
    link.kill();
    let mut link = platform.accept().await;
    link.registration().await;
    go.notify_one();
    while link.next().await["call_id"] != "running" {}
    link.kill();
    within(stop).await.expect("a stop does not panic");
    worker.ended().await.expect("a stop is no failure");
}

#[tokio::test]
async fn dropping_the_run_aborts_its_handlers_and_closes_the_socket() {
    let (registry, _go, mut ended) = holding();
    let platform = Platform::start().await;
    let mut client = client(&platform.url(), &registry).build().expect("a valid client");
    let handle = client.handle();
    let mut link = {
        let run = client.run_forever();
        let script = async {
            let mut link = platform.accept_worker().await;
            link.call("running", "hold", json!({})).await;
            assert_eq!(within(ended.recv()).await, Some(Step::Started));
            link
        };
        tokio::select! {
            _ = run => panic!("nobody stopped it"),
            link = script => link,
        }
    };
    assert_eq!(link.try_next().await, None, "the socket has ended");
    assert_eq!(within(ended.recv()).await, Some(Step::Dropped), "the client itself is still there");
    assert_eq!(handle.state(), ConnectionState::Disconnected);
    within(handle.stop()).await;
    drop(client);
}

/// Runs one session and returns why it ended.
async fn session(script: impl AsyncFnOnce(Link)) -> Disconnect {
    let platform = Platform::start().await;
    let mut client = client(&platform.url(), &registry(tools![echo])).build().expect("a valid client");
    let handle = client.handle();
    let run = client.run_session();
    let (ended, ()) = within(async { tokio::join!(run, async { script(platform.accept_worker().await).await }) }).await;
    assert_eq!(handle.state(), ConnectionState::Disconnected);
    ended.expect("there was a session")
}

#[tokio::test]
async fn a_session_tells_why_it_ended() {
    let closed = session(async |link: Link| link.close(4001, "rotated").await).await;
    assert!(
        matches!(&closed, Disconnect::Closed { code: Some(4001), reason, .. } if reason == "rotated"),
        "{closed:?}"
    );
    let refused = session(async |mut link: Link| {
        link.send(json!({"type": "error", "error": "no"})).await;
        link.close(1008, "no").await;
    });
    let refused = refused.await;
    assert!(matches!(&refused, Disconnect::Refused { error, .. } if error == "no"), "{refused:?}");
    let broken = session(async |link: Link| link.kill()).await;
    assert!(matches!(broken, Disconnect::Broken { .. }), "{broken:?}");
}

#[tokio::test]
async fn a_call_that_outlives_its_session_is_answered_in_the_next() {
    let (registry, go, mut ended) = holding();
    let platform = Platform::start().await;
    let mut client = client(&platform.url(), &registry).build().expect("a valid client");
    let first = async {
        let mut link = platform.accept_worker().await;
        link.call("c", "hold", json!({})).await;
        assert_eq!(within(ended.recv()).await, Some(Step::Started));
        link.close(1001, "going away").await;
    };
    within(async { tokio::join!(client.run_session(), first) }).await.0.expect("there was a session");
    go.notify_one();
    let second = async {
        let mut link = platform.accept_worker().await;
        assert_eq!(link.result("c").await, 7);
        link.close(1001, "going away").await;
    };
    within(async { tokio::join!(client.run_session(), second) }).await.0.expect("there was a session");
}
