//! Tests of [`IdempotencyStore`](crate::ports::idempotency::IdempotencyStore).

use super::{TestStore, conformance};
use crate::domain::idempotency::{AnswerBounds, EarlierEnd, KeyedCall};
use crate::domain::ids::ProjectId;
use crate::domain::project::ProjectName;

const COUNT: &str = "SELECT COUNT(*), CAST(COALESCE(SUM(octet_length(answer)), 0) AS BIGINT) FROM named_calls";

fn call(project: &ProjectId, id: &str) -> KeyedCall {
    KeyedCall { id: id.to_owned(), project: project.clone(), fingerprint: "f".to_owned() }
}

async fn answer(store: &TestStore, call: &KeyedCall, bytes: usize, bounds: AnswerBounds) {
    assert!(store.begin_keyed_call(call, &"call_1".into(), 100).await.unwrap());
    store.end_keyed_call(call, Some(&"x".repeat(bytes)), bounds).await.unwrap();
}

async fn end(store: &TestStore, id: &str) -> EarlierEnd {
    store.earlier_call(id).await.unwrap().unwrap().end
}

async fn the_oldest_answers_of_a_project_make_room_and_their_calls_stay_known(store: TestStore) {
    let project = store.project.clone();
    let bounds = AnswerBounds { project: 250, total: i64::MAX };
    for id in ["a", "b", "c"] {
        answer(&store, &call(&project, id), 100, bounds).await;
    }
    assert_eq!(end(&store, "a").await, EarlierEnd::Dropped);
    assert_eq!(end(&store, "b").await, EarlierEnd::Answered("x".repeat(100)));
    assert_eq!(end(&store, "c").await, EarlierEnd::Answered("x".repeat(100)));
    assert_eq!((store.usage("named_calls").await, store.numbers(COUNT).await), (vec![3, 200], vec![3, 200]));
}

async fn the_project_with_most_answers_makes_room_for_all(store: TestStore) {
    let large = store.project.clone();
    let name: ProjectName = "acme/shop".parse().unwrap();
    assert!(store.add_project(&name).await.unwrap());
    let projects = store.directory().await.unwrap().projects;
    let small = projects.into_iter().find(|project| project.name == name).unwrap().id;
    let bounds = AnswerBounds { project: i64::MAX, total: 450 };
    for (project, id) in [(&small, "s"), (&large, "a"), (&large, "b"), (&large, "c"), (&small, "t")] {
        answer(&store, &call(project, id), 100, bounds).await;
    }
    assert_eq!(end(&store, "a").await, EarlierEnd::Dropped);
    for id in ["s", "b", "c", "t"] {
        assert!(matches!(end(&store, id).await, EarlierEnd::Answered(_)), "{id}");
    }
}

async fn a_project_has_a_bounded_number_of_idempotency_keys(store: TestStore) {
    let project = store.project.clone();
    let begin = async |id| store.begin_keyed_call(&call(&project, id), &"call_1".into(), 2).await.unwrap();
    assert!(begin("a").await && begin("b").await);
    assert!(!begin("c").await);
    assert!(store.earlier_call("c").await.unwrap().is_none());
    store.forget_keyed_call(&call(&project, "a")).await.unwrap();
    assert!(begin("c").await, "a call that never ran makes room");
}

async fn old_calls_are_forgotten_with_all_that_they_counted_for(store: TestStore) {
    let project = store.project.clone();
    let bounds = AnswerBounds { project: i64::MAX, total: i64::MAX };
    for id in ["a", "b"] {
        answer(&store, &call(&project, id), 100, bounds).await;
    }
    store.forget_keyed_calls_before(0).await.unwrap();
    assert!(store.earlier_call("a").await.unwrap().is_some());
    store.forget_keyed_calls_before(i64::MAX).await.unwrap();
    assert_eq!((store.usage("named_calls").await, store.numbers(COUNT).await), (vec![0, 0], vec![0, 0]));
}

conformance!(
    the_oldest_answers_of_a_project_make_room_and_their_calls_stay_known,
    the_project_with_most_answers_makes_room_for_all,
    a_project_has_a_bounded_number_of_idempotency_keys,
    old_calls_are_forgotten_with_all_that_they_counted_for,
);
