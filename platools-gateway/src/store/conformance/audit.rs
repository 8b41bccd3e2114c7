//! Tests of [`AuditStore`](crate::ports::audit::AuditStore).

use std::sync::Arc;

use super::{TestStore, conformance};
use crate::domain::audit::{
    Actor, AuditCursor, AuditEvent, AuditFilter, AuditKind, AuditRetention, AuditScope, action,
};
use crate::domain::origin::{Protocol, RequestId, RequestOrigin};

fn event_at(at_ms: i64, kind: AuditKind) -> AuditEvent {
    AuditEvent::new(kind, action::KEY_CREATE, Actor::default(), at_ms)
}

async fn listed(store: &TestStore, scope: AuditScope, filter: AuditFilter) -> Vec<AuditEvent> {
    store.audit_events(&scope, &filter, 100).await.unwrap()
}

async fn times(store: &TestStore, filter: AuditFilter) -> Vec<i64> {
    listed(store, AuditScope::Everything, filter).await.iter().map(|event| event.at_ms).collect()
}

async fn an_event_is_read_as_it_was_written(store: TestStore) {
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
    assert_eq!(listed(&store, AuditScope::Everything, AuditFilter::default()).await, [written]);
}

async fn a_change_that_does_not_happen_leaves_no_event(store: TestStore) {
    let project = store.project.clone();
    for (slug, is_free, events) in [("qa", true, 1), ("qa", false, 1)] {
        let event = Arc::new(event_at(17, AuditKind::Change));
        assert_eq!(store.recording(&event).add_environment(&project, slug, 100).await.unwrap(), is_free);
        assert_eq!(times(&store, AuditFilter::default()).await.len(), events);
    }
}

async fn a_change_whose_event_cannot_be_stored_does_not_happen(store: TestStore) {
    let project = store.project.clone();
    store.execute("ALTER TABLE audit_events RENAME TO audit_hidden").await;
    let recording = store.recording(&Arc::new(event_at(17, AuditKind::Change)));
    recording.add_environment(&project, "qa", 100).await.unwrap_err();
    let environments = store.directory().await.unwrap().environments;
    assert!(environments.iter().all(|(_, environment)| environment.slug != "qa"), "{environments:?}");
}

async fn a_reader_of_a_project_sees_no_other_and_pages_have_no_gaps(store: TestStore) {
    let events: Vec<_> = (0..6)
        .map(|at| match at % 3 {
            0 => event_at(at, AuditKind::Refusal),
            1 => event_at(at, AuditKind::Change).in_project(&"prj_1".into()),
            _ => event_at(at, AuditKind::Change).in_project(&"prj_2".into()),
        })
        .collect();
    store.add_audit_events(&events).await.unwrap();
    let seen = async |scope| {
        let events = listed(&store, scope, AuditFilter::default()).await;
        events.iter().map(|event| event.at_ms).collect::<Vec<_>>()
    };
    assert_eq!(seen(AuditScope::Everything).await, [5, 4, 3, 2, 1, 0]);
    assert_eq!(seen(AuditScope::Project("prj_1".into())).await, [4, 1]);
    assert_eq!(seen(AuditScope::ProjectAndGateway("prj_2".into())).await, [5, 3, 2, 0]);
    let after = Some(AuditCursor { at_ms: 3, id: events[3].id.clone() });
    assert_eq!(times(&store, AuditFilter { after, ..AuditFilter::default() }).await, [2, 1, 0]);
    let refusals = AuditFilter { kind: Some(AuditKind::Refusal), since_ms: Some(1), ..AuditFilter::default() };
    assert_eq!(times(&store, refusals).await, [3]);
}

async fn old_events_go_and_many_of_one_kind_push_out_none_of_another(store: TestStore) {
    let refusals = (0..10).map(|at| event_at(at, AuditKind::Refusal));
    let changes = [event_at(0, AuditKind::Change), event_at(1, AuditKind::Change)];
    store.add_audit_events(&refusals.chain(changes).collect::<Vec<_>>()).await.unwrap();
    let keep = |oldest_ms, max_rows| AuditRetention { oldest_ms, max_rows, batch: 4 };
    assert_eq!(store.prune_audit_events(keep(0, 3)).await.unwrap(), 4, "no more than the batch");
    assert_eq!(store.prune_audit_events(keep(0, 3)).await.unwrap(), 3);
    assert_eq!(store.prune_audit_events(keep(0, 3)).await.unwrap(), 0);
    assert_eq!(times(&store, AuditFilter::default()).await, [9, 8, 7, 1, 0]);
    assert_eq!(store.prune_audit_events(keep(8, 3)).await.unwrap(), 3);
    assert_eq!(times(&store, AuditFilter::default()).await, [9, 8]);
}

conformance!(
    an_event_is_read_as_it_was_written,
    a_change_that_does_not_happen_leaves_no_event,
    a_change_whose_event_cannot_be_stored_does_not_happen,
    a_reader_of_a_project_sees_no_other_and_pages_have_no_gaps,
    old_events_go_and_many_of_one_kind_push_out_none_of_another,
);
