//! [`Cli`]: the command line of `platools-gateway`. Each command, such as `agent`, has a file of its name.

mod agent;
mod audit;
mod backup;
mod cluster;
mod config;
mod credential_args;
mod data_args;
mod database;
mod dev;
#[cfg(test)]
mod documentation_test;
mod entity;
mod environment;
mod flags;
mod gateway_args;
mod key;
mod mcp;
mod output;
mod project;
mod serve;
mod token;
mod tool;
mod unknown_variables;
mod value_parsers;

use clap::{CommandFactory as _, Parser, Subcommand};

use data_args::{DataArgs, ProjectArgs};

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
    Dev(dev::DevArgs),
    /// Run a gateway. The first start prints an admin key once.
    Serve(serve::ServeArgs),
    /// Connect a client of the Model Context Protocol over standard streams to a gateway.
    Mcp(mcp::McpArgs),
    /// Check and print the settings of `serve`.
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Copy the data into a file.
    Backup {
        #[command(flatten)]
        data: DataArgs,
        #[command(flatten)]
        options: backup::BackupTo,
    },
    /// Replace the data by a backup. The gateway must be stopped.
    Restore {
        #[command(flatten)]
        data: DataArgs,
        #[command(flatten)]
        options: backup::RestoreFrom,
    },
    /// Upgrade the data to this version, as `serve` does. The gateway must be stopped.
    Upgrade {
        #[command(flatten)]
        data: DataArgs,
    },
    /// Restore the data from before the last upgrade, for the previous program. The gateway must be stopped.
    Downgrade {
        #[command(flatten)]
        data: DataArgs,
    },
    /// Move the data to a PostgreSQL database.
    #[command(subcommand)]
    Database(database::DatabaseCommand),
    /// Show the gateways of an installation.
    #[command(subcommand)]
    Cluster(cluster::ClusterCommand),
    /// Administer projects, which are isolated from each other.
    Project {
        #[command(flatten)]
        data: DataArgs,
        #[command(subcommand)]
        command: project::ProjectCommand,
    },
    /// Administer entities, the names under which workers connect.
    Entity {
        #[command(flatten)]
        project: ProjectArgs,
        #[command(subcommand)]
        command: entity::EntityCommand,
    },
    /// Administer agents, which answer messages with the connected tools.
    Agent {
        #[command(flatten)]
        project: ProjectArgs,
        #[command(subcommand)]
        command: agent::AgentCommand,
    },
    /// Administer keys of callers.
    Key {
        #[command(flatten)]
        project: ProjectArgs,
        #[command(subcommand)]
        command: key::KeyCommand,
    },
    /// Administer environments, such as development and production.
    Environment {
        #[command(flatten)]
        project: ProjectArgs,
        #[command(subcommand)]
        command: environment::EnvironmentCommand,
    },
    /// List administrative changes, sign-ins and refusals.
    Audit {
        #[command(flatten)]
        project: ProjectArgs,
        #[command(subcommand)]
        command: audit::AuditCommand,
    },
    /// List tools, and switch them off and on.
    Tool {
        #[command(flatten)]
        project: ProjectArgs,
        #[command(subcommand)]
        command: tool::ToolCommand,
    },
    /// Administer tokens, short-lived signed credentials (JWT).
    Token {
        #[command(flatten)]
        project: ProjectArgs,
        #[command(subcommand)]
        command: token::TokenCommand,
    },
}

impl Cli {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        match self.command {
            Command::Dev(options) => dev::run(options, Self::command()).await,
            Command::Serve(options) => serve::run(options, Self::command()).await,
            Command::Mcp(options) => mcp::run(options).await,
            Command::Config(command) => config::run(command, &Self::command()),
            Command::Backup { data, options } => backup::backup(&data, &options).await,
            Command::Restore { data, options } => backup::restore(&data, &options).await,
            Command::Upgrade { data } => backup::upgrade(&data).await,
            Command::Downgrade { data } => backup::downgrade(&data).await,
            Command::Database(command) => database::run(command).await,
            Command::Cluster(command) => cluster::run(command).await,
            Command::Project { data, command } => project::run(&data, command).await,
            Command::Entity { project, command } => entity::run(&project, command).await,
            Command::Agent { project, command } => agent::run(&project, command).await,
            Command::Key { project, command } => key::run(&project, command).await,
            Command::Environment { project, command } => environment::run(&project, command).await,
            Command::Audit { project, command } => audit::run(&project, command).await,
            Command::Tool { project, command } => tool::run(&project, command).await,
            Command::Token { project, command } => token::run(&project, command).await,
        }
    }
}
