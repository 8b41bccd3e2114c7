//! Organizations and their projects.

use sqlx::{Row as _, SqliteConnection};

use super::add_environment;
use super::changes::Touched;
use crate::directory::project::ProjectName;
use crate::domain::error::Error;
use crate::domain::ids::{OrganizationId, ProjectId};
use crate::store::Store;

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

impl Store {
    /// Makes the project that every gateway has, unless it is there, and returns it.
    pub(crate) async fn default_project(&self) -> Result<ProjectId, Error> {
        let name = ProjectName::default();
        if let Some(project) = find(&mut *self.reads.acquire().await?, &name).await? {
            return Ok(project);
        }
        let added = ProjectId::random();
        let mut change = self.change_directory(Touched::Project(&added)).await?;
        // Another process may have made it meanwhile.
        if let Some(project) = find(&mut change, &name).await? {
            return Ok(project);
        }
        add(&mut change, &added, &name).await?;
        change.commit().await?;
        Ok(added)
    }

    /// Adds a project with the usual environments, and its organization if that is new. Says whether its name was free.
    pub(crate) async fn add_project(&self, name: &ProjectName) -> Result<bool, Error> {
        let added = ProjectId::random();
        let mut change = self.change_directory(Touched::Project(&added)).await?;
        if find(&mut change, name).await?.is_some() {
            return Ok(false);
        }
        add(&mut change, &added, name).await?;
        change.commit().await?;
        Ok(true)
    }

    /// Removes a project with everything in it, and its organization if it has no other.
    pub(crate) async fn remove_project(&self, project: &ProjectId) -> Result<(), Error> {
        let mut change = self.change_directory(Touched::Project(project)).await?;
        for statement in REMOVAL {
            sqlx::query(statement).bind(project.as_str()).execute(&mut *change).await?;
        }
        sqlx::query("DELETE FROM organizations WHERE id NOT IN (SELECT organization_id FROM projects)")
            .execute(&mut *change)
            .await?;
        change.commit().await?;
        Ok(())
    }
}

async fn find(connection: &mut SqliteConnection, name: &ProjectName) -> Result<Option<ProjectId>, Error> {
    let find = "SELECT p.id FROM projects p JOIN organizations o ON o.id = p.organization_id \
                WHERE o.slug = $1 AND p.slug = $2";
    let found = sqlx::query(find).bind(&name.organization).bind(&name.project).fetch_optional(connection).await?;
    Ok(found.map(|row| row.get::<String, _>("id").into()))
}

async fn add(connection: &mut SqliteConnection, project: &ProjectId, name: &ProjectName) -> Result<(), Error> {
    sqlx::query("INSERT INTO organizations (id, slug) VALUES ($1, $2) ON CONFLICT (slug) DO NOTHING")
        .bind(OrganizationId::random().as_str())
        .bind(&name.organization)
        .execute(&mut *connection)
        .await?;
    sqlx::query(
        "INSERT INTO projects (id, organization_id, slug) SELECT $1, id, $2 FROM organizations WHERE slug = $3",
    )
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_organization_is_there_as_long_as_it_has_a_project() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).await.unwrap();
        store.default_project().await.unwrap();
        let [shop, bank] = ["acme/shop", "acme/bank"].map(|name| name.parse::<ProjectName>().unwrap());
        assert!(store.add_project(&shop).await.unwrap() && store.add_project(&bank).await.unwrap());
        assert!(!store.add_project(&shop).await.unwrap());
        for (removed, organizations) in [(&shop, 2), (&bank, 1)] {
            let project = find(&mut store.reads.acquire().await.unwrap(), removed).await.unwrap().unwrap();
            store.remove_project(&project).await.unwrap();
            let left = sqlx::query("SELECT slug FROM organizations").fetch_all(&store.reads).await.unwrap();
            assert_eq!(left.len(), organizations, "after {removed}");
        }
        store.close().await;
    }
}
