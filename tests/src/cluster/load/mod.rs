//! [`KeyedLoad`]: calls with idempotency keys over all gateways of an [`Installation`], while a part of it fails. Callers try again with the same
//! key at another gateway, and a [`LoadReport`] says what became of each call.

mod report;
mod workers;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use super::{Balancer, Installation};
use report::LoadCall;
pub use report::{LoadEnd, LoadReport};
pub use workers::LoadWorkers;

/// The time that a tool takes.
const TOOL_MS: u64 = 50;

/// The time after which a caller gives up.
const PATIENCE: Duration = Duration::from_secs(150);

/// The number of times that a caller tries again after a gateway stopped during its call.
const INTERRUPTIONS: u32 = 3;

/// The first wait before a caller tries again. The wait doubles.
const FIRST_RETRY: Duration = Duration::from_millis(200);

/// The longest wait before a caller tries again.
const LONGEST_RETRY: Duration = Duration::from_secs(5);

/// Callers, and the workers that they call.
#[derive(Debug)]
pub struct KeyedLoad {
    callers: Arc<Callers>,
    workers: LoadWorkers,
    calls_per_second: u32,
    _balancer: Balancer,
}

impl KeyedLoad {
    /// Starts workers behind a balancer, and waits until each was called.
    ///
    /// # Panics
    /// A worker cannot be started.
    pub async fn start(installation: &Installation, workers: usize, calls_per_second: u32) -> Self {
        let balancer = installation.balancer().await;
        let callers = Arc::new(Callers {
            http: reqwest::Client::builder().timeout(Duration::from_secs(35)).no_proxy().build().expect("a client"),
            gateways: installation.gateways().iter().map(|gateway| gateway.url().to_owned()).collect(),
            key: installation.admin(1).key().to_owned(),
            workers,
            next: AtomicU64::new(0),
            running: watch::Sender::new(0),
            ended: Mutex::default(),
            errors: Mutex::default(),
        });
        let workers = LoadWorkers::start(installation, &balancer.url(), workers).await;
        for worker in 0..callers.workers {
            // Until the tool is known.
            while callers.call(callers.next.fetch_add(1, Ordering::Relaxed), worker, Instant::now()).await
                != LoadEnd::Result
            {
                sleep(FIRST_RETRY).await;
            }
        }
        lock(&callers.errors).clear();
        Self { callers, workers, calls_per_second, _balancer: balancer }
    }

    /// Makes calls for some time before a fault, during it, and for some time after it.
    pub async fn during(&self, before: Duration, fault: impl Future<Output = ()>, after: Duration) -> LoadReport {
        let beginning = tokio::spawn(Arc::clone(&self.callers).begin(self.calls_per_second));
        sleep(before).await;
        let fault_at = Instant::now();
        fault.await;
        sleep(after).await;
        beginning.abort();
        self.callers.settled().await;
        let calls = std::mem::take(&mut *lock(&self.callers.ended));
        let errors = std::mem::take(&mut *lock(&self.callers.errors));
        LoadReport::new(calls, fault_at, self.workers.runs(), errors)
    }
}

/// Callers that share a key of the gateway.
#[derive(Debug)]
struct Callers {
    http: reqwest::Client,
    gateways: Vec<String>,
    key: String,
    workers: usize,
    next: AtomicU64,
    /// The number of calls that have not ended.
    running: watch::Sender<u64>,
    ended: Mutex<Vec<LoadCall>>,
    errors: Mutex<HashMap<String, u64>>,
}

impl Callers {
    /// Begins calls until it is dropped, each in a task of its own.
    async fn begin(self: Arc<Self>, calls_per_second: u32) {
        let mut ticks = interval(Duration::from_secs(1) / calls_per_second);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        loop {
            ticks.tick().await;
            let this = Arc::clone(&self);
            self.running.send_modify(|running| *running += 1);
            tokio::spawn(async move {
                let number = this.next.fetch_add(1, Ordering::Relaxed);
                let (worker, begun) = (usize::try_from(number).expect("a number") % this.workers, Instant::now());
                let end = this.call(number, worker, begun).await;
                lock(&this.ended).push(LoadCall { number, worker, begun, took: begun.elapsed(), end });
                this.running.send_modify(|running| *running -= 1);
            });
        }
    }

    /// Calls with the same key until there is an end.
    async fn call(&self, number: u64, worker: usize, begun: Instant) -> LoadEnd {
        let body = json!({"entityId": format!("w{worker}"), "arguments": {"number": number, "millis": TOOL_MS}, "timeoutMs": 30_000});
        let mut gateway = worker % self.gateways.len();
        let mut retry = FIRST_RETRY;
        let mut interruptions = 0;
        while begun.elapsed() < PATIENCE {
            let request = self.http.post(format!("{}/v1/tools/work/call", self.gateways[gateway])).json(&body);
            let request = request.bearer_auth(&self.key).header("Idempotency-Key", format!("call-{number}"));
            let answer = async {
                let response = request.send().await?;
                let status = response.status().as_u16();
                Ok::<_, reqwest::Error>((status, response.json::<Value>().await?))
            };
            match answer.await {
                Ok((200, answer)) if answer["result"] == number => return LoadEnd::Result,
                Ok((status, answer)) => {
                    let code = answer["code"].as_str().unwrap_or("none");
                    let is_interrupted = code == "interrupted";
                    let detail = answer["detail"].as_str().unwrap_or_default();
                    *lock(&self.errors).entry(format!("{status} {code}: {detail}")).or_default() += 1;
                    match status {
                        // The gateway stopped while it made the call, or waited for one that made it: another one has the answer, or
                        // learns that there is none.
                        503 if is_interrupted && interruptions < INTERRUPTIONS => interruptions += 1,
                        503 | 504 if is_interrupted || answer["retryable"] != true => return LoadEnd::Unknown,
                        _ if answer["retryable"] == true => {}
                        _ => return LoadEnd::Refused,
                    }
                }
                // The gateway is gone, and with it the connection.
                Err(_) => {}
            }
            gateway = (gateway + 1) % self.gateways.len();
            sleep(retry).await;
            retry = LONGEST_RETRY.min(retry * 2);
        }
        LoadEnd::Lost
    }

    /// Waits until all calls have ended.
    async fn settled(&self) {
        self.running.subscribe().wait_for(|running| *running == 0).await.expect("the sender is here");
    }
}

/// Locks a mutex whose data no panic leaves half changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
