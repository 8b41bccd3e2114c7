//! Measures an installation of three gateways with PostgreSQL and NATS: what becomes of calls while parts of it fail, and what a call to a worker
//! at another gateway costs. `tests/cluster/run` gives the servers:
//!
//! ```text
//! cargo build --release -p platools-gateway -p platools-tests --bin platools-gateway --bin cluster-load
//! tests/cluster/run target/release/cluster-load faults
//! tests/cluster/run target/release/cluster-load latency
//! tests/cluster/run target/release/cluster-load fleet 10000
//! ```

mod faults;
mod figures;
mod fleet;
mod latency;

#[tokio::main]
async fn main() {
    let words: Vec<_> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["faults"] => faults::measure(&faults::ALL).await,
        ["faults", names @ ..] => faults::measure(names).await,
        ["latency"] => latency::measure().await,
        ["fleet", count] => fleet::measure(count.parse().expect("the number of workers is a number")).await,
        _ => {
            eprintln!("usage: cluster-load faults [{}]... | latency | fleet WORKERS", faults::ALL.join("|"));
            std::process::exit(2);
        }
    }
}
