//! The command line: one file for each noun.

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
mod icon;
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

/// The gateway that platools workers dial out to.
#[derive(Debug, Parser)]
#[command(name = "platools-gateway", version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a gateway for development: loopback only, new secrets, data removed at exit.
    ///
    /// The secrets are printed. To keep them the same from run to run, set PLATOOLS_GATEWAY_DEV_SECRET,
    /// PLATOOLS_GATEWAY_DEV_ADMIN_KEY and PLATOOLS_GATEWAY_DEV_AGENT_KEY to at least 16 characters each.
    Dev(dev::Options),
    /// Run a gateway. The first start prints an admin key, once.
    Serve(serve::Options),
    /// Bridge a client of the Model Context Protocol that speaks over standard streams to a gateway.
    Mcp(mcp::Options),
    /// Look at the settings of `serve`.
    #[command(subcommand)]
    Config(config::Command),
    /// Copy the data into a file. The gateway may be running.
    Backup {
        #[command(flatten)]
        folder: Folder,
        #[command(flatten)]
        options: backup::BackupTo,
    },
    /// Put a backup in the place of the data. The gateway must be stopped.
    Restore {
        #[command(flatten)]
        folder: Folder,
        #[command(flatten)]
        options: backup::RestoreFrom,
    },
    /// Bring the data up to this program's version, which `serve` does as well. The gateway must be stopped.
    Upgrade {
        #[command(flatten)]
        folder: Folder,
    },
    /// Put the data from before the last upgrade back in place, for the program of before. The gateway must be stopped.
    Downgrade {
        #[command(flatten)]
        folder: Folder,
    },
    /// Administer projects, which see nothing of each other. The gateway may be running.
    Project {
        #[command(flatten)]
        folder: Folder,
        #[command(subcommand)]
        command: project::Command,
    },
    /// Administer entities, which are what workers connect as. The gateway may be running.
    Entity {
        #[command(flatten)]
        place: Place,
        #[command(subcommand)]
        command: entity::Command,
    },
    /// Administer agents, which are who calls tools. The gateway may be running.
    Agent {
        #[command(flatten)]
        place: Place,
        #[command(subcommand)]
        command: agent::Command,
    },
    /// Administer callers' keys. The gateway may be running.
    Key {
        #[command(flatten)]
        place: Place,
        #[command(subcommand)]
        command: key::Command,
    },
    /// Administer environments. The gateway may be running.
    Environment {
        #[command(flatten)]
        place: Place,
        #[command(subcommand)]
        command: environment::Command,
    },
    /// List administrative changes, sign-ins and refusals. The gateway may be running.
    Audit {
        #[command(flatten)]
        place: Place,
        #[command(subcommand)]
        command: audit::Command,
    },
    /// List tools, and switch them off and on. The gateway may be running.
    Tool {
        #[command(flatten)]
        place: Place,
        #[command(subcommand)]
        command: tool::Command,
    },
    /// Administer tokens, which are short-lived signed keys (JWT). The gateway may be running.
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
