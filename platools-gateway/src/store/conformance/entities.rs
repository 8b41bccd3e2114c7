//! Tests of [`EntityStore`](crate::ports::directory::EntityStore).

use super::{TestStore, conformance, entity};
use crate::domain::entity::{Entity, EntityChange};
use crate::domain::error::ErrorKind;
use crate::domain::identity::Scope;
use crate::domain::ids::EntityId;

const ICON: &str = "https://a.example/1.png";

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

/// Adds an entity with a title and an icon.
async fn added(store: &TestStore) -> EntityId {
    let (plain, secret) = entity(&store.project, "orders");
    let entity = Entity { title: text("Orders"), icon: text(ICON), ..plain };
    assert!(store.add_entity(&entity, &secret, 10).await.unwrap());
    entity.id
}

async fn display(store: &TestStore) -> (Option<String>, Option<String>) {
    let rows = store.directory().await.unwrap();
    let [entity] = &*rows.entities else { panic!("one entity was expected: {rows:?}") };
    (entity.title.clone(), entity.icon.clone())
}

async fn a_change_leaves_the_fields_alone_that_it_does_not_name(store: TestStore) {
    let entity = added(&store).await;
    let before = store.directory_revision().await.unwrap();
    assert_eq!(display(&store).await, (text("Orders"), text(ICON)));
    store.change_entity(&entity, &EntityChange { title: text("Shop"), icon: None }).await.unwrap();
    assert_eq!(display(&store).await, (text("Shop"), text(ICON)));
    store.change_entity(&entity, &EntityChange { title: None, icon: text("") }).await.unwrap();
    assert_eq!(display(&store).await, (text("Shop"), None));
    assert_eq!(store.directory_revision().await.unwrap(), before + 2, "other processes notice");
}

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

conformance!(
    a_change_leaves_the_fields_alone_that_it_does_not_name,
    a_bounded_number_of_tools_is_switched_off,
    a_policy_that_is_unknown_leaves_its_entity_out_and_no_other,
);
