//! The program `platools`. Its only command, `mcp-host`, hosts the tools of an MCP server as those of a worker.

mod mcp_host;

use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use platools_transport::install_crypto_provider;
use tracing::Level;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

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

/// Starts the log. Standard output is that of an MCP server, and the log goes where the server's log goes.
fn log_to_standard_error() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into());
    // Colours are noise in a file or a journal.
    let colours = std::io::stderr().is_terminal();
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colours).with_writer(std::io::stderr);
    // A layer, because a directive for one module of a library would win over one for all of it.
    lines.finish().with(filter_fn(|metadata| is_harmless(metadata.target(), *metadata.level()))).init();
}

/// True if a record repeats no secret and no payload, which the filter does not decide: the protocol's SDK logs messages that it
/// sends and receives, also in warnings, and other libraries log requests, URLs and frames below `warn`.
fn is_harmless(target: &str, level: Level) -> bool {
    match target.split("::").next().unwrap_or(target) {
        "rmcp" | "sse_stream" => false,
        "h2" | "hyper" | "reqwest" | "rustls" | "tokio_tungstenite" | "tungstenite" => level <= Level::WARN,
        _ => true,
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let Cli { command: Command::McpHost(options) } = Cli::parse();
    log_to_standard_error();
    // For the HTTP client of the protocol's SDK.
    install_crypto_provider();
    match mcp_host::run(options).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("platools: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_that_repeat_payloads_say_little_or_nothing() {
        assert!(!is_harmless("rmcp::service", Level::ERROR) && !is_harmless("sse_stream::stream", Level::WARN));
        assert!(
            is_harmless("tungstenite::protocol", Level::WARN) && !is_harmless("tungstenite::protocol", Level::INFO)
        );
        assert!(is_harmless("platools::link", Level::TRACE) && is_harmless("rmcp_like", Level::TRACE));
    }
}
