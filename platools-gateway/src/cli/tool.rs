//! `tool`: lists the declared tools, and switches them off and on.

use clap::{Args, Subcommand};
use platools_gateway::dto::ToolDto;
use platools_gateway::tools::{Switch, ToolName};

use super::data_args::ProjectArgs;
use super::output::{ListArgs, say};

#[derive(Debug, Subcommand)]
pub(super) enum ToolCommand {
    /// List the tools, also those whose worker is away.
    List {
        /// The one environment to list, by slug or id. Default: all.
        #[arg(long, value_name = "ENVIRONMENT")]
        env: Option<String>,
        #[command(flatten)]
        listing: ListArgs,
    },
    /// Switch a tool on again.
    Enable(ToolSelector),
    /// Switch a tool off: calls of it are refused until it is switched on again, also after its worker has registered anew.
    Disable(ToolSelector),
}

/// Flags that select a tool.
#[derive(Debug, Args)]
pub(super) struct ToolSelector {
    /// Name of the tool.
    name: String,
    /// The entity, by slug or id, where several have a tool of that name.
    #[arg(long, value_name = "ENTITY")]
    entity: Option<String>,
    /// The environment, by slug or id. Default: development.
    #[arg(long, value_name = "ENVIRONMENT")]
    env: Option<String>,
}

/// The members that the list shows.
const MEMBERS: &[&str] = &["name", "entity", "environment", "enabled", "fingerprint", "changedAt"];

pub(super) async fn run(project: &ProjectArgs, command: ToolCommand) -> anyhow::Result<()> {
    match command {
        ToolCommand::List { env, listing } => {
            let tools = project.with(async |admin| admin.tools(env.as_deref()).await).await?;
            listing.print::<ToolDto>(tools, MEMBERS)
        }
        ToolCommand::Enable(which) => switch(project, which, Switch::On, "enabled").await,
        ToolCommand::Disable(which) => switch(project, which, Switch::Off, "disabled").await,
    }
}

async fn switch(project: &ProjectArgs, which: ToolSelector, switch: Switch, done: &str) -> anyhow::Result<()> {
    let which = ToolName { name: which.name, entity: which.entity, environment: which.env };
    let tool = project.with(async |admin| admin.switch_tool(&which, switch).await).await?;
    let (entity, environment) = (&tool.identity.entity, &tool.identity.environment);
    say(&format!("{done} the tool {} of {entity} in {environment}", which.name))
}
