//! [`TokenStore`] in SQL: stores the records of signed tokens, without the tokens themselves.

use async_trait::async_trait;
use serde_json::Value;

use super::change_log::ChangedRows;
use super::keys::{are_good, environments_text};
use super::rows::{UnreadableRow, id, list, named, optional_id, readable};
use crate::domain::error::Error;
use crate::domain::identity::{Credential, Role};
use crate::domain::ids::{AgentId, EntityId, KeyId, ProjectId, SecretId};
use crate::domain::token::{StoredToken, TokenAddition, TokenPage};
use crate::ports::directory::TokenStore;
use crate::store::SqlStore;
use crate::store::sql::{self, Row, SqlBuilder, SqlConnection};
use crate::store::writer::WriteLock;

/// The tokens that were revoked.
pub(super) const REVOKED_TOKENS: &str = "SELECT id, project_id FROM tokens WHERE revoked_ms IS NOT NULL";

#[async_trait]
impl TokenStore for SqlStore {
    async fn add_token(&self, token: &StoredToken, parents: &[Credential], limit: i64) -> Result<TokenAddition, Error> {
        let mut change = self.writes.begin(WriteLock::Directory).await?;
        // A write first, so that it waits for other writers instead of failing after it has read.
        insert(&mut change, token).await?;
        self.write_recorded(&mut change).await?;
        if !are_good(&mut change, parents).await? {
            return Ok(TokenAddition::ParentEnded);
        }
        if count(&mut change, &token.project_id).await? > limit {
            sql::query("DELETE FROM tokens WHERE project_id = $1 AND expires_ms <= $2 AND revoked_ms IS NULL")
                .bind(token.project_id.as_str())
                .bind(token.created_ms)
                .execute(&mut *change)
                .await?;
            if count(&mut change, &token.project_id).await? > limit {
                return Ok(TokenAddition::ProjectIsFull);
            }
        }
        change.commit().await?;
        Ok(TokenAddition::Added)
    }

    async fn tokens(&self, page: TokenPage<'_>) -> Result<Vec<StoredToken>, Error> {
        let mut query = SqlBuilder::new("SELECT * FROM tokens WHERE project_id = ");
        query.push_bind(page.project.as_str().to_owned());
        query.push(" AND revoked_ms IS NULL AND expires_ms > ").push_bind(page.now_ms);
        query.push(
            " AND (secret_id IS NULL OR EXISTS (SELECT 1 FROM entity_secrets s WHERE s.id = tokens.secret_id \
             AND (s.expires_ms IS NULL OR s.expires_ms > ",
        );
        query.push_bind(page.now_ms).push(")))");
        if let Some(keys) = page.signed_by {
            query.push(" AND signed_by IN ").push_list(keys.iter().cloned());
        }
        if let Some((created_ms, id)) = page.before {
            query.push(" AND (created_ms, id) < (").push_bind(created_ms).push(", ");
            query.push_bind(id.to_owned()).push(")");
        }
        query.push(" ORDER BY created_ms DESC, id DESC LIMIT ");
        query.push_bind(i64::try_from(page.limit).unwrap_or(i64::MAX));
        Ok(readable(&self.lists.begin().await?.rows(query.build()).await?, token))
    }

    async fn token(&self, project: &ProjectId, id: &str) -> Result<Option<StoredToken>, Error> {
        let query =
            sql::query("SELECT * FROM tokens WHERE id = $1 AND project_id = $2").bind(id).bind(project.as_str());
        let found = query.fetch_optional(&self.reads).await?;
        Ok(readable(found.as_slice(), token).into_iter().next())
    }

    async fn revoke_token(&self, project: &ProjectId, id: &str, now_ms: i64) -> Result<bool, Error> {
        let mut change = self.change_directory(ChangedRows::Tokens(project)).await?;
        let revoked = sql::query(
            "WITH RECURSIVE ended (id) AS ( \
               SELECT id FROM tokens WHERE id = $1 AND project_id = $2 AND revoked_ms IS NULL AND expires_ms > $3 \
               UNION SELECT t.id FROM tokens t JOIN ended e ON t.parent = 'tok_' || e.id) \
             UPDATE tokens SET revoked_ms = $3 WHERE revoked_ms IS NULL AND id IN (SELECT id FROM ended)",
        )
        .bind(id)
        .bind(project.as_str())
        .bind(now_ms)
        .execute(&mut *change)
        .await?;
        if revoked == 0 {
            return Ok(false);
        }
        change.commit().await?;
        Ok(true)
    }

    async fn forget_tokens(&self, ended_before_ms: i64) -> Result<u64, Error> {
        let mut change = self.writes.begin(WriteLock::Directory).await?;
        let forgotten = sql::query(
            "DELETE FROM tokens WHERE id IN (SELECT id FROM tokens WHERE expires_ms < $1 ORDER BY expires_ms LIMIT 1000)",
        )
        .bind(ended_before_ms)
        .execute(&mut *change)
        .await?;
        change.commit().await?;
        Ok(forgotten)
    }
}

async fn count(connection: &mut SqlConnection, project: &ProjectId) -> Result<i64, Error> {
    let row = sql::query("SELECT COUNT(*) AS number FROM tokens WHERE project_id = $1")
        .bind(project.as_str())
        .fetch_one(connection)
        .await?;
    Ok(row.get("number"))
}

async fn insert(connection: &mut SqlConnection, token: &StoredToken) -> Result<(), Error> {
    // The key or secret behind it may be gone by now; then nothing is recorded, and its parents are found to have ended.
    sql::query(
        "INSERT INTO tokens (id, project_id, name, role, tool_roles, user_id, speaks_for, environments, agent_id, entity_id, \
         secret_id, key_id, parent, signed_by, created_ms, expires_ms) \
         SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16 \
         WHERE ($12 IS NULL OR EXISTS (SELECT 1 FROM caller_keys WHERE id = $12)) \
         AND ($11 IS NULL OR EXISTS (SELECT 1 FROM entity_secrets WHERE id = $11))",
    )
    .bind(&token.id)
    .bind(token.project_id.as_str())
    .bind(&token.name)
    .bind(token.role.map(Role::as_str))
    .bind(Value::from(token.tool_roles.clone()).to_string())
    .bind(&token.user_id)
    .bind(token.speaks_for.as_ref().and_then(|speaks_for| serde_json::to_string(speaks_for).ok()))
    .bind(environments_text(token.environments.as_ref()))
    .bind(token.agent_id.as_ref().map(AgentId::as_str))
    .bind(token.entity_id.as_ref().map(EntityId::as_str))
    .bind(token.secret_id.as_ref().map(SecretId::as_str))
    .bind(token.key_id.as_ref().map(KeyId::as_str))
    .bind(&token.parent)
    .bind(&token.signed_by)
    .bind(token.created_ms)
    .bind(token.expires_ms)
    .execute(connection)
    .await?;
    Ok(())
}

fn token(row: &Row) -> Result<StoredToken, UnreadableRow> {
    let text = |column: &str| row.get::<Option<String>, _>(column);
    Ok(StoredToken {
        id: row.get("id"),
        project_id: id(row, "project_id"),
        name: text("name"),
        role: text("role").map(|_| named(row, "role", Role::from_name)).transpose()?,
        tool_roles: list(row.get("tool_roles")),
        user_id: text("user_id"),
        speaks_for: text("speaks_for").and_then(|text| serde_json::from_str(&text).ok()),
        environments: text("environments").map(|text| list(&text)),
        agent_id: optional_id(row, "agent_id"),
        entity_id: optional_id(row, "entity_id"),
        secret_id: optional_id(row, "secret_id"),
        key_id: optional_id(row, "key_id"),
        parent: text("parent"),
        signed_by: row.get("signed_by"),
        created_ms: row.get("created_ms"),
        expires_ms: row.get("expires_ms"),
        last_used_ms: row.get("last_used_ms"),
    })
}

pub(super) fn revoked_token(row: &Row) -> Result<(String, ProjectId), UnreadableRow> {
    Ok((row.get("id"), id(row, "project_id")))
}
