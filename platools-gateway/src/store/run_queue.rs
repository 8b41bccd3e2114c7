//! Functions that queue the runs of a conversation: `add`, `renew`, `place` and `remove_left`. The database's clock decides whether the lease
//! of a run is over, so that gateways whose clocks differ agree on it.

use std::time::Duration;

use super::sql::{self, Pool, SqlConnection};
use crate::domain::conversation::RunPosition;
use crate::domain::error::{Error, ErrorKind};
use crate::domain::ids::{ConversationId, RunId};
use crate::domain::number::saturating_i64;

/// Adds a run at the end of the queue, unless `limit` runs are in it.
pub(super) async fn add(
    change: &mut SqlConnection,
    id: &ConversationId,
    run: &RunId,
    lease: Duration,
    limit: i64,
) -> Result<RunPosition, Error> {
    remove_expired(change, id, run).await?;
    let query = "SELECT COUNT(*) AS runs, COALESCE(MAX(place) + 1, 0) AS next FROM conversation_runs \
                 WHERE conversation_id = $1";
    let row = sql::query(query).bind(id.as_str()).fetch_one(&mut *change).await?;
    let runs: i64 = row.get("runs");
    if runs >= limit {
        return Ok(RunPosition::Nowhere);
    }
    let now = change.dialect().now_ms();
    let added = sql::dynamic(format!(
        "INSERT INTO conversation_runs (conversation_id, place, run_id, until_ms) \
         SELECT id, $2, $3, {now} + $4 FROM conversations WHERE id = $1"
    ))
    .bind(id.as_str())
    .bind(row.get::<i64, _>("next"))
    .bind(run.as_str())
    .bind(saturating_i64(lease.as_millis()))
    .execute(change)
    .await?;
    match (added, runs) {
        (0, _) => Err(missing(id)),
        (_, 0) => Ok(RunPosition::Turn),
        _ => Ok(RunPosition::Waiting),
    }
}

/// Renews the lease of a run, and removes the others whose lease is over. A run that was not removed keeps its place, also if its lease was
/// over: nobody took it.
pub(super) async fn renew(
    change: &mut SqlConnection,
    id: &ConversationId,
    run: &RunId,
    lease: Duration,
) -> Result<RunPosition, sqlx::Error> {
    remove_expired(change, id, run).await?;
    let now = change.dialect().now_ms();
    let renewed = sql::dynamic(format!(
        "UPDATE conversation_runs SET until_ms = {now} + $3 WHERE conversation_id = $1 AND run_id = $2 RETURNING place"
    ))
    .bind(id.as_str())
    .bind(run.as_str())
    .bind(saturating_i64(lease.as_millis()))
    .fetch_optional(&mut *change)
    .await?;
    let Some(row) = renewed else { return Ok(RunPosition::Nowhere) };
    let before = sql::query("SELECT 1 FROM conversation_runs WHERE conversation_id = $1 AND place < $2 LIMIT 1")
        .bind(id.as_str())
        .bind(row.get::<i64, _>("place"))
        .fetch_optional(change)
        .await?;
    Ok(if before.is_some() { RunPosition::Waiting } else { RunPosition::Turn })
}

/// The place of a run, without those before it whose lease is over.
pub(super) async fn place(reads: &Pool, id: &ConversationId, run: &RunId) -> Result<RunPosition, Error> {
    let now = reads.dialect().now_ms();
    let row = sql::dynamic(format!(
        "SELECT own.place, (SELECT COUNT(*) FROM conversation_runs other WHERE other.conversation_id = own.conversation_id \
                            AND other.place < own.place AND other.until_ms > {now}) AS runs_before \
         FROM conversations LEFT JOIN conversation_runs own ON own.conversation_id = conversations.id AND own.run_id = $2 \
         WHERE conversations.id = $1"
    ))
    .bind(id.as_str())
    .bind(run.as_str())
    .fetch_optional(reads)
    .await?;
    let row = row.ok_or_else(|| missing(id))?;
    Ok(match (row.get::<Option<i64>, _>("place"), row.get::<i64, _>("runs_before")) {
        (None, _) => RunPosition::Nowhere,
        (Some(_), 0) => RunPosition::Turn,
        (Some(_), _) => RunPosition::Waiting,
    })
}

/// Removes runs that gateways left behind, in conversations that nobody goes on with. A gateway that is only cut off from the database
/// has time to renew its runs before that.
pub(super) async fn remove_left(connections: &Pool) -> Result<(), sqlx::Error> {
    let now = connections.dialect().now_ms();
    let delete = format!("DELETE FROM conversation_runs WHERE until_ms < {now} - $1");
    sql::dynamic(delete).bind(LEFT_MS).execute(connections).await.map(drop)
}

async fn remove_expired(change: &mut SqlConnection, id: &ConversationId, run: &RunId) -> Result<(), sqlx::Error> {
    let now = change.dialect().now_ms();
    let delete =
        format!("DELETE FROM conversation_runs WHERE conversation_id = $1 AND run_id <> $2 AND until_ms <= {now}");
    sql::dynamic(delete).bind(id.as_str()).bind(run.as_str()).execute(change).await.map(drop)
}

/// The time after its lease at which a run is removed that nobody waits behind: an hour, in milliseconds.
const LEFT_MS: i64 = 60 * 60 * 1000;

fn missing(id: &ConversationId) -> Error {
    Error::new(ErrorKind::NotFound, format!("there is no conversation `{id}`"))
}
