//! Tests of [`DirectoryStore`](crate::ports::directory::DirectoryStore), of projects and of signing keys.

use super::{TestStore, conformance};
use crate::domain::directory::DirectoryChange;
use crate::domain::identity::Scope;
use crate::domain::project::ProjectName;

async fn only_the_parts_that_changed_are_read(store: TestStore) {
    let project = store.project.clone();
    let before = store.directory_revision().await.unwrap();
    assert!(store.directory_since(before).await.unwrap().unwrap().changes.is_empty());
    store.add_environment(&project, "qa", 10).await.unwrap();
    store.add_environment(&project, "qb", 10).await.unwrap();
    store.note_signing_key("k").await.unwrap();
    let update = store.directory_since(before).await.unwrap().unwrap();
    assert_eq!(update.revision, before + 3);
    let [DirectoryChange::Environments(changed, environments)] = &*update.changes else { panic!("{update:?}") };
    assert_eq!((changed, environments.len()), (&project, 5));
}

async fn a_revision_without_a_note_or_with_a_forgotten_one_means_everything(store: TestStore) {
    let before = store.directory_revision().await.unwrap();
    let raise = "UPDATE directory_revision SET revision = revision + 1";
    store.execute(raise).await;
    store.note_signing_key("k").await.unwrap();
    assert!(store.directory_since(before).await.unwrap().is_none());
    assert!(store.directory_since(before + 1).await.unwrap().is_some());
    let raise = "UPDATE directory_revision SET revision = revision + 1000";
    store.execute(raise).await;
    store.add_project(&"acme/shop".parse::<ProjectName>().unwrap()).await.unwrap();
    assert!(store.directory_since(before + 1).await.unwrap().is_none());
    assert_eq!(store.numbers("SELECT COUNT(*) FROM directory_changes").await, [1], "old notes are removed");
}

async fn the_default_project_is_made_once(store: TestStore) {
    let project = store.project.clone();
    let revision = store.directory_revision().await.unwrap();
    assert_eq!(store.default_project().await.unwrap(), project);
    assert_eq!(store.directory_revision().await.unwrap(), revision);
}

async fn an_organization_is_there_as_long_as_it_has_a_project(store: TestStore) {
    let [shop, bank] = ["acme/shop", "acme/bank"].map(|name| name.parse::<ProjectName>().unwrap());
    assert!(store.add_project(&shop).await.unwrap() && store.add_project(&bank).await.unwrap());
    assert!(!store.add_project(&shop).await.unwrap());
    for (removed, organizations) in [(&shop, 2), (&bank, 1)] {
        let projects = store.directory().await.unwrap().projects;
        let project = projects.into_iter().find(|project| project.name == *removed).unwrap();
        store.remove_project(&project.id).await.unwrap();
        let left = store.numbers("SELECT COUNT(*) FROM organizations").await;
        assert_eq!(left, [organizations], "after {removed}");
    }
}

async fn an_environment_goes_with_its_tools(store: TestStore) {
    assert!(store.add_environment(&store.project, "qa", 10).await.unwrap());
    let environments = store.directory().await.unwrap().environments;
    let (_, qa) = environments.iter().find(|(_, environment)| environment.slug == "qa").unwrap();
    let scope = Scope { entity: store.entity("e").await, environment: qa.id.clone() };
    store.disable_tool(&scope, "t").await.unwrap();
    store.remove_environment(&qa.id).await.unwrap();
    let left = store.directory().await.unwrap();
    assert!(left.disabled_tools.is_empty() && left.environments.len() == environments.len() - 1);
}

async fn the_key_in_use_is_the_one_that_was_noted_last(store: TestStore) {
    assert_eq!(store.signing_key_in_use().await.unwrap(), None);
    for id in ["a", "b"] {
        store.note_signing_key(id).await.unwrap();
        assert_eq!(store.signing_key_in_use().await.unwrap().as_deref(), Some(id));
    }
}

conformance!(
    only_the_parts_that_changed_are_read,
    a_revision_without_a_note_or_with_a_forgotten_one_means_everything,
    the_default_project_is_made_once,
    an_organization_is_there_as_long_as_it_has_a_project,
    an_environment_goes_with_its_tools,
    the_key_in_use_is_the_one_that_was_noted_last,
);
