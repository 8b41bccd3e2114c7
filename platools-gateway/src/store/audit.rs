//! [`AuditStore`] in SQL: stores audit events.

use std::net::IpAddr;

use async_trait::async_trait;

use super::SqlStore;
use super::sql::{self, Row, SqlBuilder, SqlConnection};
use super::writer::WriteLock;
use crate::domain::audit::{Actor, AuditCursor, AuditEvent, AuditFilter, AuditKind, AuditRetention, AuditScope};
use crate::domain::error::Error;
use crate::domain::origin::{Protocol, RequestId, RequestOrigin};
use crate::ports::audit::AuditStore;

#[async_trait]
impl AuditStore for SqlStore {
    async fn add_audit_events(&self, events: &[AuditEvent]) -> Result<(), Error> {
        let mut transaction = self.writes.begin(WriteLock::Audit).await?;
        for event in events {
            add(&mut transaction, event).await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    async fn audit_events(
        &self,
        scope: &AuditScope,
        filter: &AuditFilter,
        limit: i64,
    ) -> Result<Vec<AuditEvent>, Error> {
        let mut query = SqlBuilder::new("SELECT * FROM audit_events WHERE ");
        narrow(&mut query, scope, filter);
        query.push(" ORDER BY at_ms DESC, id DESC LIMIT ").push_bind(limit);
        Ok(self.lists.begin().await?.rows(query.build()).await?.iter().map(event).collect())
    }

    async fn prune_audit_events(&self, retention: AuditRetention) -> Result<u64, Error> {
        let mut deleted = 0;
        for kind in AuditKind::ALL {
            deleted += self.prune_kind(kind, retention).await?;
        }
        Ok(deleted)
    }
}

impl SqlStore {
    /// Writes the event that the next change of the directory records, if there is one.
    pub(super) async fn write_recorded(&self, change: &mut SqlConnection) -> Result<(), Error> {
        match &self.recorded {
            Some(event) => add(change, event).await,
            None => Ok(()),
        }
    }

    async fn prune_kind(&self, kind: AuditKind, retention: AuditRetention) -> Result<u64, Error> {
        // The newest event that is one too many, if there is one.
        let surplus = sql::query(
            "SELECT at_ms, id FROM audit_events WHERE kind = $1 ORDER BY at_ms DESC, id DESC LIMIT 1 OFFSET $2",
        )
        .bind(kind.as_str())
        .bind(retention.max_rows)
        .fetch_optional(&self.reads)
        .await?;
        let (at_ms, id) = surplus.map_or((i64::MIN, String::new()), |row| (row.get(0), row.get(1)));
        let doomed = sql::query(
            "SELECT at_ms, id FROM audit_events WHERE kind = $1 AND (at_ms < $2 OR (at_ms, id) <= ($3, $4)) \
             ORDER BY at_ms, id LIMIT $5",
        )
        .bind(kind.as_str())
        .bind(retention.oldest_ms)
        .bind(at_ms)
        .bind(id)
        .bind(retention.batch)
        .fetch_all(&self.reads)
        .await?;
        // Without rows to delete, no write has to wait.
        let Some(last) = doomed.last() else { return Ok(0) };
        let deleted = sql::query("DELETE FROM audit_events WHERE kind = $1 AND (at_ms, id) <= ($2, $3)")
            .bind(kind.as_str())
            .bind(last.get::<i64, _>(0))
            .bind(last.get::<String, _>(1))
            .execute(self.writes.connections())
            .await?;
        Ok(deleted)
    }
}

fn narrow(query: &mut SqlBuilder, scope: &AuditScope, filter: &AuditFilter) {
    match scope {
        AuditScope::Everything => query.push("TRUE"),
        AuditScope::Project(project) => query.push("project_id = ").push_bind(project.to_string()),
        AuditScope::ProjectAndGateway(project) => {
            query.push("(project_id IS NULL OR project_id = ").push_bind(project.to_string()).push(")")
        }
    };
    if let Some(kind) = filter.kind {
        query.push(" AND kind = ").push_bind(kind.as_str());
    }
    if let Some(action) = &filter.action {
        query.push(" AND action = ").push_bind(action.clone());
    }
    if let Some(actor) = &filter.actor {
        query.push(" AND (credential = ").push_bind(actor.clone());
        query.push(" OR user_id = ").push_bind(actor.clone());
        query.push(" OR agent_id = ").push_bind(actor.clone()).push(")");
    }
    if let Some(since_ms) = filter.since_ms {
        query.push(" AND at_ms >= ").push_bind(since_ms);
    }
    if let Some(until_ms) = filter.until_ms {
        query.push(" AND at_ms < ").push_bind(until_ms);
    }
    if let Some(AuditCursor { at_ms, id }) = &filter.after {
        query.push(" AND (at_ms, id) < (").push_bind(*at_ms);
        query.push(", ").push_bind(id.to_string()).push(")");
    }
}

async fn add(connection: &mut SqlConnection, event: &AuditEvent) -> Result<(), Error> {
    let AuditEvent { actor, .. } = event;
    let RequestOrigin { protocol, address, request_id } = &actor.origin;
    sql::query(
        "INSERT INTO audit_events (id, at_ms, kind, action, project_id, credential, role, user_id, agent_id, protocol, \
         address, request_id, subject, detail, left_out) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, \
         $14, $15) ON CONFLICT (id) DO NOTHING",
    )
    .bind(event.id.as_str())
    .bind(event.at_ms)
    .bind(event.kind.as_str())
    .bind(&*event.action)
    .bind(event.project_id.as_ref().map(|project| project.as_str()))
    .bind(actor.credential.as_deref())
    .bind(actor.role.as_deref())
    .bind(actor.user_id.as_deref())
    .bind(actor.agent_id.as_ref().map(|agent| agent.as_str()))
    .bind(protocol.as_str())
    .bind(address.map(|address| address.to_string()))
    .bind(request_id.as_ref().map(RequestId::as_str))
    .bind(event.subject.as_deref())
    .bind(event.detail.as_deref())
    .bind(i64::try_from(event.left_out).unwrap_or(i64::MAX))
    .execute(connection)
    .await?;
    Ok(())
}

fn event(row: &Row) -> AuditEvent {
    let text = |name: &str| row.get::<Option<String>, _>(name);
    let origin = RequestOrigin {
        protocol: Protocol::from_name(row.get("protocol")).unwrap_or_default(),
        address: text("address").and_then(|address| address.parse::<IpAddr>().ok()),
        request_id: text("request_id").and_then(|id| RequestId::from_client(&id)),
    };
    AuditEvent {
        id: row.get::<String, _>("id").into(),
        at_ms: row.get("at_ms"),
        // A kind of a later version is shown as a change.
        kind: AuditKind::from_name(row.get("kind")).unwrap_or(AuditKind::Change),
        action: row.get::<String, _>("action").into(),
        actor: Actor {
            credential: text("credential"),
            role: text("role"),
            user_id: text("user_id"),
            agent_id: text("agent_id").map(Into::into),
            origin,
        },
        project_id: text("project_id").map(Into::into),
        subject: text("subject"),
        detail: text("detail"),
        left_out: row.get::<i64, _>("left_out").unsigned_abs(),
    }
}

#[cfg(test)]
impl SqlStore {
    /// Hides the table, so that every use of it fails, or brings it back.
    pub(crate) async fn break_audit(&self, is_broken: bool) {
        let rename = match is_broken {
            true => "ALTER TABLE audit_events RENAME TO audit_hidden",
            false => "ALTER TABLE audit_hidden RENAME TO audit_events",
        };
        sql::query(rename).execute(self.writes.connections()).await.unwrap();
    }
}
