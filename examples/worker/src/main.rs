//! A worker as it runs in production. Its settings come from environment variables, and after SIGTERM or SIGINT it finishes its running
//! calls before it exits. `deploy/platools-worker@.service` runs it as a service.
//!
//! ```sh
//! PLATOS_URL=http://127.0.0.1:3100 PLATOS_SECRET_FILE=worker.secret cargo run -p worker
//! ```
//!
//! `cargo run -p worker -- --once` starts a gateway of its own, stops the worker during a call, shows that the caller still gets the
//! result, and ends.

mod demo;
mod tools;

use clap::Parser;
use platools::client::PlatoolsClientBuilder;
use platools::{Platools, tools};

use tools::Warehouse;

#[derive(Parser)]
#[command(about = "A worker with settings from the environment and a stop that finishes its calls.")]
struct Options {
    /// Show a stop in the middle of a call on a gateway of its own, and end.
    #[arg(long)]
    once: bool,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| if options.once { "error" } else { "info" }.into());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    if options.once {
        return demo::run().await;
    }
    let warehouse = Warehouse::default();
    hosting(Platools::from_env()?).state(warehouse).connect().await?;
    Ok(())
}

/// The client of the worker's tools.
fn hosting(client: PlatoolsClientBuilder) -> PlatoolsClientBuilder {
    client.tools(tools![tools::find_item, tools::pack_order])
}
