//! `audit`: lists administrative changes, sign-ins and refusals.

use clap::{Args, Subcommand};
use platools_gateway::Error;
use platools_gateway::audit::{AuditEvent, AuditKind, AuditQuery};
use platools_gateway::core::Core;
use platools_gateway::ports::time::rfc3339;
use serde::Serialize;

use super::data_args::ProjectArgs;
use super::output::Listing;
use super::value_parsers;

#[derive(Debug, Subcommand)]
pub(super) enum AuditCommand {
    /// List audit events, newest first: of all projects, or of the one that `--project` names.
    List {
        #[command(flatten)]
        conditions: Conditions,
        #[command(flatten)]
        listing: Listing,
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

/// A line of the list.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct AuditRow {
    at: String,
    action: String,
    outcome: &'static str,
    credential: Option<String>,
    role: Option<String>,
    user_id: Option<String>,
    agent_id: Option<String>,
    protocol: &'static str,
    address: Option<String>,
    request_id: Option<String>,
    project_id: Option<String>,
    subject: Option<String>,
    detail: Option<String>,
    left_out: u64,
}

pub(super) async fn run(project: &ProjectArgs, command: AuditCommand) -> anyhow::Result<()> {
    let AuditCommand::List { conditions, listing } = command;
    let (limit, query) = (conditions.limit, conditions.query());
    let list = async |core: &Core| -> Result<Vec<AuditEvent>, Error> {
        let projects = core.local_projects();
        match project.name() {
            Some(name) => projects.admin(name)?.audit_events(query, limit).await,
            None => projects.audit_events(query, limit).await,
        }
    };
    let events = project.data().with(list).await?;
    listing.print(events.into_iter().map(row))
}

impl Conditions {
    fn query(self) -> AuditQuery {
        AuditQuery {
            kind: self.kind,
            action: self.action,
            actor: self.actor,
            since_ms: self.since,
            until_ms: self.until,
            after: None,
        }
    }
}

fn row(event: AuditEvent) -> AuditRow {
    let origin = event.actor.origin;
    AuditRow {
        at: rfc3339(event.at_ms),
        action: event.action.into_owned(),
        outcome: event.kind.outcome(),
        credential: event.actor.credential,
        role: event.actor.role,
        user_id: event.actor.user_id,
        agent_id: event.actor.agent_id.map(|agent| agent.to_string()),
        protocol: origin.protocol.as_str(),
        address: origin.address.map(|address| address.to_string()),
        request_id: origin.request_id.map(|id| id.to_string()),
        project_id: event.project_id.map(|project| project.to_string()),
        subject: event.subject,
        detail: event.detail,
        left_out: event.left_out,
    }
}
