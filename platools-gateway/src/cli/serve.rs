//! `serve`: runs a gateway on the data in a folder or in a PostgreSQL database.

use std::path::PathBuf;

use anyhow::ensure;
use clap::{Args, Command};
use platools_gateway::Gateway;
use platools_gateway::dev::MAIN_AGENT;
use platools_gateway::domain::agent_profile::{AgentKind, Profile};
use platools_gateway::settings::{SettingOrigins, Settings};

use super::flags::{AFTER_HELP, AllSections, SettingFlags, print_help};
use super::output::{say, say_once};
use super::unknown_variables;
use crate::logs;
use crate::otlp::SpanExporter;
use crate::signals::{Hangup, Signals};
use crate::systemd::SystemdNotifier;

#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct ServeArgs {
    #[command(flatten)]
    sources: SettingSources,
    /// Print help with all settings
    #[arg(long)]
    help_all: bool,
}

/// The sources of all settings.
#[derive(Debug, Args)]
pub(super) struct SettingSources {
    /// Configuration file. The environment goes before it, and flags before that
    #[arg(long, value_name = "FILE", env = "PLATOOLS_GATEWAY_CONFIG", hide_env = true)]
    config: Option<PathBuf>,
    #[command(flatten)]
    flags: SettingFlags<AllSections>,
}

impl SettingSources {
    /// The settings that the gateway runs with, and their sources.
    ///
    /// # Errors
    /// Like [`Settings::load`], or there is no folder for the data.
    pub(super) fn load(self) -> anyhow::Result<(Settings, SettingOrigins)> {
        let (settings, origins) = self.flags.load_with_origins(self.config.as_deref())?;
        ensure!(
            settings.data.is_some() || settings.database.url.is_some(),
            "say where to keep the data: `--data FOLDER`, PLATOOLS_GATEWAY_DATA, or `data` in the configuration file; or `--database URL` for a \
             PostgreSQL database"
        );
        Ok((settings, origins))
    }
}

pub(super) async fn run(options: ServeArgs, program: Command) -> anyhow::Result<()> {
    if options.help_all {
        return print_help(program, "serve");
    }
    let (settings, origins) = options.sources.load()?;
    let feed = logs::start(&settings.log)?;
    unknown_variables::warn_of_unknown(&program);
    let signals = Signals::listen(Hangup::Reload)?;
    let exporter = SpanExporter::start(&settings.otlp)?;
    let builder = exporter.observe(Gateway::builder().settings(settings.clone()).setting_origins(origins));
    let gateway = builder.logs(feed).start().await?;
    if settings.first_key {
        if let Some(key) = gateway.first_admin_key().await? {
            say_once("admin key", &key)?;
        }
    } else if !gateway.has_keys() {
        tracing::warn!("no key exists yet; add one with `platools-gateway key add --role admin`");
    }
    add_first_agent(&gateway, &settings).await?;
    say(&format!("listening on {}", gateway.url()))?;
    let systemd = SystemdNotifier::ready();
    let stopped = signals.run(gateway, || systemd.stopping(settings.stop_delay + settings.drain_limit)).await;
    // Every call has ended by now.
    exporter.close().await;
    Ok(stopped?)
}

/// Adds the agent `main` at the first start. It calls tools with the rights of its caller, and talks to operators and admins only.
async fn add_first_agent(gateway: &Gateway, settings: &Settings) -> anyhow::Result<()> {
    if !settings.first_agent {
        return Ok(());
    }
    let mut profile = Profile::default();
    profile.kind = settings.model.url.as_ref().map_or(AgentKind::Command, |_| AgentKind::Model);
    if let Some(agent) = gateway.add_first_agent(MAIN_AGENT, profile).await? {
        tracing::info!(agent.id = %agent.id, agent = agent.slug, "agent added; set `first_agent = false` to add none");
    }
    Ok(())
}
