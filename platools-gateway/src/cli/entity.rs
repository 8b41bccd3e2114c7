//! `entity`: what workers connect as.

use std::time::Duration;

use anyhow::ensure;
use clap::{Args, Subcommand};
use humantime::parse_duration;
use platools_gateway::admin;
use platools_gateway::domain::identity::Policy;
use platools_gateway::ports::time::rfc3339;
use serde::Serialize;

use super::folder::Place;
use super::output::{Listing, say, say_once};
use super::{icon, token, words};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Add an entity and print its secret, once.
    Add {
        /// Name of the entity.
        slug: String,
        /// Rule for several workers of the entity: a new one replaces the previous one, or all of them stay.
        #[arg(long, value_name = "POLICY", value_parser = words::policy(), default_value = Policy::default().as_str())]
        policy: Policy,
        #[command(flatten)]
        card: GivenCard,
    },
    /// Change what people see of an entity. What is not said stays as it is; an empty text takes back what was said.
    Change {
        /// Slug or id of the entity.
        slug: String,
        #[command(flatten)]
        card: GivenCard,
    },
    /// List the entities.
    List(Listing),
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
        /// The one environment it is good for, by slug or id. Default: all.
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

/// Options of an entity's display data.
#[derive(Debug, Args)]
pub(super) struct GivenCard {
    /// Name for people, in 1 to 128 characters.
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,
    /// Its image: a URL that begins with https://, or a PNG, JPEG, SVG or WebP file of up to 24 kB, which is kept itself.
    #[arg(long, value_name = "URL|FILE")]
    icon: Option<String>,
}

/// A line of the list.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    slug: String,
    id: String,
    title: Option<String>,
    policy: &'static str,
    created_at: String,
}

pub(super) async fn run(place: &Place, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Add { slug, policy, card } => {
            let new = admin::NewEntity { policy, icon: icon::given(card.icon)?, title: card.title };
            let added = place.with(async |admin| admin.add_entity(&slug, new).await).await?;
            say_once(&format!("secret of {slug}"), &added.secret)
        }
        Command::Change { slug, card } => {
            ensure!(
                card.title.is_some() || card.icon.is_some(),
                "say what changes: `--title TEXT`, or `--icon URL|FILE`"
            );
            let change = admin::EntityChange { icon: icon::given(card.icon)?, title: card.title };
            place.with(async |admin| admin.change_entity(&slug, change).await).await?;
            say(&format!("changed the entity {slug}"))
        }
        Command::List(listing) => {
            let entities = place.with(async |admin| Ok(admin.entities())).await?;
            listing.print(entities.into_iter().map(row))
        }
        Command::Rotate { slug, grace } => {
            let rotated = place.with(async |admin| admin.rotate_entity(&slug, grace).await).await?;
            say_once(&format!("new secret of {slug}"), &rotated.secret)
        }
        Command::Remove { slug } => {
            place.with(async |admin| admin.remove_entity(&slug).await).await?;
            say(&format!("removed the entity {slug}"))
        }
        Command::Token { slug, env, name, ttl } => {
            let new = admin::NewWorkerToken { name, environment: env, ttl };
            let mint = async |admin: admin::Admin<'_>| admin.mint_worker_token(&slug, new).await;
            token::print(&format!("token for workers of {slug}"), &place.with(mint).await?)
        }
    }
}

fn row(entity: admin::Entity) -> Row {
    Row {
        slug: entity.slug,
        id: entity.id.to_string(),
        title: entity.title,
        policy: entity.policy.as_str(),
        created_at: rfc3339(entity.created_ms),
    }
}
