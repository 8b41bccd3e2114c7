//! Tests of [`IdempotencyStore`](crate::ports::idempotency::IdempotencyStore).

use std::time::Duration;

use futures::future::join_all;

use super::{TestStore, conformance};
use crate::domain::idempotency::{AnswerBounds, EarlierEnd, KeyedBegin, KeyedCall};
use crate::domain::ids::ProjectId;
use crate::domain::project::ProjectName;

const COUNT: &str = "SELECT COUNT(*), CAST(COALESCE(SUM(octet_length(answer)), 0) AS BIGINT) FROM named_calls";

fn call(project: &ProjectId, id: &str) -> KeyedCall {
    KeyedCall { id: id.to_owned(), project: project.clone(), fingerprint: "f".to_owned(), call_id: "call_1".into() }
}

/// Begins a call whose answer may come within a minute.
async fn begin(store: &TestStore, call: &KeyedCall, limit: i64) -> KeyedBegin {
    store.begin_keyed_call(call, Duration::from_secs(60), limit).await.unwrap()
}

async fn answer(store: &TestStore, call: &KeyedCall, bytes: usize, bounds: AnswerBounds) {
    assert_eq!(begin(store, call, 100).await, KeyedBegin::Begun);
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

async fn writes_at_the_same_time_keep_to_the_bounds_together(store: TestStore) {
    let project = store.project.clone();
    let calls: Vec<_> = (0..50).map(|number| call(&project, &format!("k{number:02}"))).collect();
    let begun = join_all(calls.iter().map(|call| begin(&store, call, 30))).await;
    let begun: Vec<_> = calls.iter().zip(begun).collect();
    assert_eq!(begun.iter().filter(|(_, begun)| *begun == KeyedBegin::TooManyKeys).count(), 20);
    let begun: Vec<_> =
        begun.into_iter().filter(|(_, begun)| *begun == KeyedBegin::Begun).map(|(call, _)| call).collect();
    assert_eq!((begun.len(), store.usage("named_calls").await), (30, vec![30, 0]));

    let (ended, forgotten) = begun.split_at(20);
    let answer = "x".repeat(100);
    let bounds = AnswerBounds { project: 1500, total: i64::MAX };
    let ends = join_all(ended.iter().map(|call| store.end_keyed_call(call, Some(&answer), bounds)));
    let forgets = join_all(forgotten.iter().map(|call| store.forget_keyed_call(call)));
    let (ends, forgets) = tokio::join!(ends, forgets);
    assert!(ends.into_iter().chain(forgets).all(|written| written.is_ok()));
    assert_eq!((store.usage("named_calls").await, store.numbers(COUNT).await), (vec![20, 1500], vec![20, 1500]));
}

async fn a_project_has_a_bounded_number_of_idempotency_keys(store: TestStore) {
    let project = store.project.clone();
    let begin = async |id| begin(&store, &call(&project, id), 2).await;
    assert_eq!([begin("a").await, begin("b").await], [KeyedBegin::Begun; 2]);
    assert_eq!(begin("c").await, KeyedBegin::TooManyKeys);
    assert!(store.earlier_call("c").await.unwrap().is_none());
    store.forget_keyed_call(&call(&project, "a")).await.unwrap();
    assert_eq!(begin("c").await, KeyedBegin::Begun, "a call that never ran makes room");
}

async fn one_of_two_calls_begins_under_a_key_and_the_other_leaves_no_trace(store: TestStore) {
    let first = call(&store.project, "a");
    let second = KeyedCall { call_id: "call_2".into(), fingerprint: "g".to_owned(), ..first.clone() };
    assert_eq!(begin(&store, &first, 100).await, KeyedBegin::Begun);
    assert_eq!(begin(&store, &second, 100).await, KeyedBegin::Taken);
    let found = store.earlier_call("a").await.unwrap().unwrap();
    assert_eq!((found.call_id.as_str(), &*found.fingerprint), ("call_1", "f"));
    assert_eq!(store.usage("named_calls").await, [1, 0]);
}

async fn a_late_end_of_a_call_that_did_not_run_changes_nothing_of_the_next_call_with_its_key(store: TestStore) {
    let first = call(&store.project, "a");
    let second = KeyedCall { call_id: "call_2".into(), ..first.clone() };
    let bounds = AnswerBounds { project: i64::MAX, total: i64::MAX };
    begin(&store, &first, 100).await;
    store.forget_keyed_call(&first).await.unwrap();
    assert_eq!(begin(&store, &second, 100).await, KeyedBegin::Begun);
    // The first gateway did not learn that the database forgot its call, and tries again.
    store.forget_keyed_call(&first).await.unwrap();
    store.end_keyed_call(&first, Some("x"), bounds).await.unwrap();
    let found = store.earlier_call("a").await.unwrap().unwrap();
    assert!(found.call_id == second.call_id && matches!(found.end, EarlierEnd::Begun { .. }), "{found:?}");
    assert_eq!(store.usage("named_calls").await, [1, 0]);
    store.end_keyed_call(&second, Some("y"), bounds).await.unwrap();
    store.end_keyed_call(&second, Some("z"), bounds).await.unwrap();
    assert_eq!(end(&store, "a").await, EarlierEnd::Answered("y".to_owned()), "the first answer stays");
}

async fn the_time_in_which_an_answer_may_come_is_measured_by_the_database(store: TestStore) {
    let (hour, project) = (Duration::from_secs(3600), store.project.clone());
    store.begin_keyed_call(&call(&project, "long"), hour, 100).await.unwrap();
    let EarlierEnd::Begun { answer_wait } = end(&store, "long").await else { panic!("the call has begun") };
    assert!(answer_wait <= hour && answer_wait > hour / 2, "{answer_wait:?}");
    store.begin_keyed_call(&call(&project, "over"), Duration::ZERO, 100).await.unwrap();
    assert_eq!(end(&store, "over").await, EarlierEnd::Begun { answer_wait: Duration::ZERO });
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
    writes_at_the_same_time_keep_to_the_bounds_together,
    a_project_has_a_bounded_number_of_idempotency_keys,
    one_of_two_calls_begins_under_a_key_and_the_other_leaves_no_trace,
    a_late_end_of_a_call_that_did_not_run_changes_nothing_of_the_next_call_with_its_key,
    the_time_in_which_an_answer_may_come_is_measured_by_the_database,
    old_calls_are_forgotten_with_all_that_they_counted_for,
);
