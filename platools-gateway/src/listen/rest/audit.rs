//! `GET /v1/audit`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::auth::Known;
use super::calls::time;
use super::path_and_query::Query;
use crate::audit::{AuditCursor, AuditEvent, AuditKind, AuditQuery};
use crate::core::Core;
use crate::listen::dto::{ListPosition, Page, count, limit_of};
use crate::listen::http::problem::{Problem, invalid};
use crate::ports::time::rfc3339;

/// Conditions on events.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct AuditConditions {
    /// The kind: `change`, `sign_in` or `refusal`. Default: all.
    kind: Option<String>,
    /// The action, such as `key.create`.
    action: Option<String>,
    /// The id of a key, token or secret, of a user or of an agent.
    actor: Option<String>,
    /// Events at this time or later, in RFC 3339.
    since: Option<String>,
    /// Events before this time, in RFC 3339.
    until: Option<String>,
    /// Number of events on the page, from 1 to 1000. Default: 100.
    #[serde(default, deserialize_with = "count")]
    limit: Option<usize>,
    /// The `nextCursor` of the page before.
    cursor: Option<String>,
}

/// A record of the audit.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct AuditRecord {
    id: String,
    at: String,
    /// `change`, `sign_in` or `refusal`.
    kind: &'static str,
    /// A dotted noun and verb, such as `key.create`.
    action: String,
    /// `ok`, or `refused`.
    outcome: &'static str,
    actor: AuditActor,
    /// The project that it is about; `null` for what concerns the whole gateway.
    project_id: Option<String>,
    /// The thing it was done to: an id, a name, a route or a method.
    subject: Option<String>,
    /// More in words; for a refusal, the reason.
    detail: Option<String>,
    /// The number of further events of the same network, key or token that this record stands for.
    left_out: u64,
}

/// The author of an event, and its origin.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct AuditActor {
    /// The id of the key, token or secret; `nothing` of a caller without any.
    credential: Option<String>,
    role: Option<String>,
    user_id: Option<String>,
    agent_id: Option<String>,
    /// `rest`, `openai`, `rpc`, `feed`, `runtime`, `mcp`, `tool_sync`, `http`, `command_line` or `program`.
    protocol: &'static str,
    /// The client's address.
    address: Option<String>,
    /// The `X-Request-Id` of the request, or of the upgrade of its socket.
    request_id: Option<String>,
}

/// List administrative changes, sign-ins that opened something lasting, and refusals, newest first. Those of the caller's project;
/// for admins of the default project also those that concern the whole gateway.
#[utoipa::path(get, path = "/v1/audit", tag = "audit", params(AuditConditions),
    responses((status = 200, body = Page<AuditRecord>), (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
pub(super) async fn list(
    State(core): State<Arc<Core>>,
    Known(caller): Known,
    Query(conditions): Query<AuditConditions>,
) -> Result<Json<Page<AuditRecord>>, Problem> {
    let admin = core.admin.of(&caller)?;
    let (limit, query) = conditions.checked()?;
    // One more than asked for tells whether there is another page.
    let events = admin.audit_events(query, limit + 1).await?;
    let place = |last: &AuditEvent| ListPosition { at_ms: last.at_ms, id: last.id.to_string() }.cursor();
    Ok(Json(Page::cut(events, limit, place).map(AuditRecord::from)))
}

impl AuditConditions {
    fn checked(self) -> Result<(usize, AuditQuery), Problem> {
        let limit = limit_of(self.limit)?;
        let place = self.cursor.map(|cursor| ListPosition::read(&cursor)).transpose()?;
        let query = AuditQuery {
            kind: self.kind.as_deref().map(kind).transpose()?,
            action: self.action,
            actor: self.actor,
            since_ms: time("since", self.since)?,
            until_ms: time("until", self.until)?,
            after: place.map(|place| AuditCursor { at_ms: place.at_ms, id: place.id.into() }),
        };
        Ok((limit, query))
    }
}

fn kind(name: &str) -> Result<AuditKind, Problem> {
    AuditKind::from_name(name).ok_or_else(|| invalid("`kind` must be change, sign_in or refusal"))
}

impl From<AuditEvent> for AuditRecord {
    fn from(event: AuditEvent) -> Self {
        let origin = event.actor.origin;
        Self {
            id: event.id.to_string(),
            at: rfc3339(event.at_ms),
            kind: event.kind.as_str(),
            action: event.action.into_owned(),
            outcome: event.kind.outcome(),
            actor: AuditActor {
                credential: event.actor.credential,
                role: event.actor.role,
                user_id: event.actor.user_id,
                agent_id: event.actor.agent_id.map(|agent| agent.to_string()),
                protocol: origin.protocol.as_str(),
                address: origin.address.map(|address| address.to_string()),
                request_id: origin.request_id.map(|id| id.to_string()),
            },
            project_id: event.project_id.map(|project| project.to_string()),
            subject: event.subject,
            detail: event.detail,
            left_out: event.left_out,
        }
    }
}
