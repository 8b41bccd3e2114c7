//! Measures what becomes of calls with idempotency keys while a gateway or a server fails: 200 workers, 500 calls a second or as many as
//! `CALLS_PER_SECOND` says, and callers that try again with the same key at another gateway.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use platools_tests::cluster::Installation;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use super::cpu::share;
use super::workers::{Workers, repeated};

/// The faults, by name.
pub(crate) const ALL: [&str; 6] = ["kill", "freeze", "stop", "roll", "nats", "postgres"];

const WORKERS: usize = 200;

/// The number of calls that begin in a second, unless the environment says otherwise.
const RATE: u32 = 500;

/// The time that a tool takes.
const TOOL_MS: u64 = 50;

/// A caller gives up after so long.
const PATIENCE: Duration = Duration::from_secs(150);

/// The wait before a caller tries again.
const RETRY: Duration = Duration::from_millis(200);

/// A call, as its caller saw it.
struct Seen {
    number: u64,
    worker: usize,
    begun: Instant,
    took: Duration,
    end: End,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// It has its result.
    Result,
    /// Its caller was told that its fate is not known.
    Unknown,
    /// Another error, which is not tried again.
    Refused,
    /// No answer came.
    Lost,
}

/// Callers that make calls until they are dropped.
struct Callers {
    http: reqwest::Client,
    gateways: Vec<String>,
    key: String,
    next: AtomicU64,
    /// The number of calls that have not ended.
    running: watch::Sender<u64>,
    seen: Mutex<Vec<Seen>>,
    refusals: Mutex<HashMap<String, u64>>,
}

/// Makes these faults one after the other, and prints what became of the calls.
pub(crate) async fn measure(faults: &[&str]) {
    let mut installation = Installation::start("load", 3).await;
    let gateways: Vec<_> = installation.gateways().iter().map(|gateway| gateway.url().to_owned()).collect();
    let balancer = installation.balancer().await;
    let _workers = Workers::start(&installation, &balancer.url(), WORKERS).await;
    let callers = Arc::new(Callers {
        http: reqwest::Client::builder().timeout(Duration::from_secs(35)).no_proxy().build().expect("a client"),
        gateways,
        key: installation.admin(1).key().to_owned(),
        next: AtomicU64::new(0),
        running: watch::Sender::new(0),
        seen: Mutex::default(),
        refusals: Mutex::default(),
    });
    for worker in 0..WORKERS {
        // Until the tool is known.
        while callers.call_until_it_ends(callers.next.fetch_add(1, Ordering::Relaxed), worker, Instant::now()).await
            != End::Result
        {
            sleep(RETRY).await;
        }
    }
    callers.refusals.lock().unwrap_or_else(PoisonError::into_inner).clear();
    println!("fault     calls  result unknown refused lost twice   p50     p99     max     back p50 back p99");
    for fault in std::iter::once(&"none").chain(faults) {
        let running = tokio::spawn(Arc::clone(&callers).call());
        sleep(Duration::from_secs(5)).await;
        let at = Instant::now();
        make(&mut installation, fault).await;
        sleep(Duration::from_secs(20)).await;
        running.abort();
        callers.settled().await;
        report(fault, at, &callers.take());
    }
    for (text, count) in callers.refusals.lock().unwrap_or_else(PoisonError::into_inner).iter() {
        println!("{count} x {text}");
    }
}

/// Makes a fault, and ends it.
async fn make(installation: &mut Installation, fault: &str) {
    match fault {
        "none" => {}
        "kill" => {
            installation.gateway_mut(2).kill().await;
            sleep(Duration::from_secs(15)).await;
            installation.gateway_mut(2).restart().await;
        }
        "freeze" => {
            installation.gateway(3).freeze();
            sleep(Duration::from_secs(20)).await;
            installation.gateway(3).thaw();
        }
        "stop" => {
            installation.gateway_mut(1).stop().await;
            sleep(Duration::from_secs(15)).await;
            installation.gateway_mut(1).restart().await;
        }
        "roll" => {
            for number in 1..=3 {
                installation.gateway_mut(number).restart().await;
                sleep(Duration::from_secs(10)).await;
            }
        }
        "nats" => installation.nats.restart().await,
        "postgres" => {
            installation.postgres.stop().await;
            sleep(Duration::from_secs(30)).await;
            installation.postgres.restart().await;
        }
        other => panic!("there is no fault {other}"),
    }
}

impl Callers {
    /// Begins calls until it is dropped, each in a task of its own.
    async fn call(self: Arc<Self>) {
        let rate = std::env::var("CALLS_PER_SECOND").map_or(RATE, |rate| rate.parse().expect("the rate is a number"));
        let mut ticks = interval(Duration::from_secs(1) / rate);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        loop {
            ticks.tick().await;
            let this = Arc::clone(&self);
            self.running.send_modify(|running| *running += 1);
            tokio::spawn(async move {
                let number = this.next.fetch_add(1, Ordering::Relaxed);
                let (worker, begun) = (usize::try_from(number).expect("a number") % WORKERS, Instant::now());
                let end = this.call_until_it_ends(number, worker, begun).await;
                let seen = Seen { number, worker, begun, took: begun.elapsed(), end };
                this.seen.lock().unwrap_or_else(PoisonError::into_inner).push(seen);
                this.running.send_modify(|running| *running -= 1);
            });
        }
    }

    /// Calls with the same key until there is an end.
    async fn call_until_it_ends(&self, number: u64, worker: usize, begun: Instant) -> End {
        let body = json!({"entityId": format!("w{worker}"), "arguments": {"number": number, "millis": TOOL_MS}, "timeoutMs": 30_000});
        let mut gateway = worker % self.gateways.len();
        while begun.elapsed() < PATIENCE {
            let request = self.http.post(format!("{}/v1/tools/work/call", self.gateways[gateway])).json(&body);
            let request = request.bearer_auth(&self.key).header("Idempotency-Key", format!("call-{number}"));
            let answer = async {
                let response = request.send().await?;
                let status = response.status().as_u16();
                Ok::<_, reqwest::Error>((status, response.json::<Value>().await?))
            };
            match answer.await {
                Ok((200, answer)) if answer["result"] == number => return End::Result,
                Ok((status, answer)) => {
                    let kind =
                        answer["code"].as_str().or(answer["error"]["code"].as_str()).unwrap_or("none").to_owned();
                    *self
                        .refusals
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .entry(format!("{status} {kind}"))
                        .or_default() += 1;
                    match status {
                        429 | 503 => {}
                        502 | 504 | 500 => return End::Unknown,
                        _ => return End::Refused,
                    }
                }
                // The gateway is gone, and with it the connection.
                Err(_) => {}
            }
            gateway = (gateway + 1) % self.gateways.len();
            sleep(RETRY).await;
        }
        End::Lost
    }

    /// Waits until all calls have ended.
    async fn settled(&self) {
        self.running.subscribe().wait_for(|running| *running == 0).await.expect("the sender is here");
    }

    fn take(&self) -> Vec<Seen> {
        std::mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn report(fault: &str, at: Instant, seen: &[Seen]) {
    let count = |end: End| seen.iter().filter(|call| call.end == end).count();
    let mut times: Vec<_> = seen.iter().filter(|call| call.end == End::Result).map(|call| call.took).collect();
    times.sort_unstable();
    // The first success of each worker among the calls that began after the fault, from the fault on.
    let mut back: HashMap<usize, Duration> = HashMap::new();
    for call in seen.iter().filter(|call| call.end == End::Result && call.begun >= at) {
        let time = call.begun + call.took - at;
        back.entry(call.worker).and_modify(|first| *first = (*first).min(time)).or_insert(time);
    }
    let mut back: Vec<_> = back.into_values().collect();
    back.sort_unstable();
    let numbers: std::collections::HashSet<_> = seen.iter().map(|call| call.number).collect();
    let twice = repeated().into_iter().filter(|number| numbers.contains(number)).count();
    let (p50, p99, max) = (share(&times, 0.5), share(&times, 0.99), share(&times, 1.0));
    println!(
        "{fault:9} {:6} {:6} {:7} {:7} {:4} {twice:5}   {p50:7.1?} {p99:7.1?} {max:7.1?} {:8.1?} {:8.1?}",
        seen.len(),
        count(End::Result),
        count(End::Unknown),
        count(End::Refused),
        count(End::Lost),
        share(&back, 0.5),
        share(&back, 0.99),
    );
}
