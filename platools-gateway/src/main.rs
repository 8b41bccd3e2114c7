//! The program `platools-gateway`. `cli` has its commands.

mod bridge;
mod cli;
mod logs;
mod otlp;
mod signals;
mod systemd;

use std::process::ExitCode;

use clap::Parser as _;

#[tokio::main]
async fn main() -> ExitCode {
    match cli::Cli::parse().run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // With its causes, without a backtrace: what is wrong here is the address or the folder, not the program.
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
