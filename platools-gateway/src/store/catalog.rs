//! [`CatalogStore`] in SQL: stores the declared tools of each scope.

use async_trait::async_trait;
use tokio::task::spawn_blocking;

use super::SqlStore;
use super::sql::{self, Row};
use super::writer::WriteLock;
use crate::domain::error::{Error, ErrorKind};
use crate::domain::generation::Generation;
use crate::domain::identity::{Identity, Scope};
use crate::domain::tool::StoredTool;
use crate::ports::catalog::CatalogStore;

/// The statement that selects tools with their owners.
macro_rules! select_tools {
    ($rest:literal) => {
        concat!(
            "SELECT t.declaration, t.fingerprint, t.changed_ms, t.entity_id, t.environment_id, e.slug AS entity, ",
            "e.project_id, p.organization_id, v.slug AS environment FROM tools t ",
            "JOIN entities e ON e.id = t.entity_id JOIN projects p ON p.id = e.project_id ",
            "JOIN environments v ON v.id = t.environment_id ",
            $rest
        )
    };
}

#[async_trait]
impl CatalogStore for SqlStore {
    async fn tools(&self) -> Result<Vec<(Identity, StoredTool)>, Error> {
        let rows = sql::query(select_tools!("ORDER BY t.entity_id, t.environment_id, t.position"));
        let rows = rows.fetch_all(&self.reads).await?;
        // There may be many, and other things to do on this thread.
        let read = spawn_blocking(move || rows.iter().filter_map(tool).collect()).await;
        read.map_err(|error| Error::new(ErrorKind::Storage, "the stored tools cannot be read").caused_by(error))
    }

    async fn tools_of(&self, scope: &Scope) -> Result<Vec<(Identity, StoredTool)>, Error> {
        let query = sql::query(select_tools!("WHERE t.entity_id = $1 AND t.environment_id = $2 ORDER BY t.position"));
        let query = query.bind(scope.entity.as_str()).bind(scope.environment.as_str());
        Ok(query.fetch_all(&self.reads).await?.iter().filter_map(tool).collect())
    }

    async fn latest_generation(&self) -> Result<Option<Generation>, Error> {
        let row = sql::query("SELECT MAX(generation) AS latest FROM tool_sets").fetch_one(&self.reads).await?;
        Ok(row.get::<Option<i64>, _>("latest").map(Generation::stored))
    }

    async fn replace_tools(&self, scope: &Scope, generation: Generation, tools: &[StoredTool]) -> Result<bool, Error> {
        let mut transaction = self.writes.begin(WriteLock::Tools).await?;
        let claimed = sql::query(
            "INSERT INTO tool_sets (entity_id, environment_id, generation) VALUES ($1, $2, $3) \
             ON CONFLICT (entity_id, environment_id) DO UPDATE SET generation = excluded.generation \
             WHERE tool_sets.generation <= excluded.generation",
        )
        .bind(scope.entity.as_str())
        .bind(scope.environment.as_str())
        .bind(generation.number())
        .execute(&mut *transaction)
        .await?;
        if claimed == 0 {
            return Ok(false);
        }
        sql::query("DELETE FROM tools WHERE entity_id = $1 AND environment_id = $2")
            .bind(scope.entity.as_str())
            .bind(scope.environment.as_str())
            .execute(&mut *transaction)
            .await?;
        for (position, tool) in (0_i64..).zip(tools) {
            let declaration =
                serde_json::to_string(&tool.declaration).expect("a declaration that was read can be written");
            sql::query(
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

fn scope(row: &Row) -> Scope {
    Scope {
        entity: row.get::<String, _>("entity_id").into(),
        environment: row.get::<String, _>("environment_id").into(),
    }
}

fn tool(row: &Row) -> Option<(Identity, StoredTool)> {
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
            Some((identity, StoredTool { declaration, fingerprint, changed_ms }))
        }
        Err(error) => {
            tracing::error!(%error, entity = identity.entity, "stored tool not read and left out");
            None
        }
    }
}
