//! `key`: adds, lists and revokes the keys of callers.

use std::time::Duration;

use clap::Subcommand;
use humantime::parse_duration;
use platools_gateway::admin::NewKey;
use platools_gateway::dto::KeyDto;

use super::credential_args::CredentialArgs;
use super::data_args::ProjectArgs;
use super::output::{ListArgs, say, say_once};

#[derive(Debug, Subcommand)]
pub(super) enum KeyCommand {
    /// Add a caller's key and print it, once.
    Add {
        #[command(flatten)]
        credential: CredentialArgs,
        /// Lifetime of the key, such as 90d. Default: until it is revoked.
        #[arg(long, value_name = "TIME", value_parser = parse_duration)]
        expires: Option<Duration>,
    },
    /// List the keys, oldest first, without their secrets.
    List(ListArgs),
    /// Revoke a key, with the tokens that were minted with it.
    Revoke {
        /// Id of the key.
        id: String,
    },
}

/// The members that the list shows.
const MEMBERS: &str = "id name role toolRoles agentId speaksFor environments createdAt createdBy expiresAt lastUsedAt";

pub(super) async fn run(project: &ProjectArgs, command: KeyCommand) -> anyhow::Result<()> {
    match command {
        KeyCommand::Add { credential, expires } => {
            let role = credential.role;
            let new = NewKey { credential: credential.into(), ttl: expires };
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
