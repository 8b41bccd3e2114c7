//! Tests of calls whose worker disconnects, and of workers that keep replacing each other.

use std::time::Duration;

use platools_gateway::{CallSettings, Gateway, Role};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::metrics::scrape;
use crate::rpc_caller::RpcCaller;
use crate::support::{Answer, Caller, Dial, Worker, ended, gateway_with, within};

/// Every call may take this long, which is longer than any test.
const LONG: u64 = 600_000;

/// A gateway whose calls wait so many milliseconds for a worker to come back, and for a lost answer.
async fn gateway(worker_return: u64, lost_answer: u64) -> (Gateway, String, Caller) {
    let mut settings = CallSettings::default();
    settings.worker_return = Duration::from_millis(worker_return);
    settings.wait_for_lost_answer = Duration::from_millis(lost_answer);
    gateway_with(Gateway::builder().calls(settings)).await
}

/// A connection of a worker that sends its answers again.
fn dial(gateway: &Gateway, secret: &str) -> Dial {
    Dial::to(gateway, "/ws/sdk").secret(secret).header("platools-features", "progress, log")
}

/// A connection of this process.
async fn process(gateway: &Gateway, secret: &str, instance: &str) -> Worker {
    let mut worker = dial(gateway, secret).header("platools-instance", instance).welcomed().await;
    worker.register(&["work"]).await;
    worker
}

/// A call that this worker has.
async fn calling(caller: &Caller, worker: &mut Worker) -> (JoinHandle<Answer>, Value) {
    let call = caller.calling("work", json!({"timeoutMs": LONG}));
    (call, worker.expect("tool_call").await)
}

/// The answer to a call whose worker is lost, with these words.
fn is_lost(answer: &Answer, words: &str) {
    answer.is_problem(504, "worker_lost", false);
    assert!(answer.detail().contains(words) && answer.detail().ends_with("the call may have run"), "{answer:?}");
}

#[tokio::test]
async fn a_caller_is_told_when_its_worker_does_not_come_back() {
    let (gateway, secret, caller) = gateway(200, 100).await;
    let mut worker = dial(&gateway, &secret).welcomed().await;
    worker.register(&["work"]).await;
    let (call, _) = calling(&caller, &mut worker).await;
    drop(worker);
    is_lost(&ended(call).await, "did not come back with the answer within 200ms");
}

#[tokio::test]
async fn a_caller_over_a_socket_is_told_as_well() {
    let (gateway, secret, _) = gateway(200, 100).await;
    let mut worker = dial(&gateway, &secret).welcomed().await;
    worker.register(&["work"]).await;
    let mut rpc = RpcCaller::operator(&gateway, "u-1").await;
    let over_rpc = rpc.send("tools.call", json!({"name": "work", "arguments": {}, "timeoutMs": LONG})).await;
    worker.expect("tool_call").await;
    drop(worker);
    let error = rpc.failed(&over_rpc).await;
    assert_eq!(error["details"]["code"], "worker_lost", "{error}");
}

#[tokio::test]
async fn a_caller_is_told_soon_when_another_process_takes_its_workers_place() {
    let (gateway, secret, caller) = gateway(LONG, 50).await;
    let mut worker = process(&gateway, &secret, "a; host=web-1; pid=1").await;
    let (call, _) = calling(&caller, &mut worker).await;
    drop(worker);
    // Before its end is noticed, its place would count as taken from a process that lives.
    within(async {
        while gateway.connection_count() > 0 {
            tokio::task::yield_now().await
        }
    })
    .await;
    let _other = process(&gateway, &secret, "b; host=web-1; pid=2").await;
    is_lost(&ended(call).await, "another process took the worker's place");
}

#[tokio::test]
async fn a_process_that_comes_back_is_waited_for() {
    let (gateway, secret, caller) = gateway(LONG, 0).await;
    let mut worker = process(&gateway, &secret, "a").await;
    let (call, frame) = calling(&caller, &mut worker).await;
    drop(worker);
    let mut back = process(&gateway, &secret, "a").await;
    back.settle().await;
    back.answer(&frame, json!("late")).await;
    assert_eq!(ended(call).await.body["result"], "late");
}

#[tokio::test]
async fn a_worker_that_another_one_pushed_aside_is_waited_for() {
    let (gateway, secret, caller) = gateway(LONG, 0).await;
    let mut worker = process(&gateway, &secret, "a").await;
    let (call, frame) = calling(&caller, &mut worker).await;
    let mut newer = process(&gateway, &secret, "b").await;
    assert_eq!(worker.closed().await.0, 1000);
    drop(worker);
    newer.settle().await;
    // It dials once more, to deliver its answers.
    let mut back = process(&gateway, &secret, "a").await;
    back.answer(&frame, json!("delivered")).await;
    assert_eq!(ended(call).await.body["result"], "delivered");
}

#[tokio::test]
async fn a_caller_is_told_soon_when_its_worker_stops() {
    let (gateway, secret, caller) = gateway(LONG, 50).await;
    let mut worker = process(&gateway, &secret, "a").await;
    let (call, _) = calling(&caller, &mut worker).await;
    let close = CloseFrame { code: CloseCode::Normal, reason: "client stop".into() };
    worker.send_message(Message::Close(Some(close))).await.unwrap();
    is_lost(&ended(call).await, "stopped before it answered");
}

#[tokio::test]
async fn a_late_answer_is_kept_for_the_key_of_a_lost_call() {
    let (gateway, secret, caller) = gateway(100, 50).await;
    let mut worker = process(&gateway, &secret, "a").await;
    let named = || {
        let caller = caller.clone();
        let body = json!({"timeoutMs": LONG});
        tokio::spawn(async move { caller.send_with("/v1/tools/work/call", &[("idempotency-key", "k")], body).await })
    };
    let call = named();
    let frame = worker.expect("tool_call").await;
    drop(worker);
    is_lost(&ended(call).await, "did not come back");
    is_lost(&ended(named()).await, "did not come back");
    let mut back = process(&gateway, &secret, "a").await;
    back.answer(&frame, json!("kept")).await;
    back.settle().await;
    let again = within(async {
        loop {
            let answer = named().await.unwrap();
            if answer.status == 200 {
                break answer;
            }
        }
    });
    assert_eq!(again.await.body["result"], "kept");
}

#[tokio::test]
async fn admins_see_workers_that_take_each_others_place() {
    let (gateway, secret, _) = gateway(LONG, 50).await;
    let key = gateway.add_key(Role::Admin).await.unwrap();
    let admin = Caller::at(&gateway.url()).key(key.expose_secret());
    let mut links = Vec::new();
    for turn in 0..4 {
        links.push(process(&gateway, &secret, ["a; host=web-1; pid=1", "b; host=web-2; pid=2"][turn % 2]).await);
    }
    let listed = admin.get("/v1/workers").await.body;
    let worker = &listed["items"][0];
    assert_eq!(worker["instance"], json!({"id": "b", "host": "web-2", "pid": 2}), "{listed}");
    assert_eq!((&worker["address"], &worker["takeovers"]), (&json!("127.0.0.1"), &json!(3)), "{listed}");
    let figures = scrape(&admin).await;
    let takeovers: Vec<_> =
        figures.iter().filter(|(name, _)| name.starts_with("platools_worker_takeovers_total")).collect();
    assert!(matches!(takeovers[..], [(_, 3.0)]), "{takeovers:?}");
}
