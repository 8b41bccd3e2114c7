//! Measurement of two kinds of calls: to a worker at the gateway of the caller, and to a worker at another gateway. For each kind it prints
//! how long a call takes, and the processor time that a call costs each gateway and the NATS server.

use std::time::Duration;

use platools_tests::cluster::Installation;
use serde_json::json;
use tokio::time::Instant;

use super::cpu::{cpu_time, share};
use super::workers::Workers;

/// The calls of one figure, one after the other.
const CALLS: u32 = 2_000;

/// The figures of each kind, taken in turns.
const ROUNDS: usize = 5;

/// Prints the figures.
pub(crate) async fn measure() {
    let installation = Installation::start("latency", 2).await;
    let mut workers = Vec::new();
    for number in [1, 2] {
        let secret = installation.add_named_entity(&format!("w{number}")).await;
        workers.push(Workers::one(installation.gateway(number).url(), secret));
    }
    let workers = Workers(workers);
    workers.connected().await;
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    let key = installation.admin(1).key().to_owned();
    let url = format!("{}/v1/tools/work/call", installation.gateway(1).url());
    let processes = [
        ("caller's gateway", installation.gateway(1).id().expect("it runs")),
        ("other gateway", installation.gateway(2).id().expect("it runs")),
        ("nats-server", installation.nats.id().expect("it runs")),
    ];
    println!(
        "worker at  p50      p99      | processor time of each call: caller's gateway, other gateway, nats-server"
    );
    for round in 0..=ROUNDS {
        for (place, entity) in [("own", "w1"), ("other", "w2")] {
            let body = json!({"entityId": entity, "arguments": {"number": 1, "millis": 0}});
            let before = processes.map(|(_, process)| cpu_time(process));
            let mut times = Vec::new();
            for _ in 0..CALLS {
                let began = Instant::now();
                let answer = http.post(&url).bearer_auth(&key).json(&body).send().await.expect("an answer");
                assert_eq!(answer.status(), 200, "{:?}", answer.text().await);
                times.push(began.elapsed());
            }
            let after = processes.map(|(_, process)| cpu_time(process));
            times.sort_unstable();
            let each: Vec<Duration> =
                before.iter().zip(after).map(|(before, after)| (after - *before) / CALLS).collect();
            // The first round warms up.
            if round > 0 {
                println!("{place:9} {:7.0?} {:7.0?} | {each:.0?}", share(&times, 0.5), share(&times, 0.99));
            }
        }
    }
}
