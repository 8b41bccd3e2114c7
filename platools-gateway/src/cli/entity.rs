//! `entity`: adds, lists and removes entities, under which workers connect, and signs tokens for their workers.

use std::time::Duration;

use clap::Subcommand;
use humantime::parse_duration;
use platools_gateway::admin;
use platools_gateway::domain::identity::Policy;
use platools_gateway::dto::EntityDto;

use super::data_args::ProjectArgs;
use super::output::{ListArgs, say, say_once};
use super::{token, value_parsers};

#[derive(Debug, Subcommand)]
pub(super) enum EntityCommand {
    /// Add an entity and print its secret, once.
    Add {
        /// Name of the entity.
        slug: String,
        /// Rule for several workers of the entity: a new one replaces the previous one, or all of them stay.
        #[arg(long, value_name = "POLICY", value_parser = value_parsers::policy(), default_value = Policy::default().as_str())]
        policy: Policy,
    },
    /// List the entities.
    List(ListArgs),
    /// Give an entity a new secret and print it, once.
    Rotate {
        /// Slug or id of the entity.
        slug: String,
        /// Time for which the old secret stays valid, such as 1h. Then sockets that were opened with it are closed.
        #[arg(long, value_name = "TIME", value_parser = parse_duration, default_value = "0s")]
        grace: Duration,
    },
    /// Remove an entity with its secrets and tools, and close its workers' sockets.
    Remove {
        /// Slug or id of the entity.
        slug: String,
    },
    /// Sign a token that a worker may use in place of the entity's secret. It ends with that secret, after a rotation.
    Token {
        /// Slug or id of the entity.
        slug: String,
        /// The only environment it opens, by slug or id. Default: all.
        #[arg(long, value_name = "ENVIRONMENT")]
        env: Option<String>,
        /// Its name for people, which `token list` shows. Default: none.
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
        /// Lifetime of the token, such as 1d; at most 366 days.
        #[arg(long, value_name = "TIME", value_parser = parse_duration)]
        ttl: Duration,
    },
}

/// The members that the list shows.
const MEMBERS: &[&str] = &["slug", "id", "policy", "createdAt"];

pub(super) async fn run(project: &ProjectArgs, command: EntityCommand) -> anyhow::Result<()> {
    match command {
        EntityCommand::Add { slug, policy } => {
            let added = project.with(async |admin| admin.add_entity(&slug, policy).await).await?;
            say_once(&format!("secret of {slug}"), &added.secret)
        }
        EntityCommand::List(listing) => {
            let entities = project.with(async |admin| Ok(admin.entities())).await?;
            listing.print::<EntityDto>(entities, MEMBERS)
        }
        EntityCommand::Rotate { slug, grace } => {
            let rotated = project.with(async |admin| admin.rotate_entity(&slug, grace).await).await?;
            say_once(&format!("new secret of {slug}"), &rotated.secret)
        }
        EntityCommand::Remove { slug } => {
            project.with(async |admin| admin.remove_entity(&slug).await).await?;
            say(&format!("removed the entity {slug}"))
        }
        EntityCommand::Token { slug, env, name, ttl } => {
            let new = admin::NewWorkerToken { name, environment: env, ttl };
            let mint = async |admin: admin::Admin<'_>| admin.mint_worker_token(&slug, new).await;
            token::print(&format!("token for workers of {slug}"), &project.with(mint).await?)
        }
    }
}
