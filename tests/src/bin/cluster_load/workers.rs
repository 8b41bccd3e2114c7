//! [`Workers`]: many workers of this project's SDK, each of an entity of its own, that connect over a balancer and count what they run.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;

use platools::connection::ConnectionState;
use platools::{Error, PlatoolsClient, ToolRegistry, tool, tools};
use platools_tests::Worker;
use platools_tests::cluster::Installation;

/// The number of times that each call ran, by its argument.
static RUNS: LazyLock<Mutex<HashMap<u64, u32>>> = LazyLock::new(Mutex::default);

/// Count a call and return its number.
#[tool]
async fn work(number: u64, millis: u64) -> Result<u64, Error> {
    *RUNS.lock().unwrap_or_else(PoisonError::into_inner).entry(number).or_default() += 1;
    if millis > 0 {
        tokio::time::sleep(Duration::from_millis(millis)).await;
    }
    Ok(number)
}

/// The calls that ran more than once.
pub(crate) fn repeated() -> Vec<u64> {
    let runs = RUNS.lock().unwrap_or_else(PoisonError::into_inner);
    runs.iter().filter(|(_, times)| **times > 1).map(|(number, _)| *number).collect()
}

/// Workers that run.
pub(crate) struct Workers(pub(crate) Vec<Worker>);

impl Workers {
    /// Adds entities with the names `w0`, `w1` and so on, and connects a worker of each. Returns once all are connected.
    pub(crate) async fn start(installation: &Installation, url: &str, count: usize) -> Self {
        let mut workers = Vec::new();
        for number in 0..count {
            let secret = installation.add_named_entity(&format!("w{number}")).await;
            workers.push(Self::one(url, secret));
        }
        let workers = Self(workers);
        workers.connected().await;
        workers
    }

    /// Connects one worker.
    pub(crate) fn one(url: &str, secret: String) -> Worker {
        let registry = ToolRegistry::new().with_tools(tools![work]).expect("one tool");
        let client = PlatoolsClient::builder().url(url).secret(secret).registry(registry);
        Worker::start(client)
    }

    /// Waits until all are connected.
    pub(crate) async fn connected(&self) {
        for worker in &self.0 {
            let mut states = worker.handle().watch_state();
            let ready = states.wait_for(ConnectionState::is_connected);
            ready.await.expect("the worker runs");
        }
    }
}
