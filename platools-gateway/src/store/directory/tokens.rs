//! Records of signed tokens, without the tokens themselves.

use serde_json::Value;
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row as _, Sqlite, SqliteConnection};

use super::changes::Touched;
use super::keys::{are_good, environments_text};
use super::rows::list;
use crate::domain::error::Error;
use crate::domain::identity::{Credential, SpeaksFor};
use crate::domain::ids::{AgentId, EntityId, EnvironmentId, KeyId, ProjectId, SecretId};
use crate::store::Store;

/// A stored token.
#[derive(Debug, Clone)]
pub(crate) struct TokenRow {
    /// Its `jti`.
    pub(crate) id: String,
    pub(crate) project_id: ProjectId,
    pub(crate) name: Option<String>,
    /// None for a worker's.
    pub(crate) role: Option<String>,
    pub(crate) tool_roles: Vec<String>,
    pub(crate) user_id: Option<String>,
    pub(crate) speaks_for: Option<SpeaksFor>,
    pub(crate) environments: Option<Vec<EnvironmentId>>,
    pub(crate) agent_id: Option<AgentId>,
    pub(crate) entity_id: Option<EntityId>,
    /// The secret that a worker's token stands in for.
    pub(crate) secret_id: Option<SecretId>,
    /// The key at the beginning of those that minted it.
    pub(crate) key_id: Option<KeyId>,
    /// The key or token that minted it.
    pub(crate) parent: Option<String>,
    /// The id of the key that signed it.
    pub(crate) signed_by: String,
    pub(crate) created_ms: i64,
    pub(crate) expires_ms: i64,
    pub(crate) last_used_ms: Option<i64>,
}

/// The end of an attempt to record a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenRecord {
    Added,
    /// A credential that it would end with has ended.
    ParentEnded,
    /// The project has as many as it may have.
    Full,
}

/// The tokens of a page: good ones, latest first.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TokenPage<'a> {
    pub(crate) project: &'a ProjectId,
    /// Only tokens that were signed by these keys; all without them.
    pub(crate) signed_by: Option<&'a [String]>,
    /// The time and the id of the last token of the page before.
    pub(crate) before: Option<(i64, &'a str)>,
    pub(crate) limit: usize,
    pub(crate) now_ms: i64,
}

impl Store {
    /// Records a token, if its parents are good and the project has fewer than so many. Where there is no room, tokens that have
    /// ended make it.
    pub(crate) async fn add_token(
        &self,
        token: &TokenRow,
        parents: &[Credential],
        most: i64,
    ) -> Result<TokenRecord, Error> {
        let mut change = self.writes.begin().await?;
        // A write first, so that it waits for other writers instead of failing after it has read.
        insert(&mut change, token).await?;
        self.write_recorded(&mut change).await?;
        if !are_good(&mut change, parents).await? {
            return Ok(TokenRecord::ParentEnded);
        }
        if count(&mut change, &token.project_id).await? > most {
            sqlx::query("DELETE FROM tokens WHERE project_id = $1 AND expires_ms <= $2 AND revoked_ms IS NULL")
                .bind(token.project_id.as_str())
                .bind(token.created_ms)
                .execute(&mut *change)
                .await?;
            if count(&mut change, &token.project_id).await? > most {
                return Ok(TokenRecord::Full);
            }
        }
        change.commit().await?;
        Ok(TokenRecord::Added)
    }

    /// The good tokens of a project, latest first.
    pub(crate) async fn tokens(&self, page: TokenPage<'_>) -> Result<Vec<TokenRow>, Error> {
        let mut query = QueryBuilder::<Sqlite>::new("SELECT * FROM tokens WHERE project_id = ");
        query.push_bind(page.project.as_str().to_owned());
        query.push(" AND revoked_ms IS NULL AND expires_ms > ").push_bind(page.now_ms);
        query.push(
            " AND (secret_id IS NULL OR EXISTS (SELECT 1 FROM entity_secrets s WHERE s.id = tokens.secret_id \
             AND (s.expires_ms IS NULL OR s.expires_ms > ",
        );
        query.push_bind(page.now_ms).push(")))");
        if let Some(keys) = page.signed_by {
            query.push(" AND signed_by IN (");
            let mut listed = query.separated(", ");
            for key in keys {
                listed.push_bind(key.clone());
            }
            query.push(")");
        }
        if let Some((created_ms, id)) = page.before {
            query.push(" AND (created_ms, id) < (").push_bind(created_ms).push(", ");
            query.push_bind(id.to_owned()).push(")");
        }
        query.push(" ORDER BY created_ms DESC, id DESC LIMIT ");
        query.push_bind(i64::try_from(page.limit).unwrap_or(i64::MAX));
        Ok(self.lists.begin().await?.rows(query.build()).await?.iter().map(token).collect())
    }

    /// A token of a project.
    pub(crate) async fn token(&self, project: &ProjectId, id: &str) -> Result<Option<TokenRow>, Error> {
        let query =
            sqlx::query("SELECT * FROM tokens WHERE id = $1 AND project_id = $2").bind(id).bind(project.as_str());
        Ok(query.fetch_optional(&self.reads).await?.as_ref().map(token))
    }

    /// Revokes a good token of a project, with all that it minted. Says whether there was one.
    pub(crate) async fn revoke_token(&self, project: &ProjectId, id: &str, now_ms: i64) -> Result<bool, Error> {
        let mut change = self.change_directory(Touched::Tokens(project)).await?;
        let revoked = sqlx::query(
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
        if revoked.rows_affected() == 0 {
            return Ok(false);
        }
        change.commit().await?;
        Ok(true)
    }

    /// Forgets some tokens that ended before a moment. Says how many.
    pub(crate) async fn forget_tokens(&self, ended_before_ms: i64) -> Result<u64, Error> {
        let forgotten = sqlx::query(
            "DELETE FROM tokens WHERE id IN (SELECT id FROM tokens WHERE expires_ms < $1 ORDER BY expires_ms LIMIT 1000)",
        )
        .bind(ended_before_ms)
        .execute(self.writes.connection())
        .await?;
        Ok(forgotten.rows_affected())
    }
}

async fn count(connection: &mut SqliteConnection, project: &ProjectId) -> Result<i64, Error> {
    let row = sqlx::query("SELECT COUNT(*) AS number FROM tokens WHERE project_id = $1")
        .bind(project.as_str())
        .fetch_one(connection)
        .await?;
    Ok(row.get("number"))
}

async fn insert(connection: &mut SqliteConnection, token: &TokenRow) -> Result<(), Error> {
    // What it belongs to may be gone by now; then nothing is recorded, and its parents are found to have ended.
    sqlx::query(
        "INSERT INTO tokens (id, project_id, name, role, tool_roles, user_id, speaks_for, environments, agent_id, entity_id, \
         secret_id, key_id, parent, signed_by, created_ms, expires_ms) \
         SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16 \
         WHERE ($12 IS NULL OR EXISTS (SELECT 1 FROM caller_keys WHERE id = $12)) \
         AND ($11 IS NULL OR EXISTS (SELECT 1 FROM entity_secrets WHERE id = $11))",
    )
    .bind(&token.id)
    .bind(token.project_id.as_str())
    .bind(&token.name)
    .bind(&token.role)
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

fn token(row: &SqliteRow) -> TokenRow {
    let text = |column: &str| row.get::<Option<String>, _>(column);
    TokenRow {
        id: row.get("id"),
        project_id: row.get::<String, _>("project_id").into(),
        name: text("name"),
        role: text("role"),
        tool_roles: list(row.get("tool_roles")),
        user_id: text("user_id"),
        speaks_for: text("speaks_for").and_then(|text| serde_json::from_str(&text).ok()),
        environments: text("environments").map(|text| list(&text)),
        agent_id: text("agent_id").map(Into::into),
        entity_id: text("entity_id").map(Into::into),
        secret_id: text("secret_id").map(Into::into),
        key_id: text("key_id").map(Into::into),
        parent: text("parent"),
        signed_by: row.get("signed_by"),
        created_ms: row.get("created_ms"),
        expires_ms: row.get("expires_ms"),
        last_used_ms: row.get("last_used_ms"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(project: &ProjectId, id: &str, expires_ms: i64) -> TokenRow {
        TokenRow {
            id: id.to_owned(),
            project_id: project.clone(),
            name: None,
            role: Some("viewer".to_owned()),
            tool_roles: Vec::new(),
            user_id: None,
            speaks_for: Some(SpeaksFor::Nobody),
            environments: None,
            agent_id: None,
            entity_id: None,
            secret_id: None,
            key_id: None,
            parent: None,
            signed_by: "k".to_owned(),
            created_ms: 50,
            expires_ms,
            last_used_ms: None,
        }
    }

    async fn opened() -> (tempfile::TempDir, Store, ProjectId) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).await.unwrap();
        let project = store.default_project().await.unwrap();
        (folder, store, project)
    }

    async fn ids(store: &Store, page: TokenPage<'_>) -> Vec<String> {
        store.tokens(page).await.unwrap().into_iter().map(|row| row.id).collect()
    }

    #[tokio::test]
    async fn a_project_has_so_many_tokens_and_those_that_ended_make_room() {
        let (_folder, store, project) = opened().await;
        let add = async |id: &str, expires_ms| store.add_token(&row(&project, id, expires_ms), &[], 2).await.unwrap();
        assert_eq!(add("a", 10).await, TokenRecord::Added);
        assert_eq!(add("b", 100).await, TokenRecord::Added);
        assert_eq!(add("c", 100).await, TokenRecord::Added, "the first has ended");
        assert_eq!(add("d", 100).await, TokenRecord::Full);
        assert!(store.revoke_token(&project, "b", 60).await.unwrap());
        assert_eq!(
            add("d", 100).await,
            TokenRecord::Full,
            "one that is revoked is remembered until it would have ended"
        );
        let page = TokenPage { project: &project, signed_by: None, before: None, limit: 10, now_ms: 60 };
        assert_eq!(ids(&store, page).await, ["c"]);
        store.close().await;
    }

    #[tokio::test]
    async fn a_token_is_revoked_with_all_that_it_minted() {
        let (_folder, store, project) = opened().await;
        let mut child = row(&project, "b", 100);
        child.parent = Some("tok_a".to_owned());
        let mut grandchild = row(&project, "c", 100);
        grandchild.parent = Some("tok_b".to_owned());
        for token in [row(&project, "a", 100), child, grandchild, row(&project, "d", 100)] {
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
        store.close().await;
    }

    #[tokio::test]
    async fn pages_follow_one_another_and_show_what_is_good() {
        let (_folder, store, project) = opened().await;
        for (id, ends_ms) in [("a", 100), ("b", 100), ("ended", 55), ("c", 100)] {
            store.add_token(&row(&project, id, ends_ms), &[], 10).await.unwrap();
        }
        let other_key = TokenRow { signed_by: "old".to_owned(), ..row(&project, "d", 100) };
        store.add_token(&other_key, &[], 10).await.unwrap();
        let keys = ["k".to_owned()];
        let page = TokenPage { project: &project, signed_by: Some(&keys), before: None, limit: 2, now_ms: 60 };
        assert_eq!(ids(&store, page).await, ["c", "b"]);
        assert_eq!(ids(&store, TokenPage { before: Some((50, "b")), ..page }).await, ["a"]);
        assert_eq!(store.forget_tokens(60).await.unwrap(), 1);
        store.close().await;
    }

    #[tokio::test]
    async fn a_parent_that_has_ended_has_no_children() {
        let (_folder, store, project) = opened().await;
        let gone = [Credential::Key("key_gone".into())];
        let mut token = row(&project, "a", 100);
        token.key_id = Some("key_gone".into());
        assert_eq!(store.add_token(&token, &gone, 10).await.unwrap(), TokenRecord::ParentEnded);
        let page = TokenPage { project: &project, signed_by: None, before: None, limit: 2, now_ms: 60 };
        assert!(ids(&store, page).await.is_empty());
        store.close().await;
    }
}
