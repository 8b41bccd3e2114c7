//! Tests of calls whose worker disconnects: a call that was not sent moves to another link, and a call that was sent ends early.

use std::sync::Arc;
use std::time::Duration;

use futures::future::select_all;
use platools_gateway::domain::identity::Policy;
use platools_gateway::ports::call_observer::{BegunCall, CallObserver, EndedCall};
use platools_gateway::{Builder, CallSettings, Gateway, Role};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::support::{Answer, Caller, Dial, Worker, ended, gateway_with, within};

/// Calls of a test: more than the network holds for a worker that does not read.
const CALLS: usize = 12;

/// The arguments of the call with a number.
fn padded(number: usize) -> Value {
    json!({"arguments": {"number": number, "padding": "x".repeat(512 * 1024)}, "timeoutMs": 60_000})
}

/// A worker with one tool that reads nothing for now.
async fn slow_reader(gateway: &Gateway, secret: &str, features: &str) -> Worker {
    let dial = Dial::to(gateway, "/ws/sdk").secret(secret).header("platools-features", features);
    let mut worker = dial.narrow().welcomed().await;
    worker.register(&["work"]).await;
    worker
}

/// A worker with one tool.
async fn worker(gateway: &Gateway, secret: &str) -> Worker {
    let mut worker = Dial::to(gateway, "/ws/sdk").secret(secret).welcomed().await;
    worker.register(&["work"]).await;
    worker
}

/// A worker with one tool, which serves calls from its registration on.
async fn serving(gateway: &Gateway, secret: &str) -> Served {
    let mut worker = Dial::to(gateway, "/ws/sdk").secret(secret).welcomed().await;
    worker.declare(&["work"]).await;
    serve(worker)
}

/// The numbers of the calls that a worker served, in their order, once its socket has ended.
type Served = JoinHandle<Vec<usize>>;

/// Answers every call of a socket with its number until the socket ends.
fn serve(mut worker: Worker) -> Served {
    tokio::spawn(async move {
        let mut served = Vec::new();
        while let Some(text) = worker.next_text_if_any().await {
            let frame: Value = serde_json::from_str(&text).unwrap();
            if frame["type"] == "tool_call" {
                let number = frame["params"]["number"].as_u64().unwrap();
                served.push(usize::try_from(number).unwrap());
                let call_id = &frame["call_id"];
                let answer = json!({"type": "tool_result", "call_id": call_id, "result": number, "latency_ms": 1});
                if worker.try_send(&answer).await.is_err() {
                    break;
                }
            }
        }
        served
    })
}

/// Makes calls one after the other, all of which wait for a worker that does not read.
async fn calls_at(gateway: &Gateway, caller: &Caller) -> Vec<JoinHandle<Answer>> {
    let admin = gateway.add_key(Role::Admin).await.unwrap();
    let admin = Caller::at(&gateway.url()).key(admin.expose_secret());
    let mut calls = Vec::new();
    for number in 0..CALLS {
        calls.push(caller.calling("work", padded(number)));
        within(async { while in_flight(&admin).await <= number {} }).await;
    }
    calls
}

/// The calls that the workers of the project have.
async fn in_flight(admin: &Caller) -> usize {
    let workers = admin.get("/v1/workers").await.body;
    let in_flight = |worker: &Value| usize::try_from(worker["callsInFlight"].as_u64().unwrap()).unwrap();
    workers["items"].as_array().unwrap().iter().map(in_flight).sum()
}

/// Checks that the calls which one worker left went to another, in order and each to one of them, and succeeded there. Returns the number
/// of the calls that failed: it is not known of any of them whether it ran.
async fn moved(gateway: Gateway, calls: Vec<JoinHandle<Answer>>, from: Option<Served>, to: Served) -> usize {
    let mut lost = Vec::new();
    for (number, call) in calls.into_iter().enumerate() {
        let answer = ended(call).await;
        match answer.status {
            200 => assert_eq!(answer.body["result"], number, "{answer:?}"),
            _ => {
                answer.is_problem(504, "worker_lost", false);
                lost.push(number);
            }
        }
    }
    within(gateway.shutdown()).await;
    let to = within(to).await.unwrap();
    assert!(!to.is_empty() && to.is_sorted(), "{to:?}");
    assert!(!lost.iter().any(|number| to.contains(number)), "{lost:?} {to:?}");
    if let Some(from) = from {
        let from = within(from).await.unwrap();
        assert!(!from.iter().any(|number| to.contains(number)), "{from:?} {to:?}");
    }
    lost.len()
}

#[tokio::test]
async fn calls_that_wait_for_a_slow_reader_are_served_by_the_worker_that_takes_its_place() {
    let (gateway, secret, caller) = gateway_with(patient()).await;
    let older = slow_reader(&gateway, &secret, "").await;
    let calls = calls_at(&gateway, &caller).await;
    let newer = serving(&gateway, &secret).await;
    moved(gateway, calls, Some(serve(older)), newer).await;
}

#[tokio::test]
async fn calls_that_wait_while_a_secret_is_rotated_are_served_after_the_reconnect_with_the_new_secret() {
    let gateway = within(patient().start()).await.unwrap();
    let secret = gateway.add_entity("orders").await.unwrap();
    let key = gateway.add_key(Role::Admin).await.unwrap();
    let admin = Caller::at(&gateway.url()).key(key.expose_secret());
    let older = slow_reader(&gateway, secret.expose_secret(), "").await;
    let calls = calls_at(&gateway, &admin).await;
    let rotated = admin.post("/v1/entities/orders/rotate", json!({})).await;
    let secret = rotated.body["secret"].as_str().unwrap_or_else(|| panic!("{rotated:?}"));
    let older = serve(older);
    // The old link is gone, and the calls wait for the worker to come back.
    within(async {
        while gateway.connection_count() > 0 {
            tokio::task::yield_now().await
        }
    })
    .await;
    let newer = serving(&gateway, secret).await;
    moved(gateway, calls, Some(older), newer).await;
}

/// A pool, its secret, and an operator.
async fn pool() -> (Gateway, String, Caller) {
    let gateway = within(patient().start()).await.unwrap();
    let secret = gateway.core().local_admin().add_entity("pool", Policy::Pool).await.unwrap().secret;
    let key = gateway.add_key(Role::Operator).await.unwrap();
    let caller = Caller::at(&gateway.url()).key(key.expose_secret());
    (gateway, secret.expose_secret().to_owned(), caller)
}

#[tokio::test]
async fn calls_that_wait_for_a_member_of_a_pool_that_dies_are_served_by_the_others() {
    let (gateway, secret, caller) = pool().await;
    let killed = slow_reader(&gateway, &secret, "").await;
    let calls = calls_at(&gateway, &caller).await;
    let other = serving(&gateway, &secret).await;
    drop(killed);
    moved(gateway, calls, None, other).await;
}

#[tokio::test]
async fn calls_that_wait_for_a_worker_that_stops_are_served_by_another() {
    let (gateway, secret, caller) = pool().await;
    let mut leaving = slow_reader(&gateway, &secret, "drain").await;
    let calls = calls_at(&gateway, &caller).await;
    let other = serving(&gateway, &secret).await;
    leaving.send(json!({"type": "drain"})).await;
    assert_eq!(moved(gateway, calls, Some(serve(leaving)), other).await, 0);
}

#[tokio::test]
async fn a_call_that_is_made_while_its_worker_reconnects_succeeds() {
    let (setup, mut begun) = told_of_calls(patient());
    let (gateway, secret, caller) = gateway_with(setup).await;
    worker(&gateway, &secret).await.leave().await;
    let call = caller.calling("work", json!({"arguments": {"number": 7}}));
    within(begun.recv()).await.unwrap();
    serving(&gateway, &secret).await;
    let answer = ended(call).await;
    assert_eq!((answer.status, &answer.body["result"]), (200, &json!(7)), "{answer:?}");
}

#[tokio::test]
async fn a_call_right_after_a_restart_of_the_gateway_waits_for_its_worker_to_come_back() {
    let (setup, mut begun) = told_of_calls(patient());
    let (gateway, secret, caller) = gateway_with(setup).await;
    drop(worker(&gateway, &secret).await);
    let gateway = within(within(gateway.stop()).await.start()).await.unwrap();
    let caller = caller.moved_to(&gateway.url());
    let call = caller.calling("work", json!({"arguments": {"number": 7}}));
    within(begun.recv()).await.unwrap();
    serving(&gateway, &secret).await;
    assert_eq!(ended(call).await.status, 200);
}

#[tokio::test]
async fn a_call_that_waits_for_a_worker_can_be_cancelled() {
    let (setup, mut begun) = told_of_calls(patient());
    let (gateway, secret, caller) = gateway_with(setup).await;
    worker(&gateway, &secret).await.leave().await;
    let call = caller.calling("work", json!({"timeoutMs": 600_000}));
    let path = format!("/v1/calls/{}", within(begun.recv()).await.unwrap());
    within(async { while caller.send("DELETE", &path, "").await.status != 204 {} }).await;
    ended(call).await.is_problem(409, "cancelled", false);
}

#[tokio::test]
async fn of_a_pool_only_the_worker_that_has_a_call_is_told_that_it_was_given_up() {
    let (gateway, secret, caller) = pool().await;
    let mut others = Vec::new();
    for _ in 0..3 {
        others.push(slow_reader(&gateway, &secret, "cancel").await);
    }
    let call = caller.calling("work", json!({}));
    let first = others.iter_mut().map(|worker| Box::pin(worker.next_text()));
    let (frame, holder, _) = within(select_all(first)).await;
    let frame: Value = serde_json::from_str(&frame).unwrap();
    call.abort();
    let mut holder = others.remove(holder);
    assert_eq!(holder.expect("tool_cancel").await["call_id"], frame["call_id"]);
    for mut other in others {
        // Answers go before notices, so a notice would come before the second answer.
        other.settle().await;
        other.settle().await;
    }
}

/// Sends the id of every call that begins.
#[derive(Debug)]
struct Began(mpsc::UnboundedSender<String>);

impl CallObserver for Began {
    fn call_began(&self, call: &BegunCall<'_>) {
        self.0.send(call.call_id.to_string()).unwrap();
    }

    fn call_ended(&self, _: &EndedCall<'_>) {}
}

/// A gateway that also sends the ids of calls that begin.
fn told_of_calls(setup: Builder) -> (Builder, mpsc::UnboundedReceiver<String>) {
    let (began, begun) = mpsc::unbounded_channel();
    (setup.observe_calls(Arc::new(Began(began))), begun)
}

/// A gateway whose calls wait for workers for longer than any test takes.
fn patient() -> Builder {
    Gateway::builder().calls(settings(60, 2))
}

/// Settings with waits in seconds, for a worker and for a lost answer.
fn settings(worker: u64, lost_answer: u64) -> CallSettings {
    let mut settings = CallSettings::default();
    settings.wait_for_worker = Duration::from_secs(worker);
    settings.wait_for_lost_answer = Duration::from_secs(lost_answer);
    settings
}

#[tokio::test]
async fn without_a_wait_for_workers_a_call_fails_at_once() {
    let (gateway, secret, caller) = gateway_with(Gateway::builder().calls(settings(0, 2))).await;
    worker(&gateway, &secret).await.leave().await;
    within(caller.call("work", json!({}))).await.is_problem(503, "worker_offline", true);
}

#[tokio::test]
async fn a_call_without_a_deadline_in_sight_ends_early_when_its_worker_sends_no_answer_again() {
    let (gateway, secret, caller) = gateway_with(Gateway::builder().calls(settings(2, 1))).await;
    let mut plain = worker(&gateway, &secret).await;
    let call = caller.calling("work", json!({"timeoutMs": 600_000}));
    plain.expect("tool_call").await;
    drop(plain);
    let answer = ended(call).await;
    answer.is_problem(504, "worker_lost", false);
    assert!(answer.detail().contains("within 1s; the call may have run"), "{answer:?}");
}

#[tokio::test]
async fn a_worker_that_sends_its_answers_again_is_waited_for_longer_than_one_that_does_not() {
    let (gateway, secret, caller) = gateway_with(Gateway::builder().calls(settings(2, 0))).await;
    let mut modern = slow_reader(&gateway, &secret, "result-ack").await;
    let call = caller.calling("work", json!({"timeoutMs": 600_000}));
    let frame = modern.expect("tool_call").await;
    modern.leave().await;
    let mut plain = worker(&gateway, &secret).await;
    plain.answer(&frame, json!("late but there")).await;
    assert_eq!(ended(call).await.body["result"], "late but there");
}

#[tokio::test]
async fn a_result_that_is_too_large_ends_its_call_with_the_limit() {
    // More than the rest of the frame is read past the limit, and less.
    for bytes in [13 * 1024 * 1024, 10 * 1024 * 1024 + 1024] {
        let (gateway, secret, caller) = gateway_with(Gateway::builder()).await;
        let mut plain = worker(&gateway, &secret).await;
        let call = caller.calling("work", json!({"timeoutMs": 600_000}));
        let frame = plain.expect("tool_call").await;
        let answer =
            json!({"type": "tool_result", "call_id": frame["call_id"], "result": "x".repeat(bytes), "latency_ms": 1});
        // The gateway may close the socket before it has all of that.
        let _ = plain.try_send(&answer).await;
        let answer = ended(call).await;
        answer.is_problem(422, "tool_failed", false);
        assert!(answer.detail().contains("10 MiB"), "{}", answer.detail());
    }
}
