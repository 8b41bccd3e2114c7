//! `config`: checks and prints the settings with which `serve` would run.

use clap::{Command, Subcommand};
use platools_gateway::Gateway;

use super::output::say;
use super::{serve, unknown_variables};
use crate::logs;

#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Check the configuration file, the environment and the flags of `serve`, also the certificate and the key if TLS is
    /// on, and print the settings that they make together
    Check(serve::SettingSources),
}

pub(super) fn run(command: ConfigCommand, program: &Command) -> anyhow::Result<()> {
    let ConfigCommand::Check(sources) = command;
    let (settings, _) = sources.load()?;
    // Warnings are in the log.
    logs::start(&settings.log)?;
    unknown_variables::warn_of_unknown(program);
    let printed = settings.to_toml();
    Gateway::builder().settings(settings).check()?;
    say(printed.trim_end())
}
