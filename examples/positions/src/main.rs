//! A trading dashboard on the gateway's live feed: positions with profit and loss, limits that change, and 200 prices.
//!
//! `cargo run -p positions` starts the gateway, an application with positions and prices, and a web page at the port `--port`. A SQLite
//! file has the positions and the present prices; a file of the example has the moves of the prices. With `--once` the program connects as
//! a dashboard itself, prints the messages that it gets, and ends.
//!
//! The page's modules include the hook `useWebSocket` for applications with React or Preact: see `page/README.md`.

mod transcript;

use std::time::Duration;

use clap::Parser;
use positions::App;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Time between two steps of the prices.
const PACE: Duration = Duration::from_millis(250);

#[derive(Parser)]
#[command(about = "A trading dashboard on the gateway's live feed.")]
struct Options {
    /// Print what a dashboard is told, and end.
    #[arg(long)]
    once: bool,
    /// The port of the page.
    #[arg(long, default_value_t = 0)]
    port: u16,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| "error".into());
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).finish();
    // The library for the gateway's Model Context Protocol logs whole messages, whatever the filter was meant for.
    lines.with(filter_fn(|record| !record.target().starts_with("rmcp"))).init();
    let pace = if options.once { Duration::from_millis(20) } else { PACE };
    let app = App::start(options.port, pace).await?;
    if options.once {
        transcript::print(&app.dashboard_url().await?).await?;
    } else {
        println!("The dashboard is at {}; end with Ctrl-C.", app.page_url());
        tokio::signal::ctrl_c().await?;
        println!("\nstopping");
    }
    app.stop().await;
    Ok(())
}
