//! [`ProjectStore`] in SQL: stores organizations, projects and their environments.

use async_trait::async_trait;

use super::change_log::ChangedRows;
use super::limits::{LimitedObject, check_room};
use super::rows::{UnreadableRow, id};
use crate::domain::environment::Environment;
use crate::domain::error::Error;
use crate::domain::ids::{EnvironmentId, OrganizationId, ProjectId};
use crate::domain::project::{Project, ProjectName};
use crate::ports::directory::ProjectStore;
use crate::store::SqlStore;
use crate::store::sql::{self, Row, SqlConnection};
use crate::store::writer::WriteLock;

/// All projects with their organizations.
pub(super) const PROJECTS: &str = "SELECT p.id, p.slug, p.organization_id, o.slug AS organization FROM projects p \
                        JOIN organizations o ON o.id = p.organization_id";

/// The environments of a new project.
const ENVIRONMENTS: [&str; 3] = ["development", "staging", "production"];

/// Statements that remove a project. Secrets and tools go with their entities.
const REMOVAL: [&str; 5] = [
    "DELETE FROM caller_keys WHERE project_id = $1",
    "DELETE FROM agents WHERE project_id = $1",
    "DELETE FROM entities WHERE project_id = $1",
    "DELETE FROM environments WHERE project_id = $1",
    "DELETE FROM projects WHERE id = $1",
];

/// Locks of the data that goes with a project, beside the directory.
const OF_PROJECT: [WriteLock; 4] =
    [WriteLock::Tools, WriteLock::KeyedCalls, WriteLock::Conversations, WriteLock::Channels];

#[async_trait]
impl ProjectStore for SqlStore {
    async fn default_project(&self) -> Result<ProjectId, Error> {
        let name = ProjectName::default();
        if let Some(project) = find(&mut *self.reads.begin().await?, &name).await? {
            return Ok(project);
        }
        let added = ProjectId::random();
        let mut change = self.change_directory(ChangedRows::Project(&added)).await?;
        // Another process may have made it meanwhile.
        if let Some(project) = find(&mut change, &name).await? {
            return Ok(project);
        }
        add(&mut change, &added, &name).await?;
        change.commit().await?;
        Ok(added)
    }

    async fn add_project(&self, name: &ProjectName) -> Result<bool, Error> {
        let added = ProjectId::random();
        let mut change = self.change_directory(ChangedRows::Project(&added)).await?;
        if find(&mut change, name).await?.is_some() {
            return Ok(false);
        }
        add(&mut change, &added, name).await?;
        change.commit().await?;
        Ok(true)
    }

    async fn remove_project(&self, project: &ProjectId) -> Result<(), Error> {
        let mut change = self.change_directory(ChangedRows::Project(project)).await?;
        WriteLock::take_further(&mut change, &OF_PROJECT).await?;
        for statement in REMOVAL {
            sql::query(statement).bind(project.as_str()).execute(&mut *change).await?;
        }
        sql::query("DELETE FROM organizations WHERE id NOT IN (SELECT organization_id FROM projects)")
            .execute(&mut *change)
            .await?;
        change.commit().await?;
        Ok(())
    }

    async fn add_environment(&self, project: &ProjectId, slug: &str, limit: u32) -> Result<bool, Error> {
        let mut change = self.change_directory(ChangedRows::Environments(project)).await?;
        check_room(&mut change, project, LimitedObject::Environments, limit).await?;
        let added = add_environment(&mut change, project, slug).await?;
        if added {
            change.commit().await?;
        }
        Ok(added)
    }

    async fn remove_environment(&self, environment: &EnvironmentId) -> Result<(), Error> {
        let mut change = self.change_directory(ChangedRows::Environment(environment)).await?;
        WriteLock::take_further(&mut change, &[WriteLock::Tools]).await?;
        for statement in [
            "DELETE FROM disabled_tools WHERE environment_id = $1",
            "DELETE FROM tools WHERE environment_id = $1",
            "DELETE FROM tool_sets WHERE environment_id = $1",
            "DELETE FROM environments WHERE id = $1",
        ] {
            sql::query(statement).bind(environment.as_str()).execute(&mut *change).await?;
        }
        change.commit().await?;
        Ok(())
    }
}

async fn find(connection: &mut SqlConnection, name: &ProjectName) -> Result<Option<ProjectId>, Error> {
    let find = "SELECT p.id FROM projects p JOIN organizations o ON o.id = p.organization_id \
                WHERE o.slug = $1 AND p.slug = $2";
    let found = sql::query(find).bind(&name.organization).bind(&name.project).fetch_optional(connection).await?;
    Ok(found.map(|row| row.get::<String, _>("id").into()))
}

async fn add(connection: &mut SqlConnection, project: &ProjectId, name: &ProjectName) -> Result<(), Error> {
    sql::query("INSERT INTO organizations (id, slug) VALUES ($1, $2) ON CONFLICT (slug) DO NOTHING")
        .bind(OrganizationId::random().as_str())
        .bind(&name.organization)
        .execute(&mut *connection)
        .await?;
    sql::query("INSERT INTO projects (id, organization_id, slug) SELECT $1, id, $2 FROM organizations WHERE slug = $3")
        .bind(project.as_str())
        .bind(&name.project)
        .bind(&name.organization)
        .execute(&mut *connection)
        .await?;
    for slug in ENVIRONMENTS {
        add_environment(connection, project, slug).await?;
    }
    Ok(())
}

async fn add_environment(connection: &mut SqlConnection, project: &ProjectId, slug: &str) -> Result<bool, Error> {
    let added = sql::query(
        // Of either: the slug, or the slug in another case.
        "INSERT INTO environments (id, project_id, slug) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
    )
    .bind(EnvironmentId::random().as_str())
    .bind(project.as_str())
    .bind(slug)
    .execute(connection)
    .await?;
    Ok(added > 0)
}

pub(super) fn project(row: &Row) -> Result<Project, UnreadableRow> {
    let name = ProjectName { organization: row.get("organization"), project: row.get("slug") };
    Ok(Project { id: id(row, "id"), organization_id: id(row, "organization_id"), name })
}

pub(super) fn environment(row: &Row) -> Result<(ProjectId, Environment), UnreadableRow> {
    Ok((id(row, "project_id"), Environment { id: id(row, "id"), slug: row.get("slug") }))
}
