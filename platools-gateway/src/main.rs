//! The gateway as a program.

mod cli;
mod signals;

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser as _;
use platools_gateway::Gateway;
use platools_gateway::core::Core;
use platools_gateway::core::identity::Policy;
use platools_gateway::dev::{self, DevOptions};
use secrecy::ExposeSecret as _;
use tracing_subscriber::EnvFilter;

use cli::{Cli, Command, EntityCommand};

#[tokio::main]
async fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,sqlx=warn"));
    // Standard output is for what a script reads.
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).init();
    match run(Cli::parse().command).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // With its causes, without a backtrace: what is wrong here is the address or the folder, not the program.
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Dev { listen } => run_dev(listen).await,
        Command::Serve { data, listen } => run_serve(&data, listen).await,
        Command::Entity { command: EntityCommand::Add { slug, data } } => add_entity(&data, &slug).await,
        Command::Entity { command: EntityCommand::List { data } } => list_entities(&data).await,
    }
}

async fn run_dev(listen: SocketAddr) -> anyhow::Result<()> {
    let signals = signals::Signals::listen()?;
    let gateway = dev::start(DevOptions::default().listen(listen)).await?;
    say(&[
        format!("listening on {}", gateway.url()),
        format!("entity     {}", dev::ENTITY),
        format!("secret     {}", dev::SECRET),
        format!("admin key  {}", dev::ADMIN_KEY),
        format!("agent      {}", dev::AGENT),
        format!("agent key  {}", dev::AGENT_KEY),
    ])?;
    signals.run(gateway).await
}

async fn run_serve(data: &Path, listen: SocketAddr) -> anyhow::Result<()> {
    let signals = signals::Signals::listen()?;
    let gateway = Gateway::builder().data_folder(data).listen(listen).start().await?;
    if let Some(key) = gateway.first_admin_key().await? {
        say(&[format!("admin key (shown only this once): {}", key.expose_secret())])?;
    }
    say(&[format!("listening on {}", gateway.url())])?;
    signals.run(gateway).await
}

async fn add_entity(data: &Path, slug: &str) -> anyhow::Result<()> {
    let core = Core::open_existing(data).await?;
    let secret = core.local_admin().add_entity(slug, Policy::Supersede).await?.secret;
    core.close().await;
    say(&[format!("secret of {slug} (shown only this once): {}", secret.expose_secret())])
}

async fn list_entities(data: &Path) -> anyhow::Result<()> {
    let core = Core::open_existing(data).await?;
    let lines: Vec<_> =
        core.local_admin().entities().into_iter().map(|entity| format!("{}  {}", entity.slug, entity.id)).collect();
    core.close().await;
    say(&lines)
}

/// Prints lines at once, also into a pipe.
fn say(lines: &[String]) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    lines.iter().try_for_each(|line| writeln!(out, "{line}")).and_then(|()| out.flush()).context("cannot print")
}
