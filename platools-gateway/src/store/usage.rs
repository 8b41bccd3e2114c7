//! How much each project has of what is bounded by size.

use sqlx::{Row as _, SqliteConnection};

use crate::core::ids::ProjectId;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Counted {
    NamedCalls,
    Conversations,
    Channels,
}

impl Counted {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::NamedCalls => "named_calls",
            Self::Conversations => "conversations",
            Self::Channels => "channels",
        }
    }
}

/// Adds to what a project has, or takes away from it with negative numbers, and returns its bytes.
pub(super) async fn add_usage(
    connection: &mut SqliteConnection,
    project: &ProjectId,
    counted: Counted,
    items: i64,
    bytes: i64,
) -> Result<i64, sqlx::Error> {
    let row = sqlx::query(
        "INSERT INTO project_usage (project_id, kind, items, bytes) SELECT id, $2, $3, $4 FROM projects WHERE id = $1 \
         ON CONFLICT (project_id, kind) DO UPDATE SET items = project_usage.items + excluded.items, \
         bytes = project_usage.bytes + excluded.bytes RETURNING bytes",
    )
    .bind(project.as_str())
    .bind(counted.as_str())
    .bind(items)
    .bind(bytes)
    .fetch_optional(connection)
    .await?;
    // Without the project nothing of it is left.
    Ok(row.map_or(0, |row| row.get("bytes")))
}

/// The bytes of all projects together, and the project that has most of them.
pub(super) async fn total_usage(
    connection: &mut SqliteConnection,
    counted: Counted,
) -> Result<(i64, Option<ProjectId>), sqlx::Error> {
    let total =
        sqlx::query("SELECT CAST(COALESCE(SUM(bytes), 0) AS BIGINT) AS total FROM project_usage WHERE kind = $1")
            .bind(counted.as_str())
            .fetch_one(&mut *connection)
            .await?;
    let largest = sqlx::query("SELECT project_id FROM project_usage WHERE kind = $1 ORDER BY bytes DESC LIMIT 1")
        .bind(counted.as_str())
        .fetch_optional(connection)
        .await?;
    Ok((total.get("total"), largest.map(|row| row.get::<String, _>("project_id").into())))
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::Store;
    use super::*;

    /// A store with the project that every gateway has.
    pub(in crate::store) async fn store() -> (tempfile::TempDir, Store, ProjectId) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).await.unwrap();
        let project = store.default_project().await.unwrap();
        (folder, store, project)
    }

    /// What is noted of a project, beside what the query counts: items and bytes.
    pub(in crate::store) async fn noted_and_counted(
        store: &Store,
        counted: Counted,
        query: &'static str,
    ) -> ((i64, i64), (i64, i64)) {
        let noted = "SELECT CAST(COALESCE(SUM(items), 0) AS BIGINT) AS items, CAST(COALESCE(SUM(bytes), 0) AS BIGINT) AS bytes \
                     FROM project_usage WHERE kind = $1";
        let noted = sqlx::query(noted).bind(counted.as_str()).fetch_one(&store.reads).await.unwrap();
        let real = sqlx::query(query).fetch_one(&store.reads).await.unwrap();
        ((noted.get("items"), noted.get("bytes")), (real.get("items"), real.get("bytes")))
    }
}
