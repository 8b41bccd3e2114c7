//! `key`: adds, lists and revokes the keys of callers.

use std::time::Duration;

use clap::{Args, Subcommand};
use humantime::parse_duration;
use platools_gateway::Role;
use platools_gateway::admin::NewKey;
use platools_gateway::domain::identity::SpeaksFor;
use platools_gateway::dto::KeyDto;

use super::data_args::ProjectArgs;
use super::output::{Listing, say, say_once};
use super::value_parsers;

#[derive(Debug, Subcommand)]
pub(super) enum KeyCommand {
    /// Add a caller's key and print it, once.
    Add {
        /// Its name for people, which the list shows. Default: none.
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
        /// Role of the key. Each role includes the ones before it.
        #[arg(long, value_name = "ROLE", value_parser = value_parsers::role())]
        role: Role,
        /// The agent it belongs to, by slug or id.
        #[arg(long, value_name = "AGENT")]
        agent: Option<String>,
        /// A role it has in the eyes of tools; may be given several times.
        #[arg(long = "tool-role", value_name = "ROLE")]
        tool_roles: Vec<String>,
        #[command(flatten)]
        reach: Reach,
        /// Lifetime of the key, such as 90d. Default: until it is revoked.
        #[arg(long, value_name = "TIME", value_parser = parse_duration)]
        expires: Option<Duration>,
    },
    /// List the keys, oldest first, without their secrets.
    List(Listing),
    /// Revoke a key, with the tokens that were minted with it.
    Revoke {
        /// Id of the key.
        id: String,
    },
}

/// The members that the list shows.
const MEMBERS: &[&str] = &[
    "id",
    "name",
    "role",
    "toolRoles",
    "agentId",
    "speaksFor",
    "environments",
    "createdAt",
    "createdBy",
    "expiresAt",
    "lastUsedAt",
];

/// Flags for the users and the environments of a key or token.
#[derive(Debug, Args)]
pub(super) struct Reach {
    /// The users it may speak for: `anybody`, `nobody`, or their ids with commas between them. Default: nobody for viewers and
    /// agents, and else anybody.
    #[arg(long, value_name = "anybody|nobody|USER,...", value_parser = value_parsers::speaks_for)]
    pub(super) speaks_for: Option<SpeaksFor>,
    /// An environment it reaches, by slug or id; may be given several times. Default: all.
    #[arg(long = "env", value_name = "ENVIRONMENT")]
    environments: Vec<String>,
}

impl Reach {
    /// The environments that were given, if any were.
    pub(super) fn environments(&self) -> Option<Vec<String>> {
        Some(self.environments.clone()).filter(|environments| !environments.is_empty())
    }
}

pub(super) async fn run(project: &ProjectArgs, command: KeyCommand) -> anyhow::Result<()> {
    match command {
        KeyCommand::Add { name, role, agent, tool_roles, reach, expires } => {
            let environments = reach.environments();
            let new =
                NewKey { name, role, tool_roles, agent, speaks_for: reach.speaks_for, environments, ttl: expires };
            let added = project.with(async |admin| admin.add_key(new).await).await?;
            say_once(&format!("{role} key {}", added.new.id), &added.secret)
        }
        KeyCommand::List(listing) => {
            let keys = project.with(async |admin| Ok(admin.keys())).await?;
            listing.print::<KeyDto>(keys, MEMBERS)
        }
        KeyCommand::Revoke { id } => {
            project.with(async |admin| admin.revoke_key(&id).await).await?;
            say(&format!("revoked the key {id}"))
        }
    }
}
