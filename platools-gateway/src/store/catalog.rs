//! SQL for the catalog: the declared tools of each scope.

use platools_protocol::tool_sync::ToolDeclaration;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;
use tokio::task::spawn_blocking;

use super::Store;
use crate::core::error::{Error, ErrorKind};
use crate::core::identity::{Identity, Scope};
use crate::domain::arrival::Arrival;

/// A stored tool.
#[derive(Debug, Clone)]
pub(crate) struct ToolRow {
    pub(crate) declaration: ToolDeclaration,
    pub(crate) fingerprint: String,
    pub(crate) changed_ms: i64,
}

impl Store {
    /// Every tool with its owner, in the order in which its worker declared it. One that cannot be read is left out, and is back
    /// once its worker declares it again.
    pub(crate) async fn tools(&self) -> Result<Vec<(Identity, ToolRow)>, Error> {
        let rows = sqlx::query(
            "SELECT t.declaration, t.fingerprint, t.changed_ms, t.entity_id, t.environment_id, e.slug AS entity, \
             e.project_id, p.organization_id, v.slug AS environment FROM tools t \
             JOIN entities e ON e.id = t.entity_id JOIN projects p ON p.id = e.project_id \
             JOIN environments v ON v.id = t.environment_id ORDER BY t.entity_id, t.environment_id, t.position",
        )
        .fetch_all(&self.reads)
        .await?;
        // There may be many, and other things to do on this thread.
        let read = spawn_blocking(move || rows.iter().filter_map(tool).collect()).await;
        read.map_err(|error| Error::new(ErrorKind::Storage, "the stored tools cannot be read").caused_by(error))
    }

    /// The latest generation that tools were written with.
    pub(crate) async fn latest_generation(&self) -> Result<Option<Arrival>, Error> {
        let row = sqlx::query("SELECT MAX(generation) AS latest FROM tool_sets").fetch_one(&self.reads).await?;
        Ok(row.get::<Option<i64>, _>("latest").map(Arrival::stored))
    }

    /// Replaces the tools of one entity in one environment, unless they were written with a later generation. Says whether it did.
    pub(crate) async fn replace_tools(
        &self,
        scope: &Scope,
        generation: Arrival,
        tools: &[ToolRow],
    ) -> Result<bool, Error> {
        let mut transaction = self.writes.begin().await?;
        let claimed = sqlx::query(
            "INSERT INTO tool_sets (entity_id, environment_id, generation) VALUES ($1, $2, $3) \
             ON CONFLICT (entity_id, environment_id) DO UPDATE SET generation = excluded.generation \
             WHERE tool_sets.generation <= excluded.generation",
        )
        .bind(scope.entity.as_str())
        .bind(scope.environment.as_str())
        .bind(generation.number())
        .execute(&mut *transaction)
        .await?;
        if claimed.rows_affected() == 0 {
            return Ok(false);
        }
        sqlx::query("DELETE FROM tools WHERE entity_id = $1 AND environment_id = $2")
            .bind(scope.entity.as_str())
            .bind(scope.environment.as_str())
            .execute(&mut *transaction)
            .await?;
        for (position, tool) in (0_i64..).zip(tools) {
            let declaration =
                serde_json::to_string(&tool.declaration).expect("a declaration that was read can be written");
            sqlx::query(
                "INSERT INTO tools (entity_id, environment_id, name, position, declaration, fingerprint, changed_ms) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7)",
            )
            .bind(scope.entity.as_str())
            .bind(scope.environment.as_str())
            .bind(&tool.declaration.name)
            .bind(position)
            .bind(declaration)
            .bind(&tool.fingerprint)
            .bind(tool.changed_ms)
            .execute(&mut *transaction)
            .await?;
        }
        transaction.commit().await?;
        Ok(true)
    }
}

fn scope(row: &SqliteRow) -> Scope {
    Scope {
        entity: row.get::<String, _>("entity_id").into(),
        environment: row.get::<String, _>("environment_id").into(),
    }
}

fn tool(row: &SqliteRow) -> Option<(Identity, ToolRow)> {
    let Scope { entity: entity_id, environment: environment_id } = scope(row);
    let identity = Identity {
        organization_id: row.get::<String, _>("organization_id").into(),
        project_id: row.get::<String, _>("project_id").into(),
        environment_id,
        environment: row.get("environment"),
        entity_id,
        entity: row.get("entity"),
    };
    match serde_json::from_str(row.get("declaration")) {
        Ok(declaration) => {
            let (fingerprint, changed_ms) = (row.get("fingerprint"), row.get("changed_ms"));
            Some((identity, ToolRow { declaration, fingerprint, changed_ms }))
        }
        Err(error) => {
            tracing::error!(%error, entity = identity.entity, "a stored tool cannot be read and is left out");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn row(name: &str) -> ToolRow {
        let declaration = ToolDeclaration::new(name, "", json!({"type": "object"}));
        ToolRow { declaration, fingerprint: "f".to_owned(), changed_ms: 1 }
    }

    #[tokio::test]
    async fn a_write_of_an_earlier_generation_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).await.unwrap();
        let project = store.default_project().await.unwrap();
        let environment = store.directory().await.unwrap().environments[0].id.clone();
        let insert =
            "INSERT INTO entities (id, project_id, slug, policy, created_ms) VALUES ('ent_1', $1, 'e', 'pool', 1)";
        sqlx::query(insert).bind(project.as_str()).execute(store.writes.connection()).await.unwrap();
        let scope = Scope { entity: "ent_1".into(), environment };
        let (earlier, later) = (Arrival::now(), Arrival::now());
        assert_eq!(store.latest_generation().await.unwrap(), None);
        assert!(store.replace_tools(&scope, later, &[row("later")]).await.unwrap());
        assert!(!store.replace_tools(&scope, earlier, &[row("earlier")]).await.unwrap());
        let names = async || {
            let tools = store.tools().await.unwrap();
            tools.into_iter().map(|(_, row)| row.declaration.name).collect::<Vec<_>>()
        };
        assert_eq!(names().await, ["later"]);
        assert!(store.replace_tools(&scope, later, &[]).await.unwrap(), "one link may write again");
        assert!(!store.replace_tools(&scope, earlier, &[row("earlier")]).await.unwrap());
        assert_eq!(names().await, [""; 0]);
        assert_eq!(store.latest_generation().await.unwrap(), Some(later));
        store.close().await;
    }
}
