//! SQL for the directory: organizations, projects, environments, entities, agents, keys, and disabled tools.
//!
//! Every change also raises the directory's revision, in the same transaction, and notes which rows it touches.

mod agent_names;
mod changes;
mod entities;
mod keys;
mod projects;
mod room;
mod rows;
mod signing;
mod tokens;

use std::sync::Arc;

use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, Sqlite, SqliteConnection, Transaction};

pub(crate) use changes::{DirectoryChange, DirectoryUpdate, EntityRows};
pub(crate) use entities::NewSecret;
pub(crate) use keys::KeyRemoval;
pub(crate) use rows::{AgentRow, DirectoryRows, EntityRow, EnvironmentRow, KeyRow, SecretRow};
pub(crate) use tokens::{TokenPage, TokenRecord, TokenRow};

use super::Store;
use crate::admin::AgentChange;
use crate::domain::error::{Error, ErrorKind};
use crate::domain::identity::Scope;
use crate::domain::ids::{AgentId, EnvironmentId, ProjectId};
use crate::domain::profile::Profile;
use changes::Touched;
use room::{Kind, check_room};
use rows::{agent, disabled_tool, entity, environment, key, project, revoked_token, secret};

const PROJECTS: &str = "SELECT p.id, p.slug, p.organization_id, o.slug AS organization FROM projects p \
                        JOIN organizations o ON o.id = p.organization_id";

const REVOKED_TOKENS: &str = "SELECT id, project_id FROM tokens WHERE revoked_ms IS NOT NULL";

/// Tools of one entity in one environment that are switched off, also those that are not declared any more. Ten times as many as may be
/// declared.
const MAX_DISABLED_TOOLS: i64 = 10_000;

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
            revoked_tokens: all(&mut reading, REVOKED_TOKENS, revoked_token).await?,
            disabled_tools: all(&mut reading, "SELECT * FROM disabled_tools", disabled_tool).await?,
        })
    }

    /// Adds an environment, unless the project has `limit` of them. Says whether its slug was free, in upper or lower case.
    pub(crate) async fn add_environment(&self, project: &ProjectId, slug: &str, limit: u32) -> Result<bool, Error> {
        let mut change = self.change_directory(Touched::Environments(project)).await?;
        check_room(&mut change, project, Kind::Environments, limit).await?;
        let added = add_environment(&mut change, project, slug).await?;
        if added {
            change.commit().await?;
        }
        Ok(added)
    }

    /// Removes an environment with its tools.
    pub(crate) async fn remove_environment(&self, environment: &EnvironmentId) -> Result<(), Error> {
        let mut change = self.change_directory(Touched::Environment(environment)).await?;
        for statement in [
            "DELETE FROM disabled_tools WHERE environment_id = $1",
            "DELETE FROM tools WHERE environment_id = $1",
            "DELETE FROM tool_sets WHERE environment_id = $1",
            "DELETE FROM environments WHERE id = $1",
        ] {
            sqlx::query(statement).bind(environment.as_str()).execute(&mut *change).await?;
        }
        change.commit().await?;
        Ok(())
    }

    /// Adds an agent, unless the project has `limit` of them. Says whether its slug was free.
    ///
    /// # Errors
    /// The project has too many, its slug or address is another agent's address, or the database failed.
    pub(crate) async fn add_agent(&self, agent: &AgentRow, limit: u32) -> Result<bool, Error> {
        let mut change = self.change_directory(Touched::Agent(&agent.id)).await?;
        check_room(&mut change, &agent.project_id, Kind::Agents, limit).await?;
        agent_names::check_slug(&mut change, agent.project_id.as_str(), &agent.slug).await?;
        if let Some(address) = &agent.address {
            agent_names::check_address(&mut change, agent.project_id.as_str(), &agent.id, address).await?;
        }
        let added = sqlx::query(
            "INSERT INTO agents (id, project_id, slug, profile, owner, created_ms, title, address) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (project_id, slug) DO NOTHING",
        )
        .bind(agent.id.as_str())
        .bind(agent.project_id.as_str())
        .bind(&agent.slug)
        .bind(text_of(&agent.profile))
        .bind(&agent.owner)
        .bind(agent.created_ms)
        .bind(&agent.title)
        .bind(&agent.address)
        .execute(&mut *change)
        .await?;
        if added.rows_affected() == 0 {
            return Ok(false);
        }
        change.commit().await?;
        Ok(true)
    }

    /// Changes an agent's names, how it answers, and whose it is. The profile is read and written in one transaction.
    ///
    /// # Errors
    /// The address is another agent's, or the database failed.
    pub(crate) async fn change_agent(&self, id: &AgentId, said: &AgentChange) -> Result<(), Error> {
        let mut change = self.change_directory(Touched::Agent(id)).await?;
        let row = sqlx::query("SELECT * FROM agents WHERE id = $1").bind(id.as_str());
        // It may have been removed meanwhile.
        let Some(row) = row.fetch_optional(&mut *change).await? else { return Ok(()) };
        if let Some(address) = said.address.as_deref().filter(|address| !address.is_empty()) {
            agent_names::check_address(&mut change, row.get("project_id"), id, address).await?;
        }
        let profile = said.profile.clone().apply_to(Arc::unwrap_or_clone(agent(&row).profile));
        sqlx::query(
            "UPDATE agents SET profile = $2, owner = NULLIF(COALESCE($3, owner), ''), \
             title = NULLIF(COALESCE($4, title), ''), address = NULLIF(COALESCE($5, address), '') WHERE id = $1",
        )
        .bind(id.as_str())
        .bind(text_of(&profile))
        .bind(&said.owner)
        .bind(&said.title)
        .bind(&said.address)
        .execute(&mut *change)
        .await?;
        change.commit().await?;
        Ok(())
    }

    /// Removes an agent, its keys and its conversations.
    pub(crate) async fn remove_agent(&self, agent: &AgentId) -> Result<(), Error> {
        let mut change = self.change_directory(Touched::Agent(agent)).await?;
        super::conversations::uncount_conversations_of(&mut change, agent).await?;
        sqlx::query("DELETE FROM agents WHERE id = $1").bind(agent.as_str()).execute(&mut *change).await?;
        change.commit().await?;
        Ok(())
    }

    /// Switches a tool off.
    pub(crate) async fn disable_tool(&self, scope: &Scope, name: &str) -> Result<(), Error> {
        let count = "SELECT COUNT(*) AS number FROM disabled_tools WHERE entity_id = $1 AND environment_id = $2";
        let count = sqlx::query(count).bind(scope.entity.as_str()).bind(scope.environment.as_str());
        if count.fetch_one(&self.reads).await?.get::<i64, _>("number") >= MAX_DISABLED_TOOLS {
            let message = format!(
                "{MAX_DISABLED_TOOLS} tools of this entity are switched off in this environment; switch one on first"
            );
            return Err(Error::new(ErrorKind::LimitReached, message));
        }
        let statement = "INSERT INTO disabled_tools (entity_id, environment_id, name) VALUES ($1, $2, $3) \
                         ON CONFLICT (entity_id, environment_id, name) DO NOTHING";
        self.switch(statement, scope, name).await
    }

    /// Switches a tool on again.
    pub(crate) async fn enable_tool(&self, scope: &Scope, name: &str) -> Result<(), Error> {
        let statement = "DELETE FROM disabled_tools WHERE entity_id = $1 AND environment_id = $2 AND name = $3";
        self.switch(statement, scope, name).await
    }

    async fn switch(&self, statement: &'static str, scope: &Scope, name: &str) -> Result<(), Error> {
        let mut change = self.change_directory(Touched::Entity(&scope.entity)).await?;
        sqlx::query(statement)
            .bind(scope.entity.as_str())
            .bind(scope.environment.as_str())
            .bind(name)
            .execute(&mut *change)
            .await?;
        change.commit().await?;
        Ok(())
    }

    /// A transaction that changes the directory. Raising the revision first makes it a writing one from the start, so that it
    /// waits for other writers instead of failing after it has read.
    async fn change_directory(&self, touched: Touched<'_>) -> Result<Transaction<'static, Sqlite>, Error> {
        let mut change = self.writes.begin().await?;
        touched.note(&mut change).await?;
        self.write_recorded(&mut change).await?;
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
        // Of either: the slug, or the slug in another case.
        "INSERT INTO environments (id, project_id, slug) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
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
    use crate::domain::profile::{MemberChange, ProfileChange};

    #[tokio::test]
    async fn opening_what_is_there_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).await.unwrap();
        let project = store.default_project().await.unwrap();
        let revision = store.directory_revision().await.unwrap();
        assert_eq!(store.default_project().await.unwrap(), project);
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
            title: None,
            address: None,
            profile: Arc::default(),
            owner: None,
            created_ms: 0,
        };
        assert!(store.add_agent(&row, 10).await.unwrap());
        let other = Profile { model: Some("large".to_owned()), ..Profile::default() };
        store.change_agent(&id, &other.clone().into()).await.unwrap();
        for (owner, kept) in [("u-1", Some("u-1")), ("", None)] {
            let change = AgentChange { owner: Some(owner.to_owned()), ..AgentChange::default() };
            store.change_agent(&id, &change).await.unwrap();
            let agent = &store.directory().await.unwrap().agents[0];
            assert_eq!((&*agent.profile, agent.owner.as_deref()), (&other, kept));
        }
        // The second change was made by a program that knows nothing of the first.
        let system_prompt = MemberChange::To("Be brief.".to_owned());
        let change = ProfileChange { system_prompt, ..ProfileChange::default() };
        store.change_agent(&id, &AgentChange { profile: change, ..AgentChange::default() }).await.unwrap();
        let both = Profile { system_prompt: Some("Be brief.".to_owned()), ..other };
        assert_eq!(*store.directory().await.unwrap().agents[0].profile, both);
        store.close().await;
    }

    #[tokio::test]
    async fn a_bounded_number_of_tools_is_switched_off() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).await.unwrap();
        let project = store.default_project().await.unwrap();
        let environment = store.directory().await.unwrap().environments[0].id.clone();
        let insert =
            "INSERT INTO entities (id, project_id, slug, policy, created_ms) VALUES ('ent_1', $1, 'e', 'pool', 1)";
        sqlx::query(insert).bind(project.as_str()).execute(store.writes.connection()).await.unwrap();
        let fill = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $2) \
                    INSERT INTO disabled_tools SELECT 'ent_1', $1, 't' || i FROM n";
        let fill = sqlx::query(fill).bind(environment.as_str()).bind(MAX_DISABLED_TOOLS - 1);
        fill.execute(store.writes.connection()).await.unwrap();
        let scope = Scope { entity: "ent_1".into(), environment };
        store.disable_tool(&scope, "last").await.unwrap();
        assert_eq!(store.disable_tool(&scope, "more").await.unwrap_err().kind(), ErrorKind::LimitReached);
        store.enable_tool(&scope, "last").await.unwrap();
        store.disable_tool(&scope, "more").await.unwrap();
        store.close().await;
    }

    #[tokio::test]
    async fn an_environment_goes_with_its_tools() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).await.unwrap();
        let project = store.default_project().await.unwrap();
        assert!(store.add_environment(&project, "qa", 10).await.unwrap());
        let environments = store.directory().await.unwrap().environments;
        let qa = environments.iter().find(|row| row.slug == "qa").unwrap();
        let insert =
            "INSERT INTO entities (id, project_id, slug, policy, created_ms) VALUES ('ent_1', $1, 'e', 'pool', 1)";
        sqlx::query(insert).bind(project.as_str()).execute(store.writes.connection()).await.unwrap();
        let scope = Scope { entity: "ent_1".into(), environment: qa.id.clone() };
        store.disable_tool(&scope, "t").await.unwrap();
        store.remove_environment(&qa.id).await.unwrap();
        let rows = store.directory().await.unwrap();
        assert!(rows.disabled_tools.is_empty() && rows.environments.len() == environments.len() - 1);
        store.close().await;
    }
}
