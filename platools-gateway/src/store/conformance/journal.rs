//! Tests of [`JournalStore`](crate::ports::journal::JournalStore).

use super::{TestStore, conformance};
use crate::domain::call::{CallFilter, CallRetention, CallScope, StoredCall};
use crate::domain::ids::CallId;
use crate::domain::page::Listing;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// Bytes that each of the calls counts for.
const EACH: i64 = 1028;

fn retention(oldest_ms: i64, max_bytes: i64) -> CallRetention {
    CallRetention { oldest_ms, max_bytes, batch: 10 }
}

fn times(listing: &Listing<StoredCall, (i64, CallId)>) -> Vec<i64> {
    listing.items.iter().map(|call| call.summary.started_ms).collect()
}

async fn a_repeated_write_counts_once_and_the_sum_follows_what_is_there(store: TestStore) {
    let third = 2 * DAY_MS;
    let calls: Vec<_> = [0, DAY_MS, third, third + 1, third + 2].into_iter().map(StoredCall::sample).collect();
    assert_eq!(store.add_calls(&calls[..3]).await.unwrap(), 3 * EACH);
    assert_eq!(store.add_calls(&calls).await.unwrap(), 5 * EACH);
    assert_eq!(store.prune_calls(retention(third, i64::MAX)).await.unwrap(), 2);
    assert_eq!(store.prune_calls(retention(third, i64::MAX)).await.unwrap(), 0);
    assert_eq!(store.add_calls(&[]).await.unwrap(), 3 * EACH);
    assert_eq!(store.prune_calls(CallRetention { batch: 1, ..retention(0, EACH) }).await.unwrap(), 1);
    let left = store.calls(&"prj".into(), &CallFilter::default(), 10).await.unwrap();
    assert_eq!(times(&left), [third + 2, third + 1]);
}

async fn a_caller_sees_calls_of_its_environments_user_and_agent_only(store: TestStore) {
    let mut calls: Vec<_> = (0..6).map(StoredCall::sample).collect();
    for (number, call) in calls.iter_mut().enumerate() {
        call.summary.environment_id = ["env_a", "env_b", "env_c"][number % 3].into();
        call.summary.user_id = Some(["u-1", "u-2"][number % 2].to_owned());
        call.summary.agent_id = Some(["agt_1", "agt_2"][number / 3].into());
    }
    store.add_calls(&calls).await.unwrap();
    let environments = |ids: &[&str]| Some(ids.iter().map(|id| (*id).into()).collect());
    for (scope, seen) in [
        (CallScope::default(), &[5, 4, 3, 2, 1, 0][..]),
        (CallScope { environments: environments(&["env_a", "env_c"]), ..CallScope::default() }, &[5, 3, 2, 0]),
        (CallScope { environments: environments(&[]), ..CallScope::default() }, &[]),
        (CallScope { user: Some("u-1".to_owned()), ..CallScope::default() }, &[4, 2, 0]),
        (CallScope { agent: Some("agt_2".into()), ..CallScope::default() }, &[5, 4, 3]),
        (
            CallScope {
                user: Some("u-2".to_owned()),
                agent: Some("agt_2".into()),
                environments: environments(&["env_c"]),
            },
            &[5],
        ),
    ] {
        let filter = CallFilter { scope, ..CallFilter::default() };
        assert_eq!(times(&store.calls(&"prj".into(), &filter, 10).await.unwrap()), seen, "{filter:?}");
    }
    let other = CallFilter {
        scope: CallScope { user: Some("u-1".to_owned()), ..CallScope::default() },
        ..CallFilter::default()
    };
    let asked = CallFilter { user_id: Some("u-2".to_owned()), ..other };
    assert_eq!(times(&store.calls(&"prj".into(), &asked, 10).await.unwrap()), [0; 0], "another's, by name");
}

conformance!(
    a_repeated_write_counts_once_and_the_sum_follows_what_is_there,
    a_caller_sees_calls_of_its_environments_user_and_agent_only,
);
