//! Who there is: organizations, projects, environments, entities, agents, keys; and which tools are switched off.
//!
//! Every change also raises the directory's revision, in the same transaction.

mod entities;
mod projects;
mod rows;

use serde_json::Value;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, Sqlite, SqliteConnection, Transaction};

pub(crate) use entities::NewSecret;
pub(crate) use rows::{AgentRow, DirectoryRows, EntityRow, KeyRow, SecretRow};

use super::Store;
use crate::core::admin::AgentChange;
use crate::core::agent::Profile;
use crate::core::clock::now_ms;
use crate::core::error::Error;
use crate::core::identity::Scope;
use crate::core::ids::{AgentId, EnvironmentId, KeyId, ProjectId};
use rows::{agent, disabled_tool, entity, environment, key, project, secret};

const PROJECTS: &str = "SELECT p.id, p.slug, p.organization_id, o.slug AS organization FROM projects p \
                        JOIN organizations o ON o.id = p.organization_id";

impl Store {
    /// The revision of the directory.
    pub(crate) async fn directory_revision(&self) -> Result<i64, Error> {
        let row = sqlx::query("SELECT revision FROM directory_revision").fetch_one(&self.reads).await?;
        Ok(row.get("revision"))
    }

    /// Everything the directory knows.
    pub(crate) async fn directory(&self) -> Result<DirectoryRows, Error> {
        // One transaction, so that all of it is of one revision.
        let mut reading = self.writes.begin().await?;
        let revision = sqlx::query("SELECT revision FROM directory_revision").fetch_one(&mut *reading).await?;
        Ok(DirectoryRows {
            revision: revision.get("revision"),
            projects: all(&mut reading, PROJECTS, project).await?,
            environments: all(&mut reading, "SELECT * FROM environments ORDER BY slug", environment).await?,
            entities: all(&mut reading, "SELECT * FROM entities ORDER BY slug", entity).await?,
            secrets: all(&mut reading, "SELECT * FROM entity_secrets", secret).await?,
            agents: all(&mut reading, "SELECT * FROM agents ORDER BY slug", agent).await?,
            keys: all(&mut reading, "SELECT * FROM caller_keys ORDER BY created_ms, id", key).await?,
            disabled_tools: all(&mut reading, "SELECT * FROM disabled_tools", disabled_tool).await?,
        })
    }

    /// Adds an environment. Says whether its slug was free.
    pub(crate) async fn add_environment(&self, project: &ProjectId, slug: &str) -> Result<bool, Error> {
        let mut change = self.change_directory().await?;
        let added = add_environment(&mut change, project, slug).await?;
        change.commit().await?;
        Ok(added)
    }

    /// Adds an agent. Says whether its slug was free.
    pub(crate) async fn add_agent(&self, agent: &AgentRow) -> Result<bool, Error> {
        let mut change = self.change_directory().await?;
        let added = sqlx::query(
            "INSERT INTO agents (id, project_id, slug, profile, owner, created_ms) VALUES ($1, $2, $3, $4, $5, $6) \
             ON CONFLICT (project_id, slug) DO NOTHING",
        )
        .bind(agent.id.as_str())
        .bind(agent.project_id.as_str())
        .bind(&agent.slug)
        .bind(text_of(&agent.profile))
        .bind(&agent.owner)
        .bind(agent.created_ms)
        .execute(&mut *change)
        .await?;
        change.commit().await?;
        Ok(added.rows_affected() > 0)
    }

    /// Changes how an agent answers, and whose it is.
    pub(crate) async fn change_agent(&self, agent: &AgentId, said: &AgentChange) -> Result<(), Error> {
        let mut change = self.change_directory().await?;
        sqlx::query(
            "UPDATE agents SET profile = COALESCE($2, profile), owner = NULLIF(COALESCE($3, owner), '') WHERE id = $1",
        )
        .bind(agent.as_str())
        .bind(said.profile.as_ref().map(text_of))
        .bind(&said.owner)
        .execute(&mut *change)
        .await?;
        change.commit().await?;
        Ok(())
    }

    /// Removes an agent, its keys and its conversations.
    pub(crate) async fn remove_agent(&self, agent: &AgentId) -> Result<(), Error> {
        self.remove("DELETE FROM agents WHERE id = $1", agent.as_str()).await
    }

    /// Adds a caller's key.
    pub(crate) async fn add_key(&self, key: &KeyRow) -> Result<(), Error> {
        let mut change = self.change_directory().await?;
        sqlx::query(
            "INSERT INTO caller_keys (id, project_id, hash, role, tool_roles, agent_id, created_ms, expires_ms) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(key.id.as_str())
        .bind(key.project_id.as_str())
        .bind(&key.hash)
        .bind(&key.role)
        .bind(Value::from(key.tool_roles.clone()).to_string())
        .bind(key.agent_id.as_ref().map(AgentId::as_str))
        .bind(key.created_ms)
        .bind(key.expires_ms)
        .execute(&mut *change)
        .await?;
        change.commit().await?;
        Ok(())
    }

    /// Removes a caller's key.
    pub(crate) async fn remove_key(&self, key: &KeyId) -> Result<(), Error> {
        self.remove("DELETE FROM caller_keys WHERE id = $1", key.as_str()).await
    }

    /// Switches a tool off.
    pub(crate) async fn disable_tool(&self, scope: &Scope, name: &str) -> Result<(), Error> {
        let statement = "INSERT INTO disabled_tools (entity_id, environment_id, name) VALUES ($1, $2, $3) \
                         ON CONFLICT (entity_id, environment_id, name) DO NOTHING";
        self.switch(statement, scope, name).await
    }

    /// Switches a tool on again.
    pub(crate) async fn enable_tool(&self, scope: &Scope, name: &str) -> Result<(), Error> {
        let statement = "DELETE FROM disabled_tools WHERE entity_id = $1 AND environment_id = $2 AND name = $3";
        self.switch(statement, scope, name).await
    }

    /// The key that tokens are signed with: the one there is, or else `fresh`, which is kept.
    pub(crate) async fn signing_key(&self, fresh: &str) -> Result<String, Error> {
        const FIND: &str = "SELECT key FROM signing_keys WHERE id = 'current'";
        if let Some(row) = sqlx::query(FIND).fetch_optional(&self.reads).await? {
            return Ok(row.get("key"));
        }
        let mut change = self.change_directory().await?;
        sqlx::query(
            "INSERT INTO signing_keys (id, key, created_ms) VALUES ('current', $1, $2) ON CONFLICT (id) DO NOTHING",
        )
        .bind(fresh)
        .bind(now_ms())
        .execute(&mut *change)
        .await?;
        let row = sqlx::query(FIND).fetch_one(&mut *change).await?;
        change.commit().await?;
        Ok(row.get("key"))
    }

    async fn switch(&self, statement: &'static str, scope: &Scope, name: &str) -> Result<(), Error> {
        let mut change = self.change_directory().await?;
        sqlx::query(statement)
            .bind(scope.entity.as_str())
            .bind(scope.environment.as_str())
            .bind(name)
            .execute(&mut *change)
            .await?;
        change.commit().await?;
        Ok(())
    }

    async fn remove(&self, statement: &'static str, id: &str) -> Result<(), Error> {
        let mut change = self.change_directory().await?;
        sqlx::query(statement).bind(id).execute(&mut *change).await?;
        change.commit().await?;
        Ok(())
    }

    /// A transaction that changes the directory. Raising the revision first makes it a writing one from the start, so that it
    /// waits for other writers instead of failing after it has read.
    async fn change_directory(&self) -> Result<Transaction<'static, Sqlite>, Error> {
        let mut change = self.writes.begin().await?;
        sqlx::query("UPDATE directory_revision SET revision = revision + 1").execute(&mut *change).await?;
        Ok(change)
    }
}

async fn all<T>(
    connection: &mut SqliteConnection,
    query: &'static str,
    read: fn(&SqliteRow) -> T,
) -> Result<Vec<T>, Error> {
    Ok(sqlx::query(query).fetch_all(connection).await?.iter().map(read).collect())
}

async fn add_environment(connection: &mut SqliteConnection, project: &ProjectId, slug: &str) -> Result<bool, Error> {
    let added = sqlx::query(
        "INSERT INTO environments (id, project_id, slug) VALUES ($1, $2, $3) ON CONFLICT (project_id, slug) DO NOTHING",
    )
    .bind(EnvironmentId::random().as_str())
    .bind(project.as_str())
    .bind(slug)
    .execute(connection)
    .await?;
    Ok(added.rows_affected() > 0)
}

fn text_of(profile: &Profile) -> String {
    serde_json::to_string(profile).expect("strings and lists always serialize")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn opening_what_is_there_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).await.unwrap();
        let (project, key) = (store.default_project().await.unwrap(), store.signing_key("fresh").await.unwrap());
        let revision = store.directory_revision().await.unwrap();
        assert_eq!(store.default_project().await.unwrap(), project);
        assert_eq!(store.signing_key("another").await.unwrap(), key);
        assert_eq!(store.directory_revision().await.unwrap(), revision);
        store.close().await;
    }

    #[tokio::test]
    async fn what_is_not_said_of_an_agent_stays_whoever_changed_it_meanwhile() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).await.unwrap();
        let id = AgentId::random();
        let row = AgentRow {
            id: id.clone(),
            project_id: store.default_project().await.unwrap(),
            slug: "helper".to_owned(),
            profile: Profile::default(),
            owner: None,
            created_ms: 0,
        };
        assert!(store.add_agent(&row).await.unwrap());
        let other = Profile { model: Some("large".to_owned()), ..Profile::default() };
        store.change_agent(&id, &other.clone().into()).await.unwrap();
        for (owner, kept) in [("u-1", Some("u-1")), ("", None)] {
            let change = AgentChange { owner: Some(owner.to_owned()), ..AgentChange::default() };
            store.change_agent(&id, &change).await.unwrap();
            let agent = &store.directory().await.unwrap().agents[0];
            assert_eq!((&agent.profile, agent.owner.as_deref()), (&other, kept));
        }
        store.close().await;
    }
}
