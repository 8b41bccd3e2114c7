//! Tests of workers as processes that get stop signals.
#![cfg(unix)]

use std::process::ExitStatus;
use std::time::Duration;

use platools_gateway::dev;
use platools_tests::{Caller, Link, Platform, Unreachable, within};
use serde_json::json;
use tokio::process::{Child, Command};
use tokio::time::Instant;

const SECRET: &str = "platos_agent_of_a_process";

/// A worker that runs as a process of its own.
struct Process(Child);

impl Process {
    fn start(url: &str, settings: &[(&str, &str)]) -> Self {
        Self::with_secret(url, SECRET, settings)
    }

    fn with_secret(url: &str, secret: &str, settings: &[(&str, &str)]) -> Self {
        let worker = Command::new(env!("CARGO_BIN_EXE_stopping"))
            .env_clear()
            .envs([("PLATOS_URL", url), ("PLATOS_SECRET", secret)])
            .envs(settings.iter().copied())
            .kill_on_drop(true)
            .spawn();
        Self(worker.expect("the program starts"))
    }

    async fn signal(&self, name: &str) {
        let pid = self.0.id().expect("it runs").to_string();
        let sent = within(Command::new("kill").args(["-s", name, &pid]).status()).await;
        assert!(sent.expect("the command kill").success());
    }

    async fn ended(&mut self) -> ExitStatus {
        within(self.0.wait()).await.expect("its end")
    }
}

/// A worker that a platform with extensions has accepted.
async fn accepted(platform: &Platform) -> Link {
    let mut link = platform.accept_worker().await;
    link.send(json!({"type": "welcome", "sdk_connection_id": "c-1", "features": ["progress", "drain"]})).await;
    link
}

/// Waits until the worker says that it stops.
async fn stops(link: &mut Link) {
    link.expect("drain").await;
}

#[tokio::test]
async fn a_signal_lets_a_call_end_and_delivers_its_result() {
    for (name, threads) in [("TERM", "0"), ("INT", "2")] {
        let platform = Platform::start().await;
        let mut process = Process::start(&platform.url(), &[("THREADS", threads)]);
        let mut link = accepted(&platform).await;
        link.call("1", "slow", json!({"millis": 3000})).await;
        link.expect("tool_progress").await;
        process.signal(name).await;
        stops(&mut link).await;
        assert_eq!(link.result("1").await, "delivered");
        assert_eq!(link.closed().await, (1000, "client stop".to_owned()));
        assert_eq!(process.ended().await.code(), Some(0), "{name}");
    }
}

#[tokio::test]
async fn a_second_signal_ends_the_process_at_once() {
    let platform = Platform::start().await;
    let mut process = Process::start(&platform.url(), &[]);
    let mut link = accepted(&platform).await;
    link.call("1", "slow", json!({"millis": 600_000})).await;
    link.expect("tool_progress").await;
    process.signal("TERM").await;
    stops(&mut link).await;
    process.signal("TERM").await;
    assert_eq!(process.ended().await.code(), Some(130));
}

#[tokio::test]
async fn a_worker_that_is_not_connected_ends_at_a_signal_at_once() {
    let platform = Unreachable::start();
    let mut process = Process::start(&platform.url(), &[]);
    // A signal ends a process that catches none yet, so it has to have dialled before.
    let platform = platform.restart();
    platform.refuse("503 Service Unavailable").await;
    let began = Instant::now();
    process.signal("TERM").await;
    assert_eq!(process.ended().await.code(), Some(0));
    assert!(began.elapsed() < Duration::from_secs(25), "no drain limit is waited for");
}

/// The end of a worker with this many threads, one of which a call blocks for ever.
async fn end_of_blocked(threads: &str) -> ExitStatus {
    let platform = Platform::start().await;
    let mut process = Process::start(&platform.url(), &[("THREADS", threads), ("DRAIN_LIMIT_MS", "1000")]);
    let mut link = accepted(&platform).await;
    link.call("1", "block", json!({})).await;
    link.expect("tool_progress").await;
    process.signal("TERM").await;
    process.ended().await
}

#[tokio::test]
async fn a_handler_that_blocks_the_only_thread_does_not_keep_the_process_from_ending() {
    assert_eq!(end_of_blocked("0").await.code(), Some(0));
}

#[tokio::test]
async fn a_handler_that_blocks_one_of_several_threads_does_not_keep_the_process_from_ending() {
    assert_eq!(end_of_blocked("2").await.code(), Some(0));
}

#[tokio::test]
async fn a_thread_that_outlives_its_call_does_not_keep_the_process_from_ending() {
    let platform = Platform::start().await;
    let mut process = Process::start(&platform.url(), &[("THREADS", "2")]);
    let mut link = accepted(&platform).await;
    link.call("1", "hold", json!({})).await;
    assert!(link.error("1").await.contains("did not finish within 100ms"));
    process.signal("TERM").await;
    stops(&mut link).await;
    assert_eq!(link.closed().await, (1000, "client stop".to_owned()));
    assert_eq!(process.ended().await.code(), Some(0));
}

/// Waits until the gateway has a worker with its tools.
async fn registered(caller: &Caller) {
    within(async { while !caller.tools().await.iter().any(|tool| tool["online"] == true) {} }).await;
}

#[tokio::test]
async fn a_caller_of_a_killed_worker_is_told_when_another_process_takes_its_place() {
    let gateway = within(dev::start(dev::DevOptions::with_known_secrets())).await.expect("there is a free port");
    let caller = Caller::new(gateway.url(), dev::ADMIN_KEY);
    let mut killed = Process::with_secret(&gateway.url(), dev::SECRET, &[]);
    registered(&caller).await;
    let call = tokio::spawn({
        let caller = caller.clone();
        async move { caller.call_within(600_000, "slow", json!({"millis": 600_000})).await }
    });
    within(async { while caller.get("/v1/workers").await.body["items"][0]["callsInFlight"] != 1 {} }).await;
    killed.signal("KILL").await;
    killed.ended().await;
    within(async {
        while gateway.connection_count() > 0 {
            tokio::task::yield_now().await
        }
    })
    .await;
    let _next = Process::with_secret(&gateway.url(), dev::SECRET, &[]);
    let answer = within(call).await.expect("no panic");
    answer.is_problem(504, "worker_lost");
    assert!(answer.detail().contains("another process took the worker's place"), "{answer:?}");
}
