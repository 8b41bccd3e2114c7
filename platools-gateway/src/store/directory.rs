//! Who there is: organizations, projects, environments, entities, agents, keys.

use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::{Store, now_ms};
use crate::core::environment::Environment;
use crate::core::error::Error;
use crate::core::identity::Role;
use crate::core::ids::{AgentId, EntityId, EnvironmentId, KeyId, OrganizationId, ProjectId};

/// A caller's key as it is stored.
#[derive(Debug)]
pub(crate) struct KeyRow {
    pub(crate) id: KeyId,
    pub(crate) hash: String,
    pub(crate) project_id: ProjectId,
    pub(crate) role: String,
    pub(crate) agent_id: Option<AgentId>,
}

/// A caller's key that is to be stored.
#[derive(Debug)]
pub(crate) struct NewKey<'a> {
    pub(crate) hash: &'a str,
    pub(crate) role: Role,
    pub(crate) agent_id: Option<&'a AgentId>,
}

/// An entity as the directory knows it.
#[derive(Debug, Clone)]
pub(crate) struct EntityRow {
    pub(crate) id: EntityId,
    pub(crate) slug: String,
    pub(crate) project_id: ProjectId,
    pub(crate) organization_id: OrganizationId,
}

fn entity(row: &SqliteRow) -> EntityRow {
    EntityRow {
        id: row.get::<String, _>("id").into(),
        slug: row.get("slug"),
        project_id: row.get::<String, _>("project_id").into(),
        organization_id: row.get::<String, _>("organization_id").into(),
    }
}

impl Store {
    /// Makes the first organization and project, with the usual environments, unless there is one. Returns the project.
    pub(crate) async fn default_project(&self) -> Result<ProjectId, Error> {
        let find = "SELECT id FROM projects ORDER BY id LIMIT 1";
        if let Some(row) = sqlx::query(find).fetch_optional(&self.pool).await? {
            return Ok(row.get::<String, _>("id").into());
        }
        let (organization, project) = (OrganizationId::random(), ProjectId::random());
        let mut transaction = self.pool.begin().await?;
        sqlx::query("INSERT INTO organizations (id, slug) VALUES ($1, 'default')")
            .bind(organization.as_str())
            .execute(&mut *transaction)
            .await?;
        sqlx::query("INSERT INTO projects (id, organization_id, slug) VALUES ($1, $2, 'default')")
            .bind(project.as_str())
            .bind(organization.as_str())
            .execute(&mut *transaction)
            .await?;
        for slug in ["development", "staging", "production"] {
            sqlx::query("INSERT INTO environments (id, project_id, slug) VALUES ($1, $2, $3)")
                .bind(EnvironmentId::random().as_str())
                .bind(project.as_str())
                .bind(slug)
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await?;
        Ok(project)
    }

    /// The environments of a project.
    pub(crate) async fn environments(&self, project: &ProjectId) -> Result<Vec<Environment>, Error> {
        let rows = sqlx::query("SELECT id, slug FROM environments WHERE project_id = $1 ORDER BY slug")
            .bind(project.as_str())
            .fetch_all(&self.pool)
            .await?;
        let environment =
            |row: &SqliteRow| Environment { id: row.get::<String, _>("id").into(), slug: row.get("slug") };
        Ok(rows.iter().map(environment).collect())
    }

    /// The hash of a secret as stored, and the entity it opens.
    pub(crate) async fn entity_by_secret(&self, hash: &str) -> Result<Option<(String, EntityRow)>, Error> {
        let row = sqlx::query(
            "SELECT s.hash, e.id, e.slug, e.project_id, p.organization_id FROM entity_secrets s \
             JOIN entities e ON e.id = s.entity_id JOIN projects p ON p.id = e.project_id WHERE s.hash = $1",
        )
        .bind(hash)
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.map(|row| (row.get("hash"), entity(&row))))
    }

    /// The entities of a project, by slug.
    pub(crate) async fn entities(&self, project: &ProjectId) -> Result<Vec<EntityRow>, Error> {
        let rows = sqlx::query(
            "SELECT e.id, e.slug, e.project_id, p.organization_id FROM entities e \
             JOIN projects p ON p.id = e.project_id WHERE e.project_id = $1 ORDER BY e.slug",
        )
        .bind(project.as_str())
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.iter().map(entity).collect())
    }

    /// Adds an entity with a first secret. Returns none if there is one of that slug.
    pub(crate) async fn add_entity(
        &self,
        project: &ProjectId,
        slug: &str,
        hash: &str,
    ) -> Result<Option<EntityId>, Error> {
        let id = EntityId::random();
        let mut transaction = self.pool.begin().await?;
        let added = sqlx::query(
            "INSERT INTO entities (id, project_id, slug, created_ms) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (project_id, slug) DO NOTHING",
        )
        .bind(id.as_str())
        .bind(project.as_str())
        .bind(slug)
        .bind(now_ms())
        .execute(&mut *transaction)
        .await?;
        if added.rows_affected() == 0 {
            return Ok(None);
        }
        add_secret(&mut transaction, &id, hash).await?;
        transaction.commit().await?;
        Ok(Some(id))
    }

    /// Replaces all secrets of an entity by one.
    pub(crate) async fn replace_secrets(&self, entity: &EntityId, hash: &str) -> Result<(), Error> {
        let mut transaction = self.pool.begin().await?;
        sqlx::query("DELETE FROM entity_secrets WHERE entity_id = $1")
            .bind(entity.as_str())
            .execute(&mut *transaction)
            .await?;
        add_secret(&mut transaction, entity, hash).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Adds an agent.
    pub(crate) async fn add_agent(&self, project: &ProjectId, slug: &str) -> Result<AgentId, Error> {
        let id = AgentId::random();
        sqlx::query("INSERT INTO agents (id, project_id, slug, created_ms) VALUES ($1, $2, $3, $4)")
            .bind(id.as_str())
            .bind(project.as_str())
            .bind(slug)
            .bind(now_ms())
            .execute(&self.pool)
            .await?;
        Ok(id)
    }

    /// Adds a caller's key.
    pub(crate) async fn add_key(&self, project: &ProjectId, key: NewKey<'_>) -> Result<KeyId, Error> {
        let id = KeyId::random();
        sqlx::query(
            "INSERT INTO caller_keys (id, hash, project_id, role, agent_id, created_ms) VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(id.as_str())
        .bind(key.hash)
        .bind(project.as_str())
        .bind(key.role.as_str())
        .bind(key.agent_id.map(AgentId::as_str))
        .bind(now_ms())
        .execute(&self.pool)
        .await?;
        Ok(id)
    }

    /// The key with that hash.
    pub(crate) async fn key(&self, hash: &str) -> Result<Option<KeyRow>, Error> {
        let row = sqlx::query("SELECT id, hash, project_id, role, agent_id FROM caller_keys WHERE hash = $1")
            .bind(hash)
            .fetch_optional(&self.pool)
            .await?;
        Ok(row.map(|row| KeyRow {
            id: row.get::<String, _>("id").into(),
            hash: row.get("hash"),
            project_id: row.get::<String, _>("project_id").into(),
            role: row.get("role"),
            agent_id: row.get::<Option<String>, _>("agent_id").map(Into::into),
        }))
    }

    /// Whether no caller's key was ever made.
    pub(crate) async fn has_no_keys(&self) -> Result<bool, Error> {
        let row = sqlx::query("SELECT COUNT(*) AS keys FROM caller_keys").fetch_one(&self.pool).await?;
        Ok(row.get::<i64, _>("keys") == 0)
    }
}

async fn add_secret(connection: &mut sqlx::SqliteConnection, entity: &EntityId, hash: &str) -> Result<(), Error> {
    sqlx::query("INSERT INTO entity_secrets (hash, entity_id, created_ms) VALUES ($1, $2, $3)")
        .bind(hash)
        .bind(entity.as_str())
        .bind(now_ms())
        .execute(connection)
        .await?;
    Ok(())
}
