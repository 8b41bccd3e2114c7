//! [`LoadWorkers`]: many workers of this project's SDK, each of an entity of its own, that connect over a balancer and count what they run.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use platools::connection::ConnectionState;
use platools::{Error, PlatoolsClient, ToolRegistry, tool, tools};

use super::super::Installation;
use super::lock;
use crate::Worker;

/// The number of times that each call ran, by its number.
#[derive(Debug, Clone, Default)]
pub(super) struct Runs(Arc<Mutex<HashMap<u64, u32>>>);

impl Runs {
    /// The calls that ran more than once.
    pub(super) fn repeated(&self) -> Vec<u64> {
        lock(&self.0).iter().filter(|(_, times)| **times > 1).map(|(number, _)| *number).collect()
    }
}

/// Count a call and return its number.
#[tool]
async fn work(runs: &Runs, number: u64, millis: u64) -> Result<u64, Error> {
    *lock(&runs.0).entry(number).or_default() += 1;
    if millis > 0 {
        tokio::time::sleep(std::time::Duration::from_millis(millis)).await;
    }
    Ok(number)
}

/// Workers that run. Their entities are named `w0`, `w1` and so on, and their tool `work`.
#[derive(Debug, Default)]
pub struct LoadWorkers {
    workers: Vec<Worker>,
    runs: Runs,
}

impl LoadWorkers {
    /// Adds entities, and connects a worker of each. Returns once all are connected.
    pub async fn start(installation: &Installation, url: &str, count: usize) -> Self {
        let mut this = Self::default();
        for _ in 0..count {
            this.add(installation, url).await;
        }
        this.connected().await;
        this
    }

    /// Adds an entity, and starts a worker of it.
    ///
    /// # Panics
    /// The entity cannot be added.
    pub async fn add(&mut self, installation: &Installation, url: &str) {
        let secret = installation.add_named_entity(&format!("w{}", self.workers.len())).await;
        let registry = ToolRegistry::new().with_state(self.runs.clone()).with_tools(tools![work]).expect("one tool");
        let client = PlatoolsClient::builder().url(url).secret(secret).registry(registry);
        self.workers.push(Worker::start(client));
    }

    /// Waits until all are connected.
    ///
    /// # Panics
    /// One has ended.
    pub async fn connected(&self) {
        for worker in &self.workers {
            let mut states = worker.handle().watch_state();
            states.wait_for(ConnectionState::is_connected).await.expect("the worker runs");
        }
    }

    pub(super) fn runs(&self) -> &Runs {
        &self.runs
    }
}
