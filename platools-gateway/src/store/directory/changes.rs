//! [`Touched`]: notes which rows a change of the directory touches. [`DirectoryUpdate`]: those rows, as they are now.

use std::collections::BTreeSet;

use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};

use super::rows::{agent, disabled_tool, entity, environment, key, project, revoked_token, secret};
use super::{AgentRow, DirectoryRows, EntityRow, EnvironmentRow, KeyRow, PROJECTS, SecretRow};
use crate::domain::error::Error;
use crate::domain::identity::Scope;
use crate::domain::ids::{AgentId, EntityId, EnvironmentId, KeyId, ProjectId};
use crate::store::Store;

/// Revisions whose changes are kept. A gateway that has missed more of them reads everything.
const KEPT_REVISIONS: i64 = 1000;

/// The rows that a change touches.
#[derive(Debug, Clone, Copy)]
pub(super) enum Touched<'a> {
    /// A project that comes or goes, with all that is in it.
    Project(&'a ProjectId),
    /// The environments of a project.
    Environments(&'a ProjectId),
    /// The environments of the project that has this one.
    Environment(&'a EnvironmentId),
    /// An entity, its secrets, and those of its tools that are switched off.
    Entity(&'a EntityId),
    /// An agent. Its keys go with it.
    Agent(&'a AgentId),
    Key(&'a KeyId),
    /// The revoked tokens of a project.
    Tokens(&'a ProjectId),
    /// The signing keys, which are in a file.
    Signing,
}

impl Touched<'_> {
    fn kind_and_id(&self) -> (&'static str, &str) {
        match self {
            Self::Project(id) => ("project", id.as_str()),
            Self::Environments(project) => ("environments", project.as_str()),
            Self::Environment(id) => ("environment", id.as_str()),
            Self::Entity(id) => ("entity", id.as_str()),
            Self::Agent(id) => ("agent", id.as_str()),
            Self::Key(id) => ("key", id.as_str()),
            Self::Tokens(project) => ("tokens", project.as_str()),
            Self::Signing => ("signing", ""),
        }
    }

    /// Raises the revision, and notes the rows that the new one touches.
    pub(super) async fn note(&self, change: &mut SqliteConnection) -> Result<(), Error> {
        let raise = "UPDATE directory_revision SET revision = revision + 1 RETURNING revision";
        let revision: i64 = sqlx::query(raise).fetch_one(&mut *change).await?.get("revision");
        let (kind, id) = self.kind_and_id();
        let note = match self {
            Self::Environment(_) => {
                "INSERT INTO directory_changes (revision, kind, id) \
                 SELECT $1, $2 || 's', project_id FROM environments WHERE id = $3"
            }
            _ => "INSERT INTO directory_changes (revision, kind, id) VALUES ($1, $2, $3)",
        };
        sqlx::query(note).bind(revision).bind(kind).bind(id).execute(&mut *change).await?;
        let forget = sqlx::query("DELETE FROM directory_changes WHERE revision <= $1");
        forget.bind(revision - KEPT_REVISIONS).execute(change).await?;
        Ok(())
    }
}

/// The changes of the directory after a revision.
#[derive(Debug)]
pub(crate) struct DirectoryUpdate {
    pub(crate) revision: i64,
    pub(crate) changes: Vec<DirectoryChange>,
}

/// Rows of the directory as they are now. Without a row, it is gone.
#[derive(Debug)]
pub(crate) enum DirectoryChange {
    Project(ProjectId, Option<Box<DirectoryRows>>),
    Environments(ProjectId, Vec<EnvironmentRow>),
    Entity(EntityId, Option<EntityRows>),
    Agent(AgentId, Option<AgentRow>),
    Key(KeyId, Option<KeyRow>),
    Tokens(ProjectId, Vec<(String, ProjectId)>),
}

/// An entity with the rows that belong to it.
#[derive(Debug)]
pub(crate) struct EntityRows {
    pub(crate) row: EntityRow,
    pub(crate) secrets: Vec<SecretRow>,
    pub(crate) disabled_tools: Vec<(Scope, String)>,
}

impl Store {
    /// The rows of the directory that changed after a revision; none if it is not known which they are.
    pub(crate) async fn directory_since(&self, since: i64) -> Result<Option<DirectoryUpdate>, Error> {
        // One transaction, so that all of it is of one revision.
        let mut reading = self.reads.begin().await?;
        let revision = sqlx::query("SELECT revision FROM directory_revision").fetch_one(&mut *reading).await?;
        let revision: i64 = revision.get("revision");
        let noted = sqlx::query("SELECT revision, kind, id FROM directory_changes WHERE revision > $1");
        let noted = noted.bind(since).fetch_all(&mut *reading).await?;
        let known: BTreeSet<i64> = noted.iter().map(|row| row.get("revision")).collect();
        if i64::try_from(known.len()).ok() != Some(revision - since) {
            return Ok(None);
        }
        let touched: BTreeSet<(String, String)> = noted.iter().map(|row| (row.get("kind"), row.get("id"))).collect();
        let mut changes = Vec::with_capacity(touched.len());
        for (kind, id) in touched {
            changes.push(match kind.as_str() {
                "project" => DirectoryChange::Project((&*id).into(), project_rows(&mut reading, &id).await?),
                "environments" => DirectoryChange::Environments((&*id).into(), environments(&mut reading, &id).await?),
                "entity" => DirectoryChange::Entity((&*id).into(), entity_rows(&mut reading, &id).await?),
                "agent" => {
                    let found = of(&mut reading, "SELECT * FROM agents WHERE id = $1", &id, agent).await?;
                    DirectoryChange::Agent((&*id).into(), found.into_iter().next())
                }
                "key" => {
                    let found = of(&mut reading, "SELECT * FROM caller_keys WHERE id = $1", &id, key).await?;
                    DirectoryChange::Key((&*id).into(), found.into_iter().next())
                }
                "tokens" => DirectoryChange::Tokens((&*id).into(), revoked_tokens(&mut reading, &id).await?),
                "signing" => continue,
                // Another process may be of a later version.
                _ => return Ok(None),
            });
        }
        Ok(Some(DirectoryUpdate { revision, changes }))
    }
}

/// Everything in a project.
async fn project_rows(connection: &mut SqliteConnection, id: &str) -> Result<Option<Box<DirectoryRows>>, Error> {
    let found = sqlx::query(PROJECTS).fetch_all(&mut *connection).await?;
    let Some(found) = found.iter().map(project).find(|project| project.id.as_str() == id) else { return Ok(None) };
    let entities = "SELECT * FROM entities WHERE project_id = $1";
    let secrets = "SELECT s.* FROM entity_secrets s JOIN entities e ON e.id = s.entity_id WHERE e.project_id = $1";
    let agents = "SELECT * FROM agents WHERE project_id = $1";
    let keys = "SELECT * FROM caller_keys WHERE project_id = $1";
    let disabled_tools =
        "SELECT d.* FROM disabled_tools d JOIN entities e ON e.id = d.entity_id WHERE e.project_id = $1";
    Ok(Some(Box::new(DirectoryRows {
        // Of the whole update.
        revision: 0,
        projects: vec![found],
        environments: environments(connection, id).await?,
        entities: of(connection, entities, id, entity).await?,
        secrets: of(connection, secrets, id, secret).await?,
        agents: of(connection, agents, id, agent).await?,
        keys: of(connection, keys, id, key).await?,
        revoked_tokens: revoked_tokens(connection, id).await?,
        disabled_tools: of(connection, disabled_tools, id, disabled_tool).await?,
    })))
}

async fn environments(connection: &mut SqliteConnection, project: &str) -> Result<Vec<EnvironmentRow>, Error> {
    of(connection, "SELECT * FROM environments WHERE project_id = $1 ORDER BY slug", project, environment).await
}

async fn revoked_tokens(connection: &mut SqliteConnection, project: &str) -> Result<Vec<(String, ProjectId)>, Error> {
    let revoked = "SELECT id, project_id FROM tokens WHERE project_id = $1 AND revoked_ms IS NOT NULL";
    of(connection, revoked, project, revoked_token).await
}

async fn entity_rows(connection: &mut SqliteConnection, id: &str) -> Result<Option<EntityRows>, Error> {
    let found = of(connection, "SELECT * FROM entities WHERE id = $1", id, entity).await?;
    let Some(row) = found.into_iter().next() else { return Ok(None) };
    let secrets = of(connection, "SELECT * FROM entity_secrets WHERE entity_id = $1", id, secret).await?;
    let disabled_tools = of(connection, "SELECT * FROM disabled_tools WHERE entity_id = $1", id, disabled_tool).await?;
    Ok(Some(EntityRows { row, secrets, disabled_tools }))
}

/// The rows of a query about one id.
async fn of<T>(
    connection: &mut SqliteConnection,
    query: &'static str,
    id: &str,
    read: fn(&SqliteRow) -> T,
) -> Result<Vec<T>, Error> {
    Ok(sqlx::query(query).bind(id.to_owned()).fetch_all(connection).await?.iter().map(read).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::project::ProjectName;

    #[tokio::test]
    async fn only_the_rows_that_changed_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).await.unwrap();
        let project = store.default_project().await.unwrap();
        let before = store.directory_revision().await.unwrap();
        assert!(store.directory_since(before).await.unwrap().unwrap().changes.is_empty());
        store.add_environment(&project, "qa", 10).await.unwrap();
        store.add_environment(&project, "qb", 10).await.unwrap();
        store.note_signing_key("k").await.unwrap();
        let update = store.directory_since(before).await.unwrap().unwrap();
        assert_eq!(update.revision, before + 3);
        let [DirectoryChange::Environments(changed, rows)] = &*update.changes else { panic!("{update:?}") };
        assert_eq!((changed, rows.len()), (&project, 5));
        store.close().await;
    }

    #[tokio::test]
    async fn a_revision_without_a_note_or_with_a_forgotten_one_means_everything() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).await.unwrap();
        let before = store.directory_revision().await.unwrap();
        let raise = "UPDATE directory_revision SET revision = revision + 1";
        sqlx::query(raise).execute(store.writes.connection()).await.unwrap();
        store.note_signing_key("k").await.unwrap();
        assert!(store.directory_since(before).await.unwrap().is_none());
        assert!(store.directory_since(before + 1).await.unwrap().is_some());
        let raise = "UPDATE directory_revision SET revision = revision + 1000";
        sqlx::query(raise).execute(store.writes.connection()).await.unwrap();
        store.add_project(&"acme/shop".parse::<ProjectName>().unwrap()).await.unwrap();
        assert!(store.directory_since(before + 1).await.unwrap().is_none());
        let kept = sqlx::query("SELECT COUNT(*) AS number FROM directory_changes").fetch_one(&store.reads).await;
        assert_eq!(kept.unwrap().get::<i64, _>("number"), 1, "old notes are removed");
        store.close().await;
    }
}
