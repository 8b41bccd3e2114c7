//! The route `GET /v1/audit`, which lists audit events.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;

use super::calls::time;
use crate::audit::{AuditCursor, AuditEvent, AuditFilter, AuditKind};
use crate::core::Core;
use crate::dto::AuditEventDto;
use crate::listen::http::ErrorView;
use crate::listen::http::extract::{Authenticated, Query};
use crate::listen::http::problem::Problem;
use crate::listen::params::{ListPosition, Page, count, limit_of};

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

/// List administrative changes, sign-ins that opened something lasting, and refusals, newest first. Those of the caller's project;
/// for admins of the default project also those that concern the whole gateway.
#[utoipa::path(get, path = "/v1/audit", tag = "audit", params(AuditConditions),
    responses((status = 200, body = Page<AuditEventDto>), (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
pub(super) async fn list(
    State(core): State<Arc<Core>>,
    Authenticated(caller): Authenticated,
    Query(conditions): Query<AuditConditions>,
) -> Result<Json<Page<AuditEventDto>>, ErrorView> {
    let admin = core.admin.of(&caller)?;
    let (limit, filter) = conditions.checked()?;
    // One more than asked for tells whether there is another page.
    let events = admin.audit_events(filter, limit + 1).await?;
    let place = |last: &AuditEvent| ListPosition { at_ms: last.at_ms, id: last.id.to_string() }.cursor();
    Ok(Json(Page::cut(events, limit, place).map(AuditEventDto::from)))
}

impl AuditConditions {
    fn checked(self) -> Result<(usize, AuditFilter), ErrorView> {
        let limit = limit_of(self.limit)?;
        let place = self.cursor.map(|cursor| ListPosition::read(&cursor)).transpose()?;
        let filter = AuditFilter {
            kind: self.kind.as_deref().map(kind).transpose()?,
            action: self.action,
            actor: self.actor,
            since_ms: time("since", self.since)?,
            until_ms: time("until", self.until)?,
            after: place.map(|place| AuditCursor { at_ms: place.at_ms, id: place.id.into() }),
        };
        Ok((limit, filter))
    }
}

fn kind(name: &str) -> Result<AuditKind, ErrorView> {
    AuditKind::from_name(name).ok_or_else(|| ErrorView::invalid("`kind` must be change, sign_in or refusal"))
}
