//! The live feed under load: many dashboards, each with values that change all the time.
//!
//! One process is the gateway and publishes, another one is all the dashboards. At the end every dashboard must have the last value of
//! each key, have seen none twice or out of order, have got no more than one batch a tick, and the gateway must not have grown. What
//! does not hold is told, and the program fails. See `README.md` for how to run it.

mod dashboards;
mod gateway;
mod memory;
mod report;

use clap::{Args, Parser, Subcommand};

#[derive(Parser)]
#[command(about)]
struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Measure and print figures.
    Run(Load),
    /// Be the dashboards; started by `run`.
    Watch { url: String },
}

/// How much of everything.
#[derive(Debug, Clone, Copy, Args)]
struct Load {
    /// Agents that are watched.
    #[arg(long, default_value_t = 2000)]
    agents: usize,
    /// Updates of each agent in a second.
    #[arg(long, default_value_t = 50)]
    updates: u32,
    /// Keys of each agent, which take turns.
    #[arg(long, default_value_t = 10)]
    keys: u64,
    /// Seconds.
    #[arg(long, default_value_t = 30)]
    seconds: u32,
}

fn main() -> anyhow::Result<()> {
    // A thread for each of two cores, in both processes.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    match Options::parse().command {
        Command::Run(load) => runtime.block_on(gateway::run(load)),
        Command::Watch { url } => runtime.block_on(dashboards::run(&url)),
    }
}
