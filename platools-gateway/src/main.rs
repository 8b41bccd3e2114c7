//! The gateway as a program.

mod cli;
mod signals;

use std::io;
use std::process::ExitCode;

use clap::Parser as _;
use tracing_subscriber::EnvFilter;

#[tokio::main]
async fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,sqlx=warn"));
    // Standard output is for what a script reads.
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).init();
    match cli::Cli::parse().run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // With its causes, without a backtrace: what is wrong here is the address or the folder, not the program.
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
