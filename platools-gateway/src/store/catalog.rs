//! Which tools there are.

use platools::wire::ToolDeclaration;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::Store;
use crate::core::error::{Error, ErrorKind};
use crate::core::identity::{Identity, Scope};

impl Store {
    /// Every tool with its owner, in the order in which its worker declared it.
    pub(crate) async fn tools(&self) -> Result<Vec<(Identity, ToolDeclaration)>, Error> {
        let rows = sqlx::query(
            "SELECT t.declaration, t.entity_id, t.environment_id, e.slug AS entity, e.project_id, p.organization_id, \
             v.slug AS environment FROM tools t JOIN entities e ON e.id = t.entity_id \
             JOIN projects p ON p.id = e.project_id JOIN environments v ON v.id = t.environment_id \
             ORDER BY t.entity_id, t.environment_id, t.position",
        )
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(tool).collect()
    }

    /// Replaces the tools of one entity in one environment.
    pub(crate) async fn replace_tools(&self, scope: &Scope, tools: &[ToolDeclaration]) -> Result<(), Error> {
        let mut transaction = self.pool.begin().await?;
        sqlx::query("DELETE FROM tools WHERE entity_id = $1 AND environment_id = $2")
            .bind(scope.entity.as_str())
            .bind(scope.environment.as_str())
            .execute(&mut *transaction)
            .await?;
        for (position, tool) in (0_i64..).zip(tools) {
            let declaration = serde_json::to_string(tool).expect("a declaration that was read can be written");
            sqlx::query(
                "INSERT INTO tools (entity_id, environment_id, name, position, declaration) VALUES ($1, $2, $3, $4, $5)",
            )
            .bind(scope.entity.as_str())
            .bind(scope.environment.as_str())
            .bind(&tool.name)
            .bind(position)
            .bind(declaration)
            .execute(&mut *transaction)
            .await?;
        }
        transaction.commit().await?;
        Ok(())
    }
}

fn tool(row: &SqliteRow) -> Result<(Identity, ToolDeclaration), Error> {
    let identity = Identity {
        organization_id: row.get::<String, _>("organization_id").into(),
        project_id: row.get::<String, _>("project_id").into(),
        environment_id: row.get::<String, _>("environment_id").into(),
        environment: row.get("environment"),
        entity_id: row.get::<String, _>("entity_id").into(),
        entity: row.get("entity"),
    };
    let declaration = serde_json::from_str(row.get("declaration")).map_err(|error| {
        Error::new(ErrorKind::Storage, "the database has a tool that cannot be read").caused_by(error)
    })?;
    Ok((identity, declaration))
}
