//! `agent`: who calls tools.

use clap::Subcommand;
use platools_gateway::core::admin;
use platools_gateway::core::agent::Profile;
use platools_gateway::core::clock::rfc3339;
use serde::Serialize;

use super::folder::Place;
use super::output::{Listing, say};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Add an agent and print its id.
    Add {
        /// Name of the agent.
        slug: String,
    },
    /// List the agents.
    List(Listing),
    /// Remove an agent and its keys. Its tokens are good for nothing any more.
    Remove {
        /// Slug or id of the agent.
        slug: String,
    },
}

/// One line of the list.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    slug: String,
    id: String,
    created_at: String,
}

pub(super) async fn run(place: &Place, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Add { slug } => {
            let added = place.with(async |admin| admin.add_agent(&slug, Profile::default()).await).await?;
            say(&format!("agent {slug}: {}", added.id))
        }
        Command::List(listing) => {
            let agents = place.with(async |admin| Ok(admin.agents())).await?;
            listing.print(agents.into_iter().map(row))
        }
        Command::Remove { slug } => {
            place.with(async |admin| admin.remove_agent(&slug).await).await?;
            say(&format!("removed the agent {slug}"))
        }
    }
}

fn row(agent: admin::Agent) -> Row {
    Row { slug: agent.slug, id: agent.id.to_string(), created_at: rfc3339(agent.created_ms) }
}
