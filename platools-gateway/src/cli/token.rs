//! `token`: keys for a while that are stored nowhere.

use std::time::Duration;

use clap::Subcommand;
use humantime::parse_duration;
use platools_gateway::Role;
use platools_gateway::core::admin::{NewToken, SignedToken};
use platools_gateway::core::clock::rfc3339;
use secrecy::ExposeSecret as _;

use super::folder::Place;
use super::output::say;
use super::words;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Sign a token for a caller. It cannot be revoked. `entity token` signs those of workers.
    Mint {
        /// What it allows: each role includes the ones before it.
        #[arg(long, value_name = "ROLE", value_parser = words::role())]
        role: Role,
        /// The user it speaks for.
        #[arg(long, value_name = "USER")]
        user: Option<String>,
        /// The agent it belongs to, by slug or id.
        #[arg(long, value_name = "AGENT")]
        agent: Option<String>,
        /// A role it has in the eyes of tools; may be given several times.
        #[arg(long = "tool-role", value_name = "ROLE")]
        tool_roles: Vec<String>,
        /// How long it is good, such as 1h; at most 366 days.
        #[arg(long, value_name = "TIME", value_parser = parse_duration)]
        ttl: Duration,
    },
}

pub(super) async fn run(place: &Place, command: Command) -> anyhow::Result<()> {
    let Command::Mint { role, user, agent, tool_roles, ttl } = command;
    let new = NewToken { role, tool_roles, user_id: user, agent, ttl };
    let signed = place.with(async |admin| admin.mint_token(new).await).await?;
    print(&format!("{role} token"), &signed)
}

/// Prints a token at the end of its line, so that a script can take it.
pub(super) fn print(what: &str, signed: &SignedToken) -> anyhow::Result<()> {
    say(&format!("{what}, good until {}: {}", rfc3339(signed.expires_ms), signed.token.expose_secret()))
}
