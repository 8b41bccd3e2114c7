//! Tests of several gateways as processes, with PostgreSQL and NATS. `tests/cluster/run` starts them.

#[path = "cluster/calls.rs"]
mod calls;
#[path = "cluster/failures.rs"]
mod failures;
#[path = "cluster/refusals.rs"]
mod refusals;

use std::time::Duration;

use platools::connection::{Jitter, Reconnect};
use platools::{PlatoolsClient, ToolRegistry, tool, tools};
use platools_tests::{Answer, Caller, Worker, within};
use serde_json::json;
use tokio::time::sleep;

/// Add two numbers.
#[tool]
async fn add(left: i64, right: i64) -> i64 {
    left + right
}

/// A worker with one tool, which is connected.
async fn worker(url: &str, secret: &str) -> Worker {
    let registry = ToolRegistry::new().with_tools(tools![add]).expect("one tool");
    let delay = Duration::from_millis(50);
    let reconnect = Reconnect::new().base(delay).max(delay).jitter(Jitter::None);
    let worker =
        Worker::start(PlatoolsClient::builder().url(url).secret(secret).registry(registry).reconnect(reconnect));
    worker.reaches(|state| state.is_connected()).await;
    worker
}

/// Calls the tool until it is known and has a worker.
async fn called(caller: &Caller, left: i64) -> Answer {
    let answer = async {
        loop {
            let answer = caller.call("add", json!({"left": left, "right": 1})).await;
            let code = answer.body["code"].as_str().unwrap_or_default();
            if !matches!(code, "unknown_tool" | "worker_offline") {
                return answer;
            }
            sleep(Duration::from_millis(50)).await;
        }
    };
    within(answer).await
}
