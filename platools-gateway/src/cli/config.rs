//! `config`: what `serve` would run with.

use anyhow::Context as _;
use clap::Subcommand;

use super::output::say;
use super::{serve, variables};
use crate::logs;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Check the configuration file, the environment and the flags of `serve`, also the certificate and the key if TLS is
    /// on, and print what they say together.
    Check(serve::Options),
}

pub(super) fn run(command: Command) -> anyhow::Result<()> {
    let Command::Check(options) = command;
    let settings = options.settings()?;
    // What is only warned of is in the log.
    logs::start(&settings.log)?;
    variables::warn_of_unknown();
    serve::builder(&settings)?.check_tls()?;
    say(toml::to_string(&settings).context("the settings cannot be printed")?.trim_end())
}
