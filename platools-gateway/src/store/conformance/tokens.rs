//! Tests of [`TokenStore`](crate::ports::directory::TokenStore).

use super::{TestStore, conformance};
use crate::domain::identity::{Credential, Role, SpeaksFor};
use crate::domain::ids::ProjectId;
use crate::domain::token::{StoredToken, TokenAddition, TokenPage};

fn token(project: &ProjectId, id: &str, expires_ms: i64) -> StoredToken {
    StoredToken {
        id: id.to_owned(),
        role: Some(Role::Viewer),
        speaks_for: Some(SpeaksFor::Nobody),
        signed_by: "k".to_owned(),
        created_ms: 50,
        expires_ms,
        ..StoredToken::blank(project.clone())
    }
}

async fn ids(store: &TestStore, page: TokenPage<'_>) -> Vec<String> {
    store.tokens(page).await.unwrap().into_iter().map(|token| token.id).collect()
}

async fn a_project_has_so_many_tokens_and_those_that_ended_make_room(store: TestStore) {
    let project = store.project.clone();
    let add = async |id: &str, expires_ms| store.add_token(&token(&project, id, expires_ms), &[], 2).await.unwrap();
    assert_eq!(add("a", 10).await, TokenAddition::Added);
    assert_eq!(add("b", 100).await, TokenAddition::Added);
    assert_eq!(add("c", 100).await, TokenAddition::Added, "the first has ended");
    assert_eq!(add("d", 100).await, TokenAddition::ProjectIsFull);
    assert!(store.revoke_token(&project, "b", 60).await.unwrap());
    assert_eq!(
        add("d", 100).await,
        TokenAddition::ProjectIsFull,
        "one that is revoked is remembered until it would have ended"
    );
    let page = TokenPage { project: &project, signed_by: None, before: None, limit: 10, now_ms: 60 };
    assert_eq!(ids(&store, page).await, ["c"]);
}

async fn a_token_is_revoked_with_all_that_it_minted(store: TestStore) {
    let project = store.project.clone();
    let mut child = token(&project, "b", 100);
    child.parent = Some("tok_a".to_owned());
    let mut grandchild = token(&project, "c", 100);
    grandchild.parent = Some("tok_b".to_owned());
    for token in [token(&project, "a", 100), child, grandchild, token(&project, "d", 100)] {
        store.add_token(&token, &[], 10).await.unwrap();
    }
    let revision = store.directory_revision().await.unwrap();
    assert!(!store.revoke_token(&"prj_other".into(), "a", 60).await.unwrap());
    assert!(store.revoke_token(&project, "a", 60).await.unwrap());
    assert!(!store.revoke_token(&project, "a", 60).await.unwrap());
    assert!(store.directory_revision().await.unwrap() > revision);
    let rows = store.directory().await.unwrap();
    let mut revoked: Vec<_> = rows.revoked_tokens.into_iter().map(|(id, _)| id).collect();
    revoked.sort();
    assert_eq!(revoked, ["a", "b", "c"]);
}

async fn pages_follow_one_another_and_show_what_is_good(store: TestStore) {
    let project = store.project.clone();
    for (id, ends_ms) in [("a", 100), ("b", 100), ("ended", 55), ("c", 100)] {
        store.add_token(&token(&project, id, ends_ms), &[], 10).await.unwrap();
    }
    let other_key = StoredToken { signed_by: "old".to_owned(), ..token(&project, "d", 100) };
    store.add_token(&other_key, &[], 10).await.unwrap();
    let keys = ["k".to_owned()];
    let page = TokenPage { project: &project, signed_by: Some(&keys), before: None, limit: 2, now_ms: 60 };
    assert_eq!(ids(&store, page).await, ["c", "b"]);
    assert_eq!(ids(&store, TokenPage { before: Some((50, "b")), ..page }).await, ["a"]);
    assert_eq!(store.forget_tokens(60).await.unwrap(), 1);
}

async fn a_parent_that_has_ended_has_no_children(store: TestStore) {
    let project = store.project.clone();
    let gone = [Credential::Key("key_gone".into())];
    let mut child = token(&project, "a", 100);
    child.key_id = Some("key_gone".into());
    assert_eq!(store.add_token(&child, &gone, 10).await.unwrap(), TokenAddition::ParentEnded);
    let page = TokenPage { project: &project, signed_by: None, before: None, limit: 2, now_ms: 60 };
    assert!(ids(&store, page).await.is_empty());
}

conformance!(
    a_project_has_so_many_tokens_and_those_that_ended_make_room,
    a_token_is_revoked_with_all_that_it_minted,
    pages_follow_one_another_and_show_what_is_good,
    a_parent_that_has_ended_has_no_children,
);
