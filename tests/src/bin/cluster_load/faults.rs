//! Measures what becomes of calls with idempotency keys while a gateway or a server fails: 200 workers, 500 calls a second or as many as
//! `CALLS_PER_SECOND` says, and callers that try again with the same key at another gateway.

use std::time::Duration;

use platools_tests::cluster::{Installation, KeyedLoad, LoadEnd, LoadReport};
use tokio::time::sleep;

use super::figures::share;

/// The faults, by name.
pub(crate) const ALL: [&str; 6] = ["kill", "freeze", "stop", "roll", "nats", "postgres"];

const WORKERS: usize = 200;

/// The number of calls that begin in a second, unless the environment says otherwise.
const RATE: u32 = 500;

/// Makes these faults one after the other, and prints what became of the calls.
pub(crate) async fn measure(faults: &[&str]) {
    let rate = std::env::var("CALLS_PER_SECOND").map_or(RATE, |rate| rate.parse().expect("the rate is a number"));
    let mut installation = Installation::start("load", 3).await;
    let load = KeyedLoad::start(&installation, WORKERS, rate).await;
    println!("fault     calls  result unknown refused lost twice   p50     p99     max     back p50 back p99");
    for fault in std::iter::once(&"none").chain(faults) {
        let made = make(&mut installation, fault);
        print(fault, &load.during(Duration::from_secs(5), made, Duration::from_secs(20)).await);
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

fn print(fault: &str, report: &LoadReport) {
    let (times, back) = (report.times(), report.recovery_times());
    let [p50, p99, max] = [0.5, 0.99, 1.0].map(|part| share(&times, part));
    println!(
        "{fault:9} {:6} {:6} {:7} {:7} {:4} {:5}   {p50:7.1?} {p99:7.1?} {max:7.1?} {:8.1?} {:8.1?}",
        report.calls(),
        report.count(LoadEnd::Result),
        report.count(LoadEnd::Unknown),
        report.count(LoadEnd::Refused),
        report.count(LoadEnd::Lost),
        report.repeated().len(),
        share(&back, 0.5),
        share(&back, 0.99),
    );
    for (error, count) in &report.errors {
        println!("  {count} x {error}");
    }
}
