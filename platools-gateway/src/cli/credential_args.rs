//! [`CredentialArgs`]: the command-line flags that describe a new key or token: its name, its role, its agent, and the users and
//! environments that it reaches.

use clap::Args;
use platools_gateway::Role;
use platools_gateway::admin::NewCredential;
use platools_gateway::domain::identity::SpeaksFor;

use super::value_parsers;

/// Flags for a key or token.
#[derive(Debug, Args)]
pub(super) struct CredentialArgs {
    /// Its name for people, which the list shows. Default: none.
    #[arg(long, value_name = "NAME")]
    pub(super) name: Option<String>,
    /// Its role. Each role includes the ones before it.
    #[arg(long, value_name = "ROLE", value_parser = value_parsers::role())]
    pub(super) role: Role,
    /// The agent it belongs to, by slug or id.
    #[arg(long, value_name = "AGENT")]
    pub(super) agent: Option<String>,
    /// A role it has in the eyes of tools; may be given several times.
    #[arg(long = "tool-role", value_name = "ROLE")]
    pub(super) tool_roles: Vec<String>,
    /// The users it may speak for: `anybody`, `nobody`, or their ids with commas between them. Default: nobody for viewers and
    /// agents, and else anybody.
    #[arg(long, value_name = "anybody|nobody|USER,...", value_parser = value_parsers::speaks_for)]
    pub(super) speaks_for: Option<SpeaksFor>,
    /// An environment it reaches, by slug or id; may be given several times. Default: all.
    #[arg(long = "env", value_name = "ENVIRONMENT")]
    pub(super) environments: Vec<String>,
}

impl From<CredentialArgs> for NewCredential {
    fn from(args: CredentialArgs) -> Self {
        let CredentialArgs { name, role, agent, tool_roles, speaks_for, environments } = args;
        let environments = Some(environments).filter(|environments| !environments.is_empty());
        Self { name, role, tool_roles, agent, speaks_for, environments }
    }
}
