//! The command line: one file for each noun.

mod agent;
mod config;
mod dev;
mod entity;
mod environment;
mod folder;
mod key;
mod output;
mod serve;
mod token;
mod words;

use clap::{Parser, Subcommand};

use folder::Folder;

/// The gateway that platools workers dial out to.
#[derive(Debug, Parser)]
#[command(name = "platools-gateway", version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a gateway for development: loopback only, well-known secrets, data removed at exit.
    Dev(dev::Options),
    /// Run a gateway. The first start prints an admin key, once.
    Serve(serve::Options),
    /// Look at the settings of `serve`.
    #[command(subcommand)]
    Config(config::Command),
    /// Administer entities, which are what workers connect as. The gateway may be running.
    Entity {
        #[command(flatten)]
        folder: Folder,
        #[command(subcommand)]
        command: entity::Command,
    },
    /// Administer agents, which are who calls tools. The gateway may be running.
    Agent {
        #[command(flatten)]
        folder: Folder,
        #[command(subcommand)]
        command: agent::Command,
    },
    /// Administer callers' keys. The gateway may be running.
    Key {
        #[command(flatten)]
        folder: Folder,
        #[command(subcommand)]
        command: key::Command,
    },
    /// Administer environments. The gateway may be running.
    Environment {
        #[command(flatten)]
        folder: Folder,
        #[command(subcommand)]
        command: environment::Command,
    },
    /// Sign callers' tokens, which are keys for a while that are stored nowhere. The gateway may be running.
    Token {
        #[command(flatten)]
        folder: Folder,
        #[command(subcommand)]
        command: token::Command,
    },
}

impl Cli {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        match self.command {
            Command::Dev(options) => dev::run(options).await,
            Command::Serve(options) => serve::run(options).await,
            Command::Config(command) => config::run(command),
            Command::Entity { folder, command } => entity::run(&folder, command).await,
            Command::Agent { folder, command } => agent::run(&folder, command).await,
            Command::Key { folder, command } => key::run(&folder, command).await,
            Command::Environment { folder, command } => environment::run(&folder, command).await,
            Command::Token { folder, command } => token::run(&folder, command).await,
        }
    }
}
