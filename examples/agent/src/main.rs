//! An agent in one process: it hosts a tool, holds a session on its gateway, and answers messages in a channel.
//!
//! `cargo run -p agent -- --once` starts a gateway, another worker and a second agent that asks one question, prints the question and the
//! answer, and ends. To use a gateway of your own, give it an entity's secret and an agent's key:
//!
//! ```sh
//! cargo run -p agent -- --url http://127.0.0.1:3100 --secret-file entity.secret --key-file agent.key
//! ```
//!
//! It answers `count ...` in the channel while some worker of the gateway has the tool `count_words`. SIGINT and SIGTERM stop it.

mod agent;
mod demo;

use std::path::PathBuf;

use clap::Parser;
use platools::Secret;

use agent::Config;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

#[derive(Parser)]
#[command(about = "An agent that hosts a tool, holds a session and talks in a channel.")]
struct Options {
    /// Answer one question on a gateway of its own, and end.
    #[arg(long)]
    once: bool,
    /// The gateway.
    #[arg(long, default_value = "http://127.0.0.1:3100")]
    url: String,
    /// The file with the secret of the entity that the tool belongs to.
    #[arg(long, default_value = "entity.secret")]
    secret_file: PathBuf,
    /// The file with the agent's key.
    #[arg(long, default_value = "agent.key")]
    key_file: PathBuf,
    /// The channel to talk in.
    #[arg(long, default_value = "general")]
    channel: String,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| "error".into());
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).finish();
    // The library for the gateway's Model Context Protocol logs whole messages, whatever the filter was meant for.
    lines.with(filter_fn(|record| !record.target().starts_with("rmcp"))).init();
    let options = Options::parse();
    if options.once {
        return demo::run(options.channel).await;
    }
    let config = Config {
        url: options.url,
        secret: Secret::file(options.secret_file),
        key: Secret::file(options.key_file),
        channel: options.channel,
    };
    agent::run(config, asked_to_stop()?).await
}

/// Waits for SIGINT or SIGTERM.
#[cfg(unix)]
fn asked_to_stop() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};

    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Waits for Ctrl-C.
#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "signals may fail elsewhere")]
fn asked_to_stop() -> std::io::Result<impl Future<Output = ()>> {
    Ok(async { drop(tokio::signal::ctrl_c().await) })
}
