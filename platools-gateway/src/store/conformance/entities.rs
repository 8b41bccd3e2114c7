//! Tests of [`EntityStore`](crate::ports::directory::EntityStore).

use super::{TestStore, conformance};
use crate::domain::error::ErrorKind;
use crate::domain::identity::Scope;

async fn a_bounded_number_of_tools_is_switched_off(store: TestStore) {
    let environment = store.directory().await.unwrap().environments[0].1.id.clone();
    let entity = store.entity("e").await;
    let fill = format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9999) \
         INSERT INTO disabled_tools SELECT '{entity}', '{environment}', 't' || i FROM n"
    );
    store.execute(&fill).await;
    let scope = Scope { entity, environment };
    store.disable_tool(&scope, "last").await.unwrap();
    assert_eq!(store.disable_tool(&scope, "more").await.unwrap_err().kind(), ErrorKind::LimitReached);
    store.enable_tool(&scope, "last").await.unwrap();
    store.disable_tool(&scope, "more").await.unwrap();
}

async fn a_policy_that_is_unknown_leaves_its_entity_out_and_no_other(store: TestStore) {
    let (known, unknown) = (store.entity("known").await, store.entity("unknown").await);
    store.execute(&format!("UPDATE entities SET policy = 'round' WHERE id = '{unknown}'")).await;
    let entities = store.directory().await.unwrap().entities;
    assert_eq!(entities.into_iter().map(|entity| entity.id).collect::<Vec<_>>(), [known]);
}

conformance!(a_bounded_number_of_tools_is_switched_off, a_policy_that_is_unknown_leaves_its_entity_out_and_no_other,);
