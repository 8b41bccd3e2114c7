//! The program `platools`.

mod mcp_host;
mod signals;

use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;

/// Workers for a platools gateway, and for every other platform that speaks its protocol.
#[derive(Debug, Parser)]
#[command(name = "platools", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Host the tools of an MCP server, so that every agent of a platform can call them.
    McpHost(mcp_host::Options),
}

#[tokio::main]
async fn main() -> ExitCode {
    let Cli { command: Command::McpHost(options) } = Cli::parse();
    // What an MCP server prints is its own; the log goes where its log goes.
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into());
    // The protocol's SDK logs what it sends and receives, and URLs with all that is in them.
    let filter = filter.add_directive("rmcp=off".parse().expect("it is a directive"));
    // Colours are noise in a file or a journal.
    let colours = std::io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colours).with_writer(std::io::stderr).init();
    // The HTTP client of the protocol's SDK has none of its own.
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        tracing::debug!("there is a provider of cryptography already");
    }
    match mcp_host::run(options).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("platools: {error:#}");
            ExitCode::FAILURE
        }
    }
}
