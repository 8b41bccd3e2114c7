//! `agent`: adds, changes, lists and removes agents, which answer messages with the connected tools.

use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use clap::{Args, Subcommand};
use platools_gateway::admin;
use platools_gateway::domain::agent_profile::{AgentKind, MemberChange, Profile, ProfileChange};
use platools_gateway::dto::AgentDto;

use super::data_args::ProjectArgs;
use super::output::{ListArgs, say};
use super::value_parsers;

#[derive(Debug, Subcommand)]
pub(super) enum AgentCommand {
    /// Add an agent and print its id.
    Add {
        /// Name of the agent.
        slug: String,
        #[command(flatten)]
        given: GivenProfile,
        /// Id of the user who owns the agent and may watch it. Default: none.
        #[arg(long, value_name = "USER")]
        owner: Option<String>,
        #[command(flatten)]
        names: GivenNames,
    },
    /// Change an agent's names, profile or owner. Settings that are not given stay as they are; an empty text resets one.
    Change {
        /// Slug or id of the agent.
        slug: String,
        #[command(flatten)]
        given: GivenProfile,
        /// Let it call all the tools that its caller may call.
        #[arg(long, conflicts_with = "tool")]
        all_tools: bool,
        /// Id of the user who owns the agent and may watch it.
        #[arg(long, value_name = "USER")]
        owner: Option<String>,
        #[command(flatten)]
        names: GivenNames,
    },
    /// List the agents.
    List(ListArgs),
    /// Remove an agent, its keys and its conversations. Its tokens are no longer valid.
    Remove {
        /// Slug or id of the agent.
        slug: String,
    },
}

/// The names of an agent for others.
#[derive(Debug, Args)]
pub(super) struct GivenNames {
    /// Name of the agent for people, which other agents see as `displayName`. Default: none.
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,
    /// Address of the agent for other agents, such as that of its wallet. Default: its slug.
    #[arg(long, value_name = "ADDRESS")]
    address: Option<String>,
}

/// Options of an agent's profile.
#[derive(Debug, Args)]
pub(super) struct GivenProfile {
    /// Kind of the agent: `command` calls the tools that a message names, `model` thinks with a language model. Default: command.
    #[arg(long, value_name = "KIND", value_parser = value_parsers::kind())]
    kind: Option<AgentKind>,
    /// The model, by the name that its endpoint knows it by. Default: the one of `serve --model`.
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
    /// First message to the model. Default: none.
    #[arg(long, value_name = "TEXT")]
    system_prompt: Option<String>,
    /// File with the first message to the model.
    #[arg(long, value_name = "FILE", conflicts_with = "system_prompt")]
    system_prompt_file: Option<PathBuf>,
    /// Name of a tool that it may call; may be given several times. Default: all that its caller may call.
    #[arg(long, value_name = "NAME")]
    tool: Vec<String>,
    /// The environment of its tools, by slug or id. Default: development.
    #[arg(long, value_name = "ENVIRONMENT")]
    env: Option<String>,
}

/// The members that the list shows.
const MEMBERS: &str = "slug id title address profile.kind profile.model owner createdAt";

pub(super) async fn run(project: &ProjectArgs, command: AgentCommand) -> anyhow::Result<()> {
    match command {
        AgentCommand::Add { slug, given, owner, names: GivenNames { title, address } } => {
            let new = admin::NewAgent { profile: given.over(Profile::default())?, owner, title, address };
            let added = project.with(async |admin| admin.add_agent(&slug, new).await).await?;
            say(&format!("agent {slug}: {}", added.id))
        }
        AgentCommand::Change { slug, given, all_tools, owner, names: GivenNames { title, address } } => {
            // Read before the data is opened: a file that is not there is no matter of the data.
            let profile = given.read()?.change(all_tools);
            change(project, &slug, admin::AgentChange { profile, owner, title, address }).await
        }
        AgentCommand::List(listing) => {
            let agents = project.with(async |admin| Ok(admin.agents())).await?;
            listing.print::<AgentDto>(agents, MEMBERS)
        }
        AgentCommand::Remove { slug } => {
            project.with(async |admin| admin.remove_agent(&slug).await).await?;
            say(&format!("removed the agent {slug}"))
        }
    }
}

async fn change(project: &ProjectArgs, slug: &str, change: admin::AgentChange) -> anyhow::Result<()> {
    let texts = [&change.owner, &change.title, &change.address];
    ensure!(
        !change.profile.is_empty() || texts.iter().any(|text| text.is_some()),
        "say what changes: `--kind`, `--model`, `--system-prompt`, `--tool`, `--all-tools`, `--env`, `--owner`, `--title` or `--address`"
    );
    project.with(async |admin| admin.change_agent(slug, change).await).await?;
    say(&format!("changed the agent {slug}"))
}

impl GivenProfile {
    fn over(self, profile: Profile) -> anyhow::Result<Profile> {
        Ok(self.read()?.change(false).apply_to(profile))
    }

    /// Takes the system prompt from its file.
    fn read(mut self) -> anyhow::Result<Self> {
        if let Some(file) = self.system_prompt_file.take() {
            let text = std::fs::read_to_string(&file)
                .with_context(|| format!("the system prompt cannot be read from {}", file.display()))?;
            self.system_prompt = Some(text);
        }
        Ok(self)
    }

    /// The change of a profile. An empty text resets its member.
    fn change(self, all_tools: bool) -> ProfileChange {
        let text = |said: Option<String>| match said {
            None => MemberChange::Keep,
            Some(text) => Some(text).filter(|text| !text.is_empty()).into(),
        };
        let mut change = ProfileChange::default();
        change.kind = self.kind.map_or(MemberChange::Keep, MemberChange::To);
        change.model = text(self.model);
        change.system_prompt = text(self.system_prompt);
        change.environment = text(self.env);
        if all_tools {
            change.tools = MemberChange::Reset;
        } else if !self.tool.is_empty() {
            change.tools = MemberChange::To(self.tool);
        }
        change
    }
}
