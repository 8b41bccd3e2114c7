//! `key`: what callers send.

use std::time::Duration;

use clap::Subcommand;
use humantime::parse_duration;
use platools_gateway::Role;
use platools_gateway::core::admin::{self, NewKey};
use platools_gateway::core::clock::rfc3339;
use serde::Serialize;

use super::folder::Place;
use super::output::{Listing, say, say_once};
use super::words;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Add a caller's key and print it, once.
    Add {
        /// What it allows: each role includes the ones before it.
        #[arg(long, value_name = "ROLE", value_parser = words::role())]
        role: Role,
        /// The agent it belongs to, by slug or id.
        #[arg(long, value_name = "AGENT")]
        agent: Option<String>,
        /// A role it has in the eyes of tools; may be given several times.
        #[arg(long = "tool-role", value_name = "ROLE")]
        tool_roles: Vec<String>,
        /// How long it is good, such as 90d. Default: until it is revoked.
        #[arg(long, value_name = "TIME", value_parser = parse_duration)]
        expires: Option<Duration>,
    },
    /// List the keys, oldest first; not the keys themselves, which nobody has but their holders.
    List(Listing),
    /// Revoke a key.
    Revoke {
        /// Id of the key.
        id: String,
    },
}

/// One line of the list.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    id: String,
    role: &'static str,
    tool_roles: Vec<String>,
    agent_id: Option<String>,
    created_at: String,
    expires_at: Option<String>,
}

pub(super) async fn run(place: &Place, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Add { role, agent, tool_roles, expires } => {
            let new = NewKey { role, tool_roles, agent, ttl: expires };
            let added = place.with(async |admin| admin.add_key(new).await).await?;
            say_once(&format!("{role} key {}", added.new.id), &added.secret)
        }
        Command::List(listing) => {
            let keys = place.with(async |admin| Ok(admin.keys())).await?;
            listing.print(keys.into_iter().map(row))
        }
        Command::Revoke { id } => {
            place.with(async |admin| admin.revoke_key(&id).await).await?;
            say(&format!("revoked the key {id}"))
        }
    }
}

fn row(key: admin::Key) -> Row {
    Row {
        id: key.id.to_string(),
        role: key.role.as_str(),
        tool_roles: key.tool_roles,
        agent_id: key.agent_id.map(|id| id.to_string()),
        created_at: rfc3339(key.created_ms),
        expires_at: key.expires_ms.map(rfc3339),
    }
}
