//! `serve`: a gateway for real.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use platools_gateway::dev::MAIN_AGENT;
use platools_gateway::domain::profile::{Kind, Profile};
use platools_gateway::{Builder, Gateway};

use super::output::{say, say_once};
use super::variables;
use crate::logs;
use crate::otlp::Exporter;
use crate::settings::{Given, Settings, signing_keys};
use crate::signals::{Hangup, Signals};
use crate::supervisor::Supervisor;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Configuration file. The environment goes before it, and flags before that.
    #[arg(long, value_name = "FILE", env = "PLATOOLS_GATEWAY_CONFIG")]
    config: Option<PathBuf>,
    #[command(flatten)]
    given: Given,
}

impl Options {
    /// The settings that the gateway runs with.
    pub(super) fn settings(self) -> anyhow::Result<Settings> {
        Settings::load(self.given, self.config.as_deref())
    }
}

pub(super) async fn run(options: Options) -> anyhow::Result<()> {
    let settings = options.settings()?;
    let feed = logs::start(&settings.log)?;
    variables::warn_of_unknown();
    let signals = Signals::listen(Hangup::Reload)?;
    let exporter = Exporter::start(&settings.otlp)?;
    let builder = builder(&settings)?.signing_keys(signing_keys(settings.signing_key_file.clone())?);
    let gateway = exporter.observe(builder).logs(feed).start().await?;
    if settings.first_key {
        if let Some(key) = gateway.first_admin_key().await? {
            say_once("admin key", &key)?;
        }
    } else if !gateway.has_keys() {
        tracing::warn!("nobody has a key yet; `platools-gateway key add --role admin` makes one");
    }
    add_first_agent(&gateway, &settings).await?;
    say(&format!("listening on {}", gateway.url()))?;
    let supervisor = Supervisor::ready();
    signals.run(gateway, || supervisor.stopping(settings.stop_delay.get() + settings.drain_limit.get())).await?;
    // Every call has ended by now.
    exporter.close().await;
    Ok(())
}

/// Adds the agent `main` at the first start. It calls tools with the rights of its caller, and talks to operators and admins only.
async fn add_first_agent(gateway: &Gateway, settings: &Settings) -> anyhow::Result<()> {
    if !settings.first_agent {
        return Ok(());
    }
    let mut profile = Profile::default();
    profile.kind = settings.model.settings().map_or(Kind::Command, |_| Kind::Model);
    if let Some(agent) = gateway.add_first_agent(MAIN_AGENT, profile).await? {
        tracing::info!(agent.id = %agent.id, agent = agent.slug, "agent added; `first_agent = false` adds none");
    }
    Ok(())
}

/// The gateway that the settings describe.
///
/// # Errors
/// The application's secret for tokens of dashboards cannot be used.
pub(super) fn builder(settings: &Settings) -> anyhow::Result<Builder> {
    let builder = Gateway::builder()
        .data_folder(&settings.data)
        .listen(settings.listen)
        .stop_delay(settings.stop_delay.get())
        .drain_limit(settings.drain_limit.get())
        .worker_silence(settings.worker.silence.get())
        .worker_stall(settings.worker.stall.get())
        .calls(settings.calls.settings())
        .limits(settings.limits.clone())
        .journal(settings.journal.settings())
        .audit(settings.audit.settings())
        .idempotency(settings.idempotency.settings())
        .rpc(settings.rpc.settings())
        .feed(settings.feed.settings())
        .runtime(settings.runtime.settings())
        .http(settings.http.settings())
        .mcp(settings.mcp.settings())
        .chat(settings.chat.settings());
    let builder = settings.model.settings().into_iter().fold(builder, Builder::model);
    let builder = match settings.feed.dashboard_auth()? {
        Some(auth) => builder.dashboard_auth(Arc::new(auth)),
        None => builder,
    };
    Ok(match settings.tls.files() {
        Some((certificate, key)) => builder.tls(certificate, key),
        None => builder,
    })
}
