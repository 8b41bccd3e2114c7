//! `tool`: what workers declared, and which of it may be called.

use clap::{Args, Subcommand};
use platools_gateway::ports::time::rfc3339;
use platools_gateway::tools::{ListedTool, Switch, ToolName};
use serde::Serialize;

use super::folder::Place;
use super::output::{Listing, say};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List the tools, also those whose worker is away.
    List {
        /// The one environment to list, by slug or id. Default: all.
        #[arg(long, value_name = "ENVIRONMENT")]
        env: Option<String>,
        #[command(flatten)]
        listing: Listing,
    },
    /// Switch a tool on again.
    Enable(Which),
    /// Switch a tool off: calls of it are refused until it is switched on again, also after its worker has registered anew.
    Disable(Which),
}

/// The tool, where several have one name.
#[derive(Debug, Args)]
pub(super) struct Which {
    /// Name of the tool.
    name: String,
    /// The entity, by slug or id, where several have a tool of that name.
    #[arg(long, value_name = "ENTITY")]
    entity: Option<String>,
    /// The environment, by slug or id. Default: development.
    #[arg(long, value_name = "ENVIRONMENT")]
    env: Option<String>,
}

/// A line of the list.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    name: String,
    entity: String,
    environment: String,
    enabled: bool,
    fingerprint: String,
    changed_at: String,
}

pub(super) async fn run(place: &Place, command: Command) -> anyhow::Result<()> {
    match command {
        Command::List { env, listing } => {
            let tools = place.with(async |admin| admin.tools(env.as_deref()).await).await?;
            listing.print(tools.into_iter().map(row))
        }
        Command::Enable(which) => switch(place, which, Switch::On, "enabled").await,
        Command::Disable(which) => switch(place, which, Switch::Off, "disabled").await,
    }
}

async fn switch(place: &Place, which: Which, switch: Switch, done: &str) -> anyhow::Result<()> {
    let which = ToolName { name: which.name, entity: which.entity, environment: which.env };
    let tool = place.with(async |admin| admin.switch_tool(&which, switch).await).await?;
    let (entity, environment) = (&tool.identity.entity, &tool.identity.environment);
    say(&format!("{done} the tool {} of {entity} in {environment}", which.name))
}

fn row(tool: ListedTool) -> Row {
    Row {
        name: tool.declaration.name.clone(),
        entity: tool.identity.entity.clone(),
        environment: tool.identity.environment.clone(),
        enabled: tool.enabled,
        fingerprint: tool.fingerprint,
        changed_at: rfc3339(tool.changed_ms),
    }
}
