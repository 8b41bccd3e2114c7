//! [`KeyStore`] in SQL: stores the keys of callers, as hashes.

use async_trait::async_trait;
use serde_json::Value;

use super::change_log::ChangedRows;
use super::limits::{LimitedObject, check_room};
use super::rows::{UnreadableRow, id, list, named, optional_id};
use crate::domain::error::Error;
use crate::domain::identity::{Credential, Role, SpeaksFor};
use crate::domain::ids::{AgentId, EnvironmentId, KeyId, ProjectId};
use crate::domain::key::{KeyRemoval, StoredKey};
use crate::ports::directory::KeyStore;
use crate::ports::time::now_ms;
use crate::store::SqlStore;
use crate::store::sql::{self, Row, SqlConnection};
use crate::store::writer::WriteLock;

/// Removes a key, unless it is the last key of the project that administers all of it and belongs to no agent.
const REMOVE: &str = "DELETE FROM caller_keys WHERE project_id = $1 AND id = $2 AND ( \
     role != 'admin' OR environments IS NOT NULL OR agent_id IS NOT NULL OR COALESCE(expires_ms, $3 + 1) <= $3 \
     OR EXISTS (SELECT 1 FROM caller_keys o WHERE o.project_id = $1 AND o.id <> $2 AND o.role = 'admin' \
     AND o.environments IS NULL AND o.agent_id IS NULL AND COALESCE(o.expires_ms, $3 + 1) > $3))";

#[async_trait]
impl KeyStore for SqlStore {
    async fn add_key(&self, key: &StoredKey, makers: &[Credential], limit: u32) -> Result<bool, Error> {
        let mut change = self.change_directory(ChangedRows::Key(&key.id)).await?;
        check_room(&mut change, &key.project_id, LimitedObject::Keys, limit).await?;
        if !are_good(&mut change, makers).await? {
            return Ok(false);
        }
        insert(&mut change, key).await?;
        change.commit().await?;
        Ok(true)
    }

    async fn add_first_key(&self, key: &StoredKey) -> Result<bool, Error> {
        let mut change = self.change_directory(ChangedRows::Key(&key.id)).await?;
        if sql::query("SELECT id FROM caller_keys LIMIT 1").fetch_optional(&mut *change).await?.is_some() {
            return Ok(false);
        }
        insert(&mut change, key).await?;
        change.commit().await?;
        Ok(true)
    }

    async fn remove_key(&self, project: &ProjectId, key: &KeyId) -> Result<KeyRemoval, Error> {
        let mut change = self.change_directory(ChangedRows::Key(key)).await?;
        // Decided where all changes are in order: two admins that revoke each other leave one.
        let removed =
            sql::query(REMOVE).bind(project.as_str()).bind(key.as_str()).bind(now_ms()).execute(&mut *change).await?;
        if removed > 0 {
            change.commit().await?;
            return Ok(KeyRemoval::Removed);
        }
        let find = sql::query("SELECT id FROM caller_keys WHERE project_id = $1 AND id = $2");
        let found = find.bind(project.as_str()).bind(key.as_str()).fetch_optional(&mut *change).await?;
        Ok(if found.is_some() { KeyRemoval::IsLastAdmin } else { KeyRemoval::Missing })
    }

    async fn store_last_uses(&self, uses: &[(String, i64)]) -> Result<(), Error> {
        let mut change = self.writes.begin(WriteLock::Directory).await?;
        for (id, at_ms) in uses {
            let statement = if id.starts_with("key_") {
                "UPDATE caller_keys SET last_used_ms = $2 WHERE id = $1 AND COALESCE(last_used_ms, 0) < $2"
            } else {
                "UPDATE tokens SET last_used_ms = $2 WHERE id = $1 AND COALESCE(last_used_ms, 0) < $2"
            };
            sql::query(statement).bind(id).bind(at_ms).execute(&mut *change).await?;
        }
        change.commit().await?;
        Ok(())
    }
}

/// True if none of these credentials has ended.
pub(super) async fn are_good(connection: &mut SqlConnection, credentials: &[Credential]) -> Result<bool, Error> {
    for credential in credentials {
        let (statement, id) = match credential {
            Credential::Key(id) => {
                ("SELECT id FROM caller_keys WHERE id = $1 AND (expires_ms IS NULL OR expires_ms > $2)", id.as_str())
            }
            Credential::Secret(id) => {
                ("SELECT id FROM entity_secrets WHERE id = $1 AND (expires_ms IS NULL OR expires_ms > $2)", id.as_str())
            }
            // A token without a record is of an earlier version, or was forgotten after its end.
            Credential::Token { id, .. } => (
                "SELECT 1 WHERE $2 > 0 AND NOT EXISTS (SELECT 1 FROM tokens WHERE id = $1 AND revoked_ms IS NOT NULL)",
                id.as_str(),
            ),
            // An application's token makes no credential of the gateway.
            Credential::Application { .. } => return Ok(false),
            Credential::Nothing => continue,
        };
        if sql::query(statement).bind(id).bind(now_ms()).fetch_optional(&mut *connection).await?.is_none() {
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

async fn insert(connection: &mut SqlConnection, key: &StoredKey) -> Result<(), Error> {
    sql::query(
        "INSERT INTO caller_keys (id, project_id, hash, name, role, tool_roles, speaks_for, environments, agent_id, \
         created_by, created_ms, expires_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
    )
    .bind(key.id.as_str())
    .bind(key.project_id.as_str())
    .bind(&key.hash)
    .bind(&key.name)
    .bind(key.role.as_str())
    .bind(Value::from(key.tool_roles.clone()).to_string())
    .bind(serde_json::to_string(&key.speaks_for).ok())
    .bind(environments_text(key.environments.as_ref()))
    .bind(key.agent_id.as_ref().map(AgentId::as_str))
    .bind(&key.created_by)
    .bind(key.created_ms)
    .bind(key.expires_ms)
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) fn key(row: &Row) -> Result<StoredKey, UnreadableRow> {
    let (role, agent_id) = (named(row, "role", Role::from_name)?, optional_id(row, "agent_id"));
    let speaks_for = match row.get::<Option<String>, _>("speaks_for") {
        // A key whose users cannot be read may do less.
        Some(text) => serde_json::from_str(&text).unwrap_or(SpeaksFor::Nobody),
        // Keys of earlier versions have the default of their role.
        None => SpeaksFor::default_of(role, agent_id.as_ref()),
    };
    Ok(StoredKey {
        id: id(row, "id"),
        project_id: id(row, "project_id"),
        hash: row.get("hash"),
        name: row.get("name"),
        role,
        tool_roles: list(row.get("tool_roles")),
        speaks_for,
        environments: row.get::<Option<String>, _>("environments").map(|text| list(&text)),
        agent_id,
        created_by: row.get("created_by"),
        created_ms: row.get("created_ms"),
        expires_ms: row.get("expires_ms"),
        last_used_ms: row.get("last_used_ms"),
    })
}
