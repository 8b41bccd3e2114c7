//! `project`: adds, lists and removes projects, which are isolated from each other.

use clap::Subcommand;
use platools_gateway::domain::project::ProjectName;
use platools_gateway::dto::ProjectDto;

use super::data_args::DataArgs;
use super::output::{ListArgs, say};

#[derive(Debug, Subcommand)]
pub(super) enum ProjectCommand {
    /// Add a project with the usual environments and print its id. Its organization comes into being with its first project.
    Add {
        /// Name of the project, such as acme/shop.
        #[arg(value_name = "ORGANIZATION/PROJECT")]
        name: ProjectName,
    },
    /// List the projects.
    List(ListArgs),
    /// Remove a project with everything in it, and close its workers' sockets.
    Remove {
        /// Name of the project.
        #[arg(value_name = "ORGANIZATION/PROJECT")]
        name: ProjectName,
    },
}

/// The members that the list shows.
const MEMBERS: &[&str] = &["organization", "project", "organizationId", "projectId"];

pub(super) async fn run(data: &DataArgs, command: ProjectCommand) -> anyhow::Result<()> {
    match command {
        ProjectCommand::Add { name } => {
            let added = data.with(async |core| core.local_projects().add(&name).await).await?;
            say(&format!("project {name}: {}", added.id))
        }
        ProjectCommand::List(listing) => {
            let projects = data.with(async |core| Ok(core.local_projects().list())).await?;
            listing.print::<ProjectDto>(projects, MEMBERS)
        }
        ProjectCommand::Remove { name } => {
            data.with(async |core| core.local_projects().remove(&name).await).await?;
            say(&format!("removed the project {name}"))
        }
    }
}
