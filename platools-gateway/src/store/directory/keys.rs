//! Callers' keys.

use serde_json::Value;
use sqlx::SqliteConnection;

use super::KeyRow;
use super::changes::Touched;
use super::room::{Kind, check_room};
use crate::domain::error::Error;
use crate::domain::identity::Credential;
use crate::domain::ids::{AgentId, EnvironmentId, KeyId, ProjectId};
use crate::ports::time::now_ms;
use crate::store::Store;

/// The end of a request to revoke a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyRemoval {
    Removed,
    /// No other key administers the whole project.
    IsLastAdmin,
    /// There is no such key.
    Missing,
}

/// Removes a key, unless it administers a whole project, is nobody's in particular, and is the last such key.
const REMOVE: &str = "DELETE FROM caller_keys WHERE project_id = $1 AND id = $2 AND ( \
     role != 'admin' OR environments IS NOT NULL OR agent_id IS NOT NULL OR COALESCE(expires_ms, $3 + 1) <= $3 \
     OR EXISTS (SELECT 1 FROM caller_keys o WHERE o.project_id = $1 AND o.id <> $2 AND o.role = 'admin' \
     AND o.environments IS NULL AND o.agent_id IS NULL AND COALESCE(o.expires_ms, $3 + 1) > $3))";

impl Store {
    /// Adds a key, unless a credential that makes it has ended, or the project has `limit` of them. Says whether it was added.
    pub(crate) async fn add_key(&self, key: &KeyRow, makers: &[Credential], limit: u32) -> Result<bool, Error> {
        let mut change = self.change_directory(Touched::Key(&key.id)).await?;
        check_room(&mut change, &key.project_id, Kind::Keys, limit).await?;
        if !are_good(&mut change, makers).await? {
            return Ok(false);
        }
        insert(&mut change, key).await?;
        change.commit().await?;
        Ok(true)
    }

    /// Adds a key, unless there is any. Says whether it was added.
    pub(crate) async fn add_first_key(&self, key: &KeyRow) -> Result<bool, Error> {
        let mut change = self.change_directory(Touched::Key(&key.id)).await?;
        if sqlx::query("SELECT id FROM caller_keys LIMIT 1").fetch_optional(&mut *change).await?.is_some() {
            return Ok(false);
        }
        insert(&mut change, key).await?;
        change.commit().await?;
        Ok(true)
    }

    /// Removes a key of a project, and its tokens, unless it is the last that administers the project.
    pub(crate) async fn remove_key(&self, project: &ProjectId, key: &KeyId) -> Result<KeyRemoval, Error> {
        let mut change = self.change_directory(Touched::Key(key)).await?;
        // Decided where all changes are in order: two admins that revoke each other leave one.
        let removed =
            sqlx::query(REMOVE).bind(project.as_str()).bind(key.as_str()).bind(now_ms()).execute(&mut *change).await?;
        if removed.rows_affected() > 0 {
            change.commit().await?;
            return Ok(KeyRemoval::Removed);
        }
        let find = sqlx::query("SELECT id FROM caller_keys WHERE project_id = $1 AND id = $2");
        let found = find.bind(project.as_str()).bind(key.as_str()).fetch_optional(&mut *change).await?;
        Ok(if found.is_some() { KeyRemoval::IsLastAdmin } else { KeyRemoval::Missing })
    }

    /// Stores when keys and tokens were last used. The directory's revision stays.
    pub(crate) async fn store_last_uses(&self, uses: &[(String, i64)]) -> Result<(), Error> {
        let mut change = self.writes.begin().await?;
        for (id, at_ms) in uses {
            let statement = if id.starts_with("key_") {
                "UPDATE caller_keys SET last_used_ms = $2 WHERE id = $1 AND COALESCE(last_used_ms, 0) < $2"
            } else {
                "UPDATE tokens SET last_used_ms = $2 WHERE id = $1 AND COALESCE(last_used_ms, 0) < $2"
            };
            sqlx::query(statement).bind(id).bind(at_ms).execute(&mut *change).await?;
        }
        change.commit().await?;
        Ok(())
    }
}

/// True if none of these credentials has ended.
pub(super) async fn are_good(connection: &mut SqliteConnection, credentials: &[Credential]) -> Result<bool, Error> {
    for credential in credentials {
        let (statement, id) = match credential {
            Credential::Key(id) => {
                ("SELECT id FROM caller_keys WHERE id = $1 AND (expires_ms IS NULL OR expires_ms > $2)", id.as_str())
            }
            Credential::Secret(id) => {
                ("SELECT id FROM entity_secrets WHERE id = $1 AND (expires_ms IS NULL OR expires_ms > $2)", id.as_str())
            }
            // One that is not recorded is of an earlier version, or was forgotten after its end.
            Credential::Token { id, .. } => (
                "SELECT 1 WHERE $2 > 0 AND NOT EXISTS (SELECT 1 FROM tokens WHERE id = $1 AND revoked_ms IS NOT NULL)",
                id.as_str(),
            ),
            // An application's token makes no credential of the gateway.
            Credential::Application { .. } => return Ok(false),
            Credential::Nothing => continue,
        };
        if sqlx::query(statement).bind(id).bind(now_ms()).fetch_optional(&mut *connection).await?.is_none() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// A list of environments, as it is stored.
pub(super) fn environments_text(environments: Option<&Vec<EnvironmentId>>) -> Option<String> {
    let list = |ids: &Vec<EnvironmentId>| Value::from_iter(ids.iter().map(EnvironmentId::as_str)).to_string();
    environments.map(list)
}

async fn insert(connection: &mut SqliteConnection, key: &KeyRow) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO caller_keys (id, project_id, hash, name, role, tool_roles, speaks_for, environments, agent_id, \
         created_by, created_ms, expires_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
    )
    .bind(key.id.as_str())
    .bind(key.project_id.as_str())
    .bind(&key.hash)
    .bind(&key.name)
    .bind(&key.role)
    .bind(Value::from(key.tool_roles.clone()).to_string())
    .bind(key.speaks_for.as_ref().and_then(|speaks_for| serde_json::to_string(speaks_for).ok()))
    .bind(environments_text(key.environments.as_ref()))
    .bind(key.agent_id.as_ref().map(AgentId::as_str))
    .bind(&key.created_by)
    .bind(key.created_ms)
    .bind(key.expires_ms)
    .execute(connection)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn opened() -> (tempfile::TempDir, Store, ProjectId) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).await.unwrap();
        let project = store.default_project().await.unwrap();
        (folder, store, project)
    }

    fn admin(project: &ProjectId) -> KeyRow {
        let id = KeyId::random();
        KeyRow {
            hash: id.to_string(),
            id,
            project_id: project.clone(),
            name: None,
            role: "admin".to_owned(),
            tool_roles: Vec::new(),
            speaks_for: None,
            environments: None,
            agent_id: None,
            created_by: None,
            created_ms: 0,
            expires_ms: None,
            last_used_ms: None,
        }
    }

    #[tokio::test]
    async fn admins_that_revoke_each_other_at_once_leave_one() {
        let (_folder, store, project) = opened().await;
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
            sqlx::query("DELETE FROM caller_keys").execute(store.writes.connection()).await.unwrap();
        }
        store.close().await;
    }

    #[tokio::test]
    async fn an_admin_of_some_environments_is_not_the_other_admin() {
        let (_folder, store, project) = opened().await;
        let (whole, mut part) = (admin(&project), admin(&project));
        part.environments = Some(vec!["env_1".into()]);
        for key in [&whole, &part] {
            store.add_key(key, &[], u32::MAX).await.unwrap();
        }
        assert_eq!(store.remove_key(&project, &whole.id).await.unwrap(), KeyRemoval::IsLastAdmin);
        assert_eq!(store.remove_key(&project, &part.id).await.unwrap(), KeyRemoval::Removed);
        assert_eq!(store.remove_key(&project, &part.id).await.unwrap(), KeyRemoval::Missing);
        assert_eq!(store.remove_key(&"prj_other".into(), &whole.id).await.unwrap(), KeyRemoval::Missing);
        store.close().await;
    }

    #[tokio::test]
    async fn one_of_many_starts_makes_the_first_key() {
        let (_folder, store, project) = opened().await;
        let keys: Vec<_> = (0..8).map(|_| admin(&project)).collect();
        let added = futures::future::join_all(keys.iter().map(|key| store.add_first_key(key))).await;
        assert_eq!(added.into_iter().filter(|added| *added.as_ref().unwrap()).count(), 1);
        store.close().await;
    }

    #[tokio::test]
    async fn a_credential_that_has_ended_makes_no_key() {
        let (_folder, store, project) = opened().await;
        let (maker, made) = (admin(&project), admin(&project));
        let makers = [Credential::Key(maker.id.clone())];
        assert!(!store.add_key(&made, &makers, u32::MAX).await.unwrap());
        store.add_key(&maker, &[], u32::MAX).await.unwrap();
        assert!(store.add_key(&made, &makers, u32::MAX).await.unwrap());
        store.close().await;
    }

    #[tokio::test]
    async fn a_last_use_is_stored_without_a_new_revision_and_never_goes_back() {
        let (_folder, store, project) = opened().await;
        let key = admin(&project);
        store.add_key(&key, &[], u32::MAX).await.unwrap();
        let revision = store.directory_revision().await.unwrap();
        for at_ms in [7, 5] {
            store.store_last_uses(&[(key.id.to_string(), at_ms), ("0f".to_owned(), at_ms)]).await.unwrap();
        }
        assert_eq!(store.directory_revision().await.unwrap(), revision);
        assert_eq!(store.directory().await.unwrap().keys[0].last_used_ms, Some(7));
        store.close().await;
    }
}
