//! `environment`: adds, lists and removes environments, such as staging.

use clap::Subcommand;
use platools_gateway::admin::WhenInUse;
use platools_gateway::dto::EnvironmentDto;

use super::data_args::ProjectArgs;
use super::output::{ListArgs, say};

#[derive(Debug, Subcommand)]
pub(super) enum EnvironmentCommand {
    /// Add an environment and print its id.
    Add {
        /// Name of the environment.
        slug: String,
    },
    /// List the environments.
    List(ListArgs),
    /// Remove an environment with its tools. Its workers are disconnected.
    Remove {
        /// Name or id of the environment.
        environment: String,
        /// Removes it also if it has tools or agents. Workers that are connected to a running gateway have declared tools, as a rule.
        #[arg(long)]
        force: bool,
    },
}

/// The members that the list shows.
const MEMBERS: &[&str] = &["slug", "id"];

pub(super) async fn run(project: &ProjectArgs, command: EnvironmentCommand) -> anyhow::Result<()> {
    match command {
        EnvironmentCommand::Add { slug } => {
            let added = project.with(async |admin| admin.add_environment(&slug).await).await?;
            say(&format!("environment {slug}: {}", added.id))
        }
        EnvironmentCommand::Remove { environment, force } => {
            let when_in_use = if force { WhenInUse::Remove } else { WhenInUse::Refuse };
            project.with(async |admin| admin.remove_environment(&environment, when_in_use).await).await?;
            say(&format!("removed the environment {environment}"))
        }
        EnvironmentCommand::List(listing) => {
            let environments = project.with(async |admin| Ok(admin.environments())).await?;
            listing.print::<EnvironmentDto>(environments, MEMBERS)
        }
    }
}
