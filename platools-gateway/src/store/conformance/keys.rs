//! Tests of [`KeyStore`](crate::ports::directory::KeyStore).

use super::{TestStore, conformance};
use crate::domain::identity::{Credential, Role, SpeaksFor};
use crate::domain::ids::ProjectId;
use crate::domain::key::{KeyRemoval, StoredKey};

fn admin(project: &ProjectId) -> StoredKey {
    StoredKey { role: Role::Admin, speaks_for: SpeaksFor::Anybody, ..StoredKey::sample(project) }
}

async fn admins_that_revoke_each_other_at_once_leave_one(store: TestStore) {
    let project = store.project.clone();
    for _ in 0..20 {
        let (one, other) = (admin(&project), admin(&project));
        for key in [&one, &other] {
            assert!(store.add_key(key, &[], u32::MAX).await.unwrap());
        }
        let removals = tokio::join!(store.remove_key(&project, &one.id), store.remove_key(&project, &other.id));
        let mut ends = [removals.0.unwrap(), removals.1.unwrap()];
        ends.sort_by_key(|end| *end != KeyRemoval::Removed);
        assert_eq!(ends, [KeyRemoval::Removed, KeyRemoval::IsLastAdmin]);
        let left = store.directory().await.unwrap().keys;
        assert_eq!(left.len(), 1);
        store.execute("DELETE FROM caller_keys").await;
    }
}

async fn an_admin_of_some_environments_is_not_the_other_admin(store: TestStore) {
    let project = store.project.clone();
    let (whole, mut part) = (admin(&project), admin(&project));
    part.environments = Some(vec!["env_1".into()]);
    for key in [&whole, &part] {
        store.add_key(key, &[], u32::MAX).await.unwrap();
    }
    assert_eq!(store.remove_key(&project, &whole.id).await.unwrap(), KeyRemoval::IsLastAdmin);
    assert_eq!(store.remove_key(&project, &part.id).await.unwrap(), KeyRemoval::Removed);
    assert_eq!(store.remove_key(&project, &part.id).await.unwrap(), KeyRemoval::Missing);
    assert_eq!(store.remove_key(&"prj_other".into(), &whole.id).await.unwrap(), KeyRemoval::Missing);
}

async fn one_of_many_starts_makes_the_first_key(store: TestStore) {
    let project = store.project.clone();
    let keys: Vec<_> = (0..8).map(|_| admin(&project)).collect();
    let added = futures::future::join_all(keys.iter().map(|key| store.add_first_key(key))).await;
    assert_eq!(added.into_iter().filter(|added| *added.as_ref().unwrap()).count(), 1);
}

async fn a_credential_that_has_ended_makes_no_key(store: TestStore) {
    let project = store.project.clone();
    let (maker, made) = (admin(&project), admin(&project));
    let makers = [Credential::Key(maker.id.clone())];
    assert!(!store.add_key(&made, &makers, u32::MAX).await.unwrap());
    store.add_key(&maker, &[], u32::MAX).await.unwrap();
    assert!(store.add_key(&made, &makers, u32::MAX).await.unwrap());
}

async fn a_last_use_is_stored_without_a_new_revision_and_never_goes_back(store: TestStore) {
    let project = store.project.clone();
    let key = admin(&project);
    store.add_key(&key, &[], u32::MAX).await.unwrap();
    let revision = store.directory_revision().await.unwrap();
    for at_ms in [7, 5] {
        store.store_last_uses(&[(key.id.to_string(), at_ms), ("0f".to_owned(), at_ms)]).await.unwrap();
    }
    assert_eq!(store.directory_revision().await.unwrap(), revision);
    assert_eq!(store.directory().await.unwrap().keys[0].last_used_ms, Some(7));
}

async fn a_key_of_an_earlier_version_speaks_for_the_users_of_its_role(store: TestStore) {
    let key = admin(&store.project);
    store.add_key(&key, &[], 1).await.unwrap();
    for (role, speaks_for) in [("admin", SpeaksFor::Anybody), ("viewer", SpeaksFor::Nobody)] {
        store.execute(&format!("UPDATE caller_keys SET speaks_for = NULL, role = '{role}'")).await;
        assert_eq!(store.directory().await.unwrap().keys[0].speaks_for, speaks_for, "{role}");
    }
    store.execute("UPDATE caller_keys SET role = 'owner'").await;
    assert!(store.directory().await.unwrap().keys.is_empty(), "a role that is unknown opens nothing");
}

conformance!(
    admins_that_revoke_each_other_at_once_leave_one,
    an_admin_of_some_environments_is_not_the_other_admin,
    one_of_many_starts_makes_the_first_key,
    a_credential_that_has_ended_makes_no_key,
    a_last_use_is_stored_without_a_new_revision_and_never_goes_back,
    a_key_of_an_earlier_version_speaks_for_the_users_of_its_role,
);
