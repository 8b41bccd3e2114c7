//! Measures calls per second over one socket, for the SDK's worker, the bare loop and the Python SDK.
//!
//! One process plays the platform and keeps a number of calls in flight; each worker is a process of its own that dials
//! it over loopback. All workers are connected from the start and take turns. So a machine that gets slower is slower for
//! all of them. See `README.md` for how to run it.

mod bare;
mod calls;
mod driver;
mod frames;
mod report;
mod tungstenite;
mod workers;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(about)]
struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Measure and print a table.
    Run(Run),
    /// Dial a driver as one of the workers; started by `run`.
    Worker { kind: workers::Kind, url: String },
    /// Make an exact number of calls to one worker, started by hand.
    Count(Count),
}

#[derive(clap::Args)]
struct Run {
    /// How often each figure is taken; the table shows medians.
    #[arg(long, default_value_t = 5)]
    repetitions: usize,
    /// How long each run lasts, in milliseconds.
    #[arg(long, default_value_t = 2000)]
    millis: u64,
    /// Measure these workers beside the bare loop.
    #[arg(long, value_delimiter = ',', default_value = "tungstenite,default,inline")]
    workers: Vec<workers::Kind>,
    /// Measure these loads: `add`, `await`, or the size of a text in KiB.
    #[arg(long, value_delimiter = ',', default_value = "add,4,64")]
    loads: Vec<driver::Load>,
    /// Keep so many calls in flight.
    #[arg(long, value_delimiter = ',', default_value = "1,16,256")]
    in_flight: Vec<usize>,
    /// The Python that has the package `platools`; without it the Python SDK is left out.
    #[arg(long)]
    python: Option<PathBuf>,
    /// Write the report here, too.
    #[arg(long)]
    write: Option<PathBuf>,
}

#[derive(clap::Args)]
struct Count {
    /// Listen here.
    #[arg(long, default_value = "127.0.0.1:7777")]
    address: String,
    /// The load, as for `run`.
    #[arg(long, default_value = "add")]
    load: driver::Load,
    /// Keep so many calls in flight.
    #[arg(long, default_value_t = 256)]
    in_flight: usize,
    /// Make so many calls.
    #[arg(long)]
    calls: usize,
}

fn main() -> anyhow::Result<()> {
    match Options::parse().command {
        Command::Run(run) => measure(run),
        Command::Worker { kind, url } => workers::run(kind, &url),
        Command::Count(Count { address, load, in_flight, calls }) => {
            runtime()?.block_on(driver::count(&address, load, in_flight, calls))
        }
    }
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

fn measure(run: Run) -> anyhow::Result<()> {
    let plan = driver::Plan {
        loads: run.loads,
        in_flight: run.in_flight,
        repetitions: run.repetitions,
        span: Duration::from_millis(run.millis),
    };
    let samples = runtime()?.block_on(async {
        let mut workers = vec![driver::Driven::start(workers::Kind::Bare, None).await?];
        for kind in run.workers {
            workers.push(driver::Driven::start(kind, None).await?);
        }
        if let Some(python) = &run.python {
            workers.push(driver::Driven::start(workers::Kind::Python, Some(python)).await?);
        }
        driver::measure(&mut workers, &plan).await
    })?;
    let report = report::markdown(&plan, &samples);
    println!("{report}");
    if let Some(path) = run.write {
        // The sections after it are other measurements.
        let old = std::fs::read_to_string(&path).unwrap_or_default();
        let others = old.find("\n## ").map_or("", |at| &old[at..]);
        std::fs::write(path, report + others)?;
    }
    Ok(())
}
