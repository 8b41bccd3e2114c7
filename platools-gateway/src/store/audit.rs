//! The audit's events.

use std::net::IpAddr;
use std::sync::Arc;

use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row as _, Sqlite, SqliteConnection};

use super::Store;
use crate::domain::audit::{Actor, AuditEvent, AuditKind};
use crate::domain::error::Error;
use crate::domain::ids::ProjectId;
use crate::domain::origin::{Protocol, RequestId, RequestOrigin};

/// The events a reader may see.
#[derive(Debug, Clone)]
pub(crate) enum AuditScope {
    /// All of them.
    Everything,
    /// Events of one project.
    Project(ProjectId),
    /// Events of one project, and events that concern the whole gateway.
    ProjectAndGateway(ProjectId),
}

/// Conditions on events. One that is not set does not narrow the list.
#[derive(Debug, Clone)]
pub(crate) struct AuditFilter {
    pub(crate) scope: AuditScope,
    pub(crate) kind: Option<AuditKind>,
    pub(crate) action: Option<String>,
    /// The id of a credential, a user or an agent.
    pub(crate) actor: Option<String>,
    pub(crate) since_ms: Option<i64>,
    /// The first moment that is too late.
    pub(crate) until_ms: Option<i64>,
    /// The last event of the page before.
    pub(crate) after: Option<(i64, String)>,
}

/// Bounds of the table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AuditRetention {
    /// Events before this moment are deleted.
    pub(crate) oldest_ms: i64,
    /// The number of events of each kind that stay.
    pub(crate) max_rows: i64,
    /// The largest number of events of each kind that one call deletes.
    pub(crate) batch: i64,
}

impl Store {
    /// The same store, whose next change of the directory records the event in its own transaction: either both are stored, or
    /// neither is.
    pub(crate) fn recording(&self, event: &Arc<AuditEvent>) -> Self {
        Self { recorded: Some(Arc::clone(event)), ..self.clone() }
    }

    /// Writes the event of [`Store::recording`], if there is one.
    pub(super) async fn write_recorded(&self, change: &mut SqliteConnection) -> Result<(), Error> {
        match &self.recorded {
            Some(event) => add(change, event).await,
            None => Ok(()),
        }
    }

    /// Stores events, all or none. An event that is stored already stays as it is: a write whose end was not seen may be
    /// repeated.
    pub(crate) async fn add_audit_events(&self, events: &[AuditEvent]) -> Result<(), Error> {
        let mut transaction = self.writes.begin().await?;
        for event in events {
            add(&mut transaction, event).await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// Events, newest first.
    pub(crate) async fn audit_events(&self, filter: &AuditFilter, limit: i64) -> Result<Vec<AuditEvent>, Error> {
        let mut query = QueryBuilder::<Sqlite>::new("SELECT * FROM audit_events WHERE ");
        narrow(&mut query, filter);
        query.push(" ORDER BY at_ms DESC, id DESC LIMIT ").push_bind(limit);
        Ok(self.lists.begin().await?.rows(query.build()).await?.iter().map(event).collect())
    }

    /// Deletes some of the events that are too old or too many. Returns how many.
    pub(crate) async fn prune_audit_events(&self, retention: AuditRetention) -> Result<u64, Error> {
        let mut deleted = 0;
        for kind in AuditKind::ALL {
            deleted += self.prune_kind(kind, retention).await?;
        }
        Ok(deleted)
    }

    async fn prune_kind(&self, kind: AuditKind, retention: AuditRetention) -> Result<u64, Error> {
        // The newest event that is one too many, if there is one.
        let surplus = sqlx::query(
            "SELECT at_ms, id FROM audit_events WHERE kind = $1 ORDER BY at_ms DESC, id DESC LIMIT 1 OFFSET $2",
        )
        .bind(kind.as_str())
        .bind(retention.max_rows)
        .fetch_optional(&self.reads)
        .await?;
        let (at_ms, id) = surplus.map_or((i64::MIN, String::new()), |row| (row.get(0), row.get(1)));
        let doomed = sqlx::query(
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
        // Where nothing is to go, nobody who writes waits.
        let Some(last) = doomed.last() else { return Ok(0) };
        let deleted = sqlx::query("DELETE FROM audit_events WHERE kind = $1 AND (at_ms, id) <= ($2, $3)")
            .bind(kind.as_str())
            .bind(last.get::<i64, _>(0))
            .bind(last.get::<String, _>(1))
            .execute(self.writes.connection())
            .await?;
        Ok(deleted.rows_affected())
    }
}

fn narrow(query: &mut QueryBuilder<Sqlite>, filter: &AuditFilter) {
    match &filter.scope {
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
    if let Some((at_ms, id)) = &filter.after {
        query.push(" AND (at_ms, id) < (").push_bind(*at_ms);
        query.push(", ").push_bind(id.clone()).push(")");
    }
}

async fn add(connection: &mut SqliteConnection, event: &AuditEvent) -> Result<(), Error> {
    let AuditEvent { actor, .. } = event;
    let RequestOrigin { protocol, address, request_id } = &actor.origin;
    sqlx::query(
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

fn event(row: &SqliteRow) -> AuditEvent {
    let text = |name: &str| row.get::<Option<String>, _>(name);
    let origin = RequestOrigin {
        protocol: Protocol::from_name(row.get("protocol")).unwrap_or_default(),
        address: text("address").and_then(|address| address.parse::<IpAddr>().ok()),
        request_id: text("request_id").and_then(|id| RequestId::from_client(&id)),
    };
    AuditEvent {
        id: row.get::<String, _>("id").into(),
        at_ms: row.get("at_ms"),
        // What another version calls something else was done by somebody at least.
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
impl Store {
    /// Hides the table, so that every use of it fails, or brings it back.
    pub(crate) async fn break_audit(&self, is_broken: bool) {
        let rename = match is_broken {
            true => "ALTER TABLE audit_events RENAME TO audit_hidden",
            false => "ALTER TABLE audit_hidden RENAME TO audit_events",
        };
        sqlx::query(rename).execute(self.writes.connection()).await.unwrap();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::audit::action;

    fn event_at(at_ms: i64, kind: AuditKind) -> AuditEvent {
        AuditEvent::new(kind, action::KEY_CREATE, Actor::default(), at_ms)
    }

    fn everything() -> AuditFilter {
        let (scope, kind, action, actor) = (AuditScope::Everything, None, None, None);
        AuditFilter { scope, kind, action, actor, since_ms: None, until_ms: None, after: None }
    }

    async fn times(store: &Store, filter: AuditFilter) -> Vec<i64> {
        store.audit_events(&filter, 100).await.unwrap().iter().map(|event| event.at_ms).collect()
    }

    #[tokio::test]
    async fn an_event_is_read_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).await.unwrap();
        let origin = RequestOrigin::new(Protocol::Rpc, [10, 0, 0, 1].into(), RequestId::from_client("req-1"));
        let actor = Actor {
            credential: Some("key_1".to_owned()),
            role: Some("admin".to_owned()),
            user_id: Some("u-1".to_owned()),
            agent_id: Some("agt_1".into()),
            origin,
        };
        let written = AuditEvent {
            left_out: 7,
            ..AuditEvent::new(AuditKind::Refusal, action::KEY_CREATE, actor, 17)
                .in_project(&"prj_1".into())
                .on("key_2")
                .because("role operator")
        };
        for _ in 0..2 {
            store.add_audit_events(std::slice::from_ref(&written)).await.unwrap();
        }
        assert_eq!(store.audit_events(&everything(), 100).await.unwrap(), [written]);
        store.close().await;
    }

    #[tokio::test]
    async fn a_change_that_does_not_happen_leaves_no_event() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).await.unwrap();
        let project = store.default_project().await.unwrap();
        for (slug, is_free, events) in [("qa", true, 1), ("qa", false, 1)] {
            let event = Arc::new(event_at(17, AuditKind::Change));
            assert_eq!(store.recording(&event).add_environment(&project, slug, 100).await.unwrap(), is_free);
            assert_eq!(times(&store, everything()).await.len(), events);
        }
        store.close().await;
    }

    #[tokio::test]
    async fn a_change_whose_event_cannot_be_stored_does_not_happen() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).await.unwrap();
        let project = store.default_project().await.unwrap();
        store.break_audit(true).await;
        let recording = store.recording(&Arc::new(event_at(17, AuditKind::Change)));
        recording.add_environment(&project, "qa", 100).await.unwrap_err();
        let environments = store.directory().await.unwrap().environments;
        assert!(environments.iter().all(|environment| environment.slug != "qa"), "{environments:?}");
        store.close().await;
    }

    #[tokio::test]
    async fn a_reader_of_a_project_sees_no_other_and_pages_have_no_gaps() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).await.unwrap();
        let events: Vec<_> = (0..6)
            .map(|at| match at % 3 {
                0 => event_at(at, AuditKind::Refusal),
                1 => event_at(at, AuditKind::Change).in_project(&"prj_1".into()),
                _ => event_at(at, AuditKind::Change).in_project(&"prj_2".into()),
            })
            .collect();
        store.add_audit_events(&events).await.unwrap();
        let seen = async |scope| times(&store, AuditFilter { scope, ..everything() }).await;
        assert_eq!(seen(AuditScope::Everything).await, [5, 4, 3, 2, 1, 0]);
        assert_eq!(seen(AuditScope::Project("prj_1".into())).await, [4, 1]);
        assert_eq!(seen(AuditScope::ProjectAndGateway("prj_2".into())).await, [5, 3, 2, 0]);
        let after = Some((3, events[3].id.to_string()));
        assert_eq!(times(&store, AuditFilter { after, ..everything() }).await, [2, 1, 0]);
        let refusals = AuditFilter { kind: Some(AuditKind::Refusal), since_ms: Some(1), ..everything() };
        assert_eq!(times(&store, refusals).await, [3]);
        store.close().await;
    }

    #[tokio::test]
    async fn old_events_go_and_many_of_one_kind_push_out_none_of_another() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).await.unwrap();
        let refusals = (0..10).map(|at| event_at(at, AuditKind::Refusal));
        let changes = [event_at(0, AuditKind::Change), event_at(1, AuditKind::Change)];
        store.add_audit_events(&refusals.chain(changes).collect::<Vec<_>>()).await.unwrap();
        let keep = |oldest_ms, max_rows| AuditRetention { oldest_ms, max_rows, batch: 4 };
        assert_eq!(store.prune_audit_events(keep(0, 3)).await.unwrap(), 4, "no more than the batch");
        assert_eq!(store.prune_audit_events(keep(0, 3)).await.unwrap(), 3);
        assert_eq!(store.prune_audit_events(keep(0, 3)).await.unwrap(), 0);
        assert_eq!(times(&store, everything()).await, [9, 8, 7, 1, 0]);
        assert_eq!(store.prune_audit_events(keep(8, 3)).await.unwrap(), 3);
        assert_eq!(times(&store, everything()).await, [9, 8]);
        store.close().await;
    }
}
