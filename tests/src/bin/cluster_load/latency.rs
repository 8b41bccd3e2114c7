//! Measures two kinds of calls: to a worker at the caller's gateway, and to a worker at another gateway. For both it prints the time of a
//! call, and the processor time that each process spends on it; and beside them the time of a request over the bus alone.

use std::time::Duration;

use platools_bus::nats::{NatsBus, NatsSettings};
use platools_bus::{Bus as _, Event, InboxBounds, Subject};
use platools_tests::cluster::{Installation, LoadWorkers};
use serde_json::json;
use tokio::time::Instant;

use super::figures::{cpu_time, share};

/// The calls of one figure, one after the other.
const CALLS: u32 = 2_000;

/// The figures of each kind, taken in turns.
const ROUNDS: usize = 5;

/// Prints the figures.
pub(crate) async fn measure() {
    let installation = Installation::start_without_bus_relays("latency", 2).await;
    let mut workers = LoadWorkers::default();
    for number in [1, 2] {
        workers.add(&installation, installation.gateway(number).url()).await;
    }
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
        for (place, entity) in [("own", "w0"), ("other", "w1")] {
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
                println!("{place:9} {} | {each:.0?}", percentiles(&times));
            }
        }
        let times = bus_requests(&installation.nats.url()).await;
        if round > 0 {
            println!("{:9} {}", "bus", percentiles(&times));
        }
    }
}

fn percentiles(times: &[Duration]) -> String {
    format!("{:5} us {:5} us", share(times, 0.5).as_micros(), share(times, 0.99).as_micros())
}

/// The sorted times of requests between two connections to a NATS server, with as many bytes as a call has.
async fn bus_requests(server: &str) -> Vec<Duration> {
    let settings = NatsSettings {
        servers: vec![server.to_owned()],
        installation: "latency".to_owned(),
        ..NatsSettings::default()
    };
    let connect = async || NatsBus::connect(&settings).await.expect("a connection");
    let (caller, responder) = (connect().await, connect().await);
    let subject = Subject::new("echo").expect("a subject");
    let mut requests = responder.subscribe(&subject, InboxBounds::default()).await.expect("a subscription");
    let answering = tokio::spawn(async move {
        while let Some(Event::Message(request)) = requests.next().await {
            if let Some(responder) = request.responder {
                responder.respond(request.payload);
            }
        }
    });
    let mut times = Vec::new();
    for _ in 0..CALLS {
        let began = Instant::now();
        let request = caller.request(&subject, vec![b'x'; 512].into(), Duration::from_secs(5));
        request.await.expect("a response");
        times.push(began.elapsed());
    }
    answering.abort();
    times.sort_unstable();
    times
}
