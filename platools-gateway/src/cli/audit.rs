//! `audit`: lists administrative changes, sign-ins and refusals.

use clap::{Args, Subcommand};
use platools_gateway::Error;
use platools_gateway::audit::{AuditEvent, AuditFilter, AuditKind};
use platools_gateway::core::Core;
use platools_gateway::dto::AuditEventDto;

use super::data_args::ProjectArgs;
use super::output::ListArgs;
use super::value_parsers;

#[derive(Debug, Subcommand)]
pub(super) enum AuditCommand {
    /// List audit events, newest first: of all projects, or of the one that `--project` names.
    List {
        #[command(flatten)]
        conditions: Conditions,
        #[command(flatten)]
        listing: ListArgs,
    },
}

/// Conditions on events.
#[derive(Debug, Args)]
pub(super) struct Conditions {
    /// Only this kind. Default: all.
    #[arg(long, value_name = "KIND", value_parser = value_parsers::audit_kind())]
    kind: Option<AuditKind>,
    /// Only this action, such as key.create.
    #[arg(long, value_name = "ACTION")]
    action: Option<String>,
    /// Only this key, token or secret, user or agent, by id.
    #[arg(long, value_name = "ID")]
    actor: Option<String>,
    /// Only events at this time or later, such as 2026-09-15T00:00:00Z.
    #[arg(long, value_name = "TIME", value_parser = value_parsers::time)]
    since: Option<i64>,
    /// Only events before this time.
    #[arg(long, value_name = "TIME", value_parser = value_parsers::time)]
    until: Option<i64>,
    /// Number of events at most.
    #[arg(long, value_name = "NUMBER", default_value_t = 100)]
    limit: usize,
}

/// The members that the list shows.
const MEMBERS: &str = "at action outcome actor.credential actor.role actor.userId actor.agentId actor.protocol \
    actor.address actor.requestId projectId subject detail leftOut";

pub(super) async fn run(project: &ProjectArgs, command: AuditCommand) -> anyhow::Result<()> {
    let AuditCommand::List { conditions, listing } = command;
    let (limit, filter) = (conditions.limit, conditions.filter());
    let list = async |core: &Core| -> Result<Vec<AuditEvent>, Error> {
        let projects = core.local_projects();
        match project.name() {
            Some(name) => projects.admin(name)?.audit_events(filter, limit).await,
            None => projects.audit_events(filter, limit).await,
        }
    };
    let events = project.data().with(list).await?;
    listing.print::<AuditEventDto>(events, MEMBERS)
}

impl Conditions {
    fn filter(self) -> AuditFilter {
        AuditFilter {
            kind: self.kind,
            action: self.action,
            actor: self.actor,
            since_ms: self.since,
            until_ms: self.until,
            after: None,
        }
    }
}
