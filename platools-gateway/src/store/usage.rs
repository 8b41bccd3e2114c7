//! [`Counted`]: the kinds of rows whose number and bytes are counted for each project, such as conversations. Functions here keep the
//! counts up to date.

use std::collections::HashMap;

use super::sql::{self, Row, SqlConnection};
use super::writer::WriteLock;
use crate::domain::ids::ProjectId;

/// The kinds of data that are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Counted {
    KeyedCalls,
    Conversations,
    Channels,
}

impl Counted {
    /// The lock of the transactions that count.
    pub(super) fn lock(self) -> WriteLock {
        match self {
            Self::KeyedCalls => WriteLock::KeyedCalls,
            Self::Conversations => WriteLock::Conversations,
            Self::Channels => WriteLock::Channels,
        }
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::KeyedCalls => "named_calls",
            Self::Conversations => "conversations",
            Self::Channels => "channels",
        }
    }
}

/// The amount that a project has of one kind.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct ProjectUsage {
    pub(super) items: i64,
    pub(super) bytes: i64,
}

/// Adds to the usage of a project, or takes away from it with negative numbers, and returns the usage then.
pub(super) async fn add_usage(
    connection: &mut SqlConnection,
    project: &ProjectId,
    counted: Counted,
    items: i64,
    bytes: i64,
) -> Result<ProjectUsage, sqlx::Error> {
    let row = sql::query(
        "INSERT INTO project_usage (project_id, kind, items, bytes) SELECT id, $2, $3, $4 FROM projects WHERE id = $1 \
         ON CONFLICT (project_id, kind) DO UPDATE SET items = project_usage.items + excluded.items, \
         bytes = project_usage.bytes + excluded.bytes RETURNING items, bytes",
    )
    .bind(project.as_str())
    .bind(counted.as_str())
    .bind(items)
    .bind(bytes)
    .fetch_optional(connection)
    .await?;
    // Without the project nothing of it is left.
    Ok(row.map_or(ProjectUsage::default(), |row| ProjectUsage { items: row.get("items"), bytes: row.get("bytes") }))
}

/// Takes removed rows, given by their `project_id` and `bytes`, away from what their projects have. Returns their bytes.
pub(super) async fn subtract_removed(
    connection: &mut SqlConnection,
    counted: Counted,
    rows: &[Row],
) -> Result<i64, sqlx::Error> {
    let mut removed: HashMap<ProjectId, (i64, i64)> = HashMap::new();
    for row in rows {
        let (items, bytes) = removed.entry(row.get::<String, _>("project_id").into()).or_default();
        *items += 1;
        *bytes += row.get::<i64, _>("bytes");
    }
    let total = removed.values().map(|(_, bytes)| bytes).sum();
    for (project, (items, bytes)) in removed {
        add_usage(connection, &project, counted, -items, -bytes).await?;
    }
    Ok(total)
}

/// The bytes of all projects together, and the project that has most of them.
pub(super) async fn total_usage(
    connection: &mut SqlConnection,
    counted: Counted,
) -> Result<(i64, Option<ProjectId>), sqlx::Error> {
    let largest = "SELECT project_id, CAST(SUM(bytes) OVER () AS BIGINT) AS total FROM project_usage WHERE kind = $1 \
                   ORDER BY bytes DESC LIMIT 1";
    let row = sql::query(largest).bind(counted.as_str()).fetch_optional(connection).await?;
    Ok(row.map_or((0, None), |row| (row.get("total"), Some(row.get::<String, _>("project_id").into()))))
}
