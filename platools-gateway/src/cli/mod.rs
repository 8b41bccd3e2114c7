//! [`Cli`]: the command line, with a file for each noun.

mod agent;
mod audit;
mod backup;
mod config;
mod dev;
#[cfg(test)]
mod documented;
mod entity;
mod environment;
mod flags;
mod folder;
mod key;
mod mcp;
mod output;
mod project;
mod serve;
mod token;
mod tool;
mod variables;
mod words;

use clap::{Parser, Subcommand};

use folder::{Folder, Place};

/// The text below the help of the program.
const AFTER_HELP: &str = "Commands on data work while the gateway runs, unless they say otherwise.";

/// The gateway that platools workers connect to.
#[derive(Debug, Parser)]
#[command(name = "platools-gateway", version, term_width = 0, after_help = AFTER_HELP)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a gateway for development: loopback only, new secrets, data removed at exit.
    Dev(dev::Options),
    /// Run a gateway. The first start prints an admin key once.
    Serve(serve::Options),
    /// Connect a client of the Model Context Protocol over standard streams to a gateway.
    Mcp(mcp::Options),
    /// Check and print the settings of `serve`.
    #[command(subcommand)]
    Config(config::Command),
    /// Copy the data into a file.
    Backup {
        #[command(flatten)]
        folder: Folder,
        #[command(flatten)]
        options: backup::BackupTo,
    },
    /// Replace the data by a backup. The gateway must be stopped.
    Restore {
        #[command(flatten)]
        folder: Folder,
        #[command(flatten)]
        options: backup::RestoreFrom,
    },
    /// Upgrade the data to this version, as `serve` does. The gateway must be stopped.
    Upgrade {
        #[command(flatten)]
        folder: Folder,
    },
    /// Restore the data from before the last upgrade, for the previous program. The gateway must be stopped.
    Downgrade {
        #[command(flatten)]
        folder: Folder,
    },
    /// Administer projects, which are isolated from each other.
    Project {
        #[command(flatten)]
        folder: Folder,
        #[command(subcommand)]
        command: project::Command,
    },
    /// Administer entities, the names under which workers connect.
    Entity {
        #[command(flatten)]
        place: Place,
        #[command(subcommand)]
        command: entity::Command,
    },
    /// Administer agents, which answer messages with the connected tools.
    Agent {
        #[command(flatten)]
        place: Place,
        #[command(subcommand)]
        command: agent::Command,
    },
    /// Administer keys of callers.
    Key {
        #[command(flatten)]
        place: Place,
        #[command(subcommand)]
        command: key::Command,
    },
    /// Administer environments, such as development and production.
    Environment {
        #[command(flatten)]
        place: Place,
        #[command(subcommand)]
        command: environment::Command,
    },
    /// List administrative changes, sign-ins and refusals.
    Audit {
        #[command(flatten)]
        place: Place,
        #[command(subcommand)]
        command: audit::Command,
    },
    /// List tools, and switch them off and on.
    Tool {
        #[command(flatten)]
        place: Place,
        #[command(subcommand)]
        command: tool::Command,
    },
    /// Administer tokens, short-lived signed credentials (JWT).
    Token {
        #[command(flatten)]
        place: Place,
        #[command(subcommand)]
        command: token::Command,
    },
}

impl Cli {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        match self.command {
            Command::Dev(options) => dev::run(options).await,
            Command::Serve(options) => serve::run(options).await,
            Command::Mcp(options) => mcp::run(options).await,
            Command::Config(command) => config::run(command),
            Command::Backup { folder, options } => backup::backup(&folder, &options).await,
            Command::Restore { folder, options } => backup::restore(&folder, &options).await,
            Command::Upgrade { folder } => backup::upgrade(&folder).await,
            Command::Downgrade { folder } => backup::downgrade(&folder).await,
            Command::Project { folder, command } => project::run(&folder, command).await,
            Command::Entity { place, command } => entity::run(&place, command).await,
            Command::Agent { place, command } => agent::run(&place, command).await,
            Command::Key { place, command } => key::run(&place, command).await,
            Command::Environment { place, command } => environment::run(&place, command).await,
            Command::Audit { place, command } => audit::run(&place, command).await,
            Command::Tool { place, command } => tool::run(&place, command).await,
            Command::Token { place, command } => token::run(&place, command).await,
        }
    }
}
