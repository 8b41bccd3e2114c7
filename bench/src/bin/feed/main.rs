//! Tests the live feed under load: many dashboards show values that change all the time.
//!
//! One process is the gateway and publishes; a second process plays all dashboards. At the end every dashboard must have the last value of
//! each key that its agent watches. It must have got each update at most once, in order, only of watched keys, and in no more than one
//! batch per tick. The memory of the gateway must not have grown. The program prints each rule that is broken and then fails. `README.md`
//! says how to run it.

mod dashboards;
mod gateway;
mod memory;
mod publish;
mod report;

use clap::{Args, Parser, Subcommand, ValueEnum};

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
    /// Keys, which take turns.
    #[arg(long, default_value_t = 10)]
    keys: u64,
    /// Keys that each agent watches; all of them if not given.
    #[arg(long)]
    watched: Option<u64>,
    /// The way in which values find their dashboards.
    #[arg(long, value_enum, default_value_t = Addressing::Agent)]
    by: Addressing,
    /// Seconds.
    #[arg(long, default_value_t = 30)]
    seconds: u32,
}

/// The way in which values find their dashboards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Addressing {
    /// Each agent has values of its own: `publish_keyed` for each.
    Agent,
    /// Agents share values, and the feed knows who watches a key: `publish_value`.
    Key,
    /// Agents share values, and the application has its own index: `publish_keyed_to`.
    Index,
}

impl Load {
    /// The number of keys that each agent watches.
    fn watched(&self) -> u64 {
        self.watched.unwrap_or(self.keys).clamp(1, self.keys)
    }

    /// Updates of all keys in a second.
    fn updates_in_all(&self) -> u64 {
        u64::from(self.updates) * self.keys / self.watched()
    }

    /// The keys that an agent watches: spread so that every key has as many agents, or nearly.
    fn watched_keys(&self, agent: usize) -> Vec<u64> {
        let (first, stride) = (agent as u64 * self.watched(), self.keys / self.watched());
        let first = first / self.keys + first % self.keys / self.watched();
        (0..self.watched()).map(|number| (first + number * stride) % self.keys).collect()
    }
}

fn main() -> anyhow::Result<()> {
    // A thread for each of two cores, in both processes.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    match Options::parse().command {
        Command::Run(load) if load.by == Addressing::Agent && load.watched() != load.keys => {
            anyhow::bail!("`--watched` needs `--by key` or `--by index`: otherwise each agent has values of its own")
        }
        Command::Run(load) => runtime.block_on(gateway::run(load)),
        Command::Watch { url } => runtime.block_on(dashboards::run(&url)),
    }
}
