//! `project`: adds, lists and removes projects, which are isolated from each other.

use clap::Subcommand;
use platools_gateway::domain::project::{Project, ProjectName};
use serde::Serialize;

use super::data_args::DataArgs;
use super::output::{Listing, say};

#[derive(Debug, Subcommand)]
pub(super) enum ProjectCommand {
    /// Add a project with the usual environments and print its id. Its organization comes into being with its first project.
    Add {
        /// Name of the project, such as acme/shop.
        #[arg(value_name = "ORGANIZATION/PROJECT")]
        name: ProjectName,
    },
    /// List the projects.
    List(Listing),
    /// Remove a project with everything in it, and close its workers' sockets.
    Remove {
        /// Name of the project.
        #[arg(value_name = "ORGANIZATION/PROJECT")]
        name: ProjectName,
    },
}

/// A line of the list.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ProjectRow {
    organization: String,
    project: String,
    organization_id: String,
    project_id: String,
}

pub(super) async fn run(data: &DataArgs, command: ProjectCommand) -> anyhow::Result<()> {
    match command {
        ProjectCommand::Add { name } => {
            let added = data.with(async |core| core.local_projects().add(&name).await).await?;
            say(&format!("project {name}: {}", added.id))
        }
        ProjectCommand::List(listing) => {
            let projects = data.with(async |core| Ok(core.local_projects().list())).await?;
            listing.print(projects.into_iter().map(row))
        }
        ProjectCommand::Remove { name } => {
            data.with(async |core| core.local_projects().remove(&name).await).await?;
            say(&format!("removed the project {name}"))
        }
    }
}

fn row(Project { id, organization_id, name, .. }: Project) -> ProjectRow {
    ProjectRow {
        organization: name.organization,
        project: name.project,
        organization_id: organization_id.to_string(),
        project_id: id.to_string(),
    }
}
