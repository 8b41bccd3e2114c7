//! [`IdempotencyStore`] in SQL: stores calls under idempotency keys, and their encrypted answers.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::SqlStore;
use super::sql::{self, SqlConnection};
use super::usage::{Counted, add_usage, total_usage};
use crate::domain::error::Error;
use crate::domain::idempotency::{AnswerBounds, EarlierCall, EarlierEnd, KeyedBegin, KeyedCall};
use crate::domain::ids::ProjectId;
use crate::ports::idempotency::IdempotencyStore;
use crate::ports::time::now_ms;

/// Rows that one transaction removes at most, so that other writers have their turn in between.
const BATCH: u32 = 500;

/// Answers that are looked at together when room is made.
const DROPPED_AT_ONCE: i64 = 32;

#[async_trait]
impl IdempotencyStore for SqlStore {
    async fn begin_keyed_call(&self, call: &KeyedCall, answer_wait: Duration, limit: i64) -> Result<KeyedBegin, Error> {
        let call = call.clone();
        let begin = self.writes.share(move |connection| {
            let call = call.clone();
            Box::pin(async move { begin(connection, &call, answer_wait, limit).await })
        });
        begin.await
    }

    async fn earlier_call(&self, id: &str) -> Result<Option<EarlierCall>, Error> {
        let now = self.reads.dialect().now_ms();
        let query = sql::dynamic(format!(
            "SELECT fingerprint, call_id, state, answer, answer_until_ms - {now} AS answer_wait_ms FROM named_calls WHERE id = $1"
        ));
        let row = query.bind(id).fetch_optional(&self.reads).await?;
        Ok(row.map(|row| EarlierCall {
            fingerprint: row.get("fingerprint"),
            call_id: row.get::<String, _>("call_id").into(),
            end: match (row.get::<&str, _>("state"), row.get::<Option<String>, _>("answer")) {
                ("answered", Some(answer)) => EarlierEnd::Answered(answer),
                ("too_large", _) => EarlierEnd::TooLarge,
                ("dropped", _) => EarlierEnd::Dropped,
                _ => EarlierEnd::Begun { answer_wait: milliseconds(row.get("answer_wait_ms")) },
            },
        }))
    }

    async fn is_key_of_earlier_version(&self, owner: &str, name: &str) -> Result<bool, Error> {
        let query = sql::query("SELECT 1 FROM idempotent_calls WHERE owner = $1 AND name = $2");
        Ok(query.bind(owner).bind(name).fetch_optional(&self.reads).await?.is_some())
    }

    async fn end_keyed_call(&self, call: &KeyedCall, answer: Option<&str>, bounds: AnswerBounds) -> Result<(), Error> {
        let (call, answer) = (call.clone(), answer.map(Arc::<str>::from));
        let end = self.writes.share(move |connection| {
            let (call, answer) = (call.clone(), answer.clone());
            Box::pin(async move { end(connection, &call, answer.as_deref(), bounds).await })
        });
        end.await
    }

    async fn forget_keyed_call(&self, call: &KeyedCall) -> Result<(), Error> {
        let call = call.clone();
        let forget = self.writes.share(move |connection| {
            let call = call.clone();
            Box::pin(async move { forget(connection, &call).await })
        });
        forget.await
    }

    async fn forget_keyed_calls_before(&self, ms: i64) -> Result<(), Error> {
        sql::query("DELETE FROM idempotent_calls WHERE created_ms < $1")
            .bind(ms)
            .execute(self.writes.connections())
            .await?;
        let delete = "DELETE FROM named_calls WHERE id IN \
                      (SELECT id FROM named_calls WHERE created_ms < $1 ORDER BY created_ms LIMIT $2) \
                      RETURNING project_id, COALESCE(octet_length(answer), 0) AS bytes";
        self.delete_counted_before(Counted::KeyedCalls, delete, ms, BATCH).await
    }
}

async fn begin(
    connection: &mut SqlConnection,
    call: &KeyedCall,
    answer_wait: Duration,
    limit: i64,
) -> Result<KeyedBegin, sqlx::Error> {
    let now = connection.dialect().now_ms();
    let begun = sql::dynamic(format!(
        "INSERT INTO named_calls (id, project_id, fingerprint, call_id, created_ms, state, answer_until_ms) \
         VALUES ($1, $2, $3, $4, $5, 'begun', {now} + $6) ON CONFLICT (id) DO NOTHING"
    ))
    .bind(&call.id)
    .bind(call.project.as_str())
    .bind(&call.fingerprint)
    .bind(call.call_id.as_str())
    .bind(now_ms())
    .bind(as_i64(answer_wait.as_millis()))
    .execute(&mut *connection)
    .await?;
    if begun == 0 {
        return Ok(KeyedBegin::Taken);
    }
    let counted = sql::query(
        "INSERT INTO project_usage (project_id, kind, items, bytes) VALUES ($1, $2, 1, 0) \
         ON CONFLICT (project_id, kind) DO UPDATE SET items = project_usage.items + 1 \
         WHERE project_usage.items < $3",
    )
    .bind(call.project.as_str())
    .bind(Counted::KeyedCalls.as_str())
    .bind(limit)
    .execute(&mut *connection)
    .await?;
    if counted > 0 {
        return Ok(KeyedBegin::Begun);
    }
    // Other writes share the transaction, so it is not rolled back.
    sql::query("DELETE FROM named_calls WHERE id = $1").bind(&call.id).execute(connection).await?;
    Ok(KeyedBegin::TooManyKeys)
}

async fn end(
    connection: &mut SqlConnection,
    call: &KeyedCall,
    answer: Option<&str>,
    bounds: AnswerBounds,
) -> Result<(), sqlx::Error> {
    let ended = sql::query(
        "UPDATE named_calls SET state = $3, answer = $4, answered_ms = $5 \
         WHERE id = $1 AND call_id = $2 AND state = 'begun'",
    )
    .bind(&call.id)
    .bind(call.call_id.as_str())
    .bind(if answer.is_some() { "answered" } else { "too_large" })
    .bind(answer)
    .bind(now_ms())
    .execute(&mut *connection)
    .await?;
    let Some(answer) = answer.filter(|_| ended > 0) else { return Ok(()) };
    let bytes = add_usage(connection, &call.project, Counted::KeyedCalls, 0, as_i64(answer.len())).await?;
    drop_answers(connection, &call.project, bytes - bounds.project).await?;
    while let (total, Some(largest)) = total_usage(connection, Counted::KeyedCalls).await? {
        if total <= bounds.total || !drop_answers(connection, &largest, total - bounds.total).await? {
            break;
        }
    }
    Ok(())
}

async fn forget(connection: &mut SqlConnection, call: &KeyedCall) -> Result<(), sqlx::Error> {
    let query = sql::query("DELETE FROM named_calls WHERE id = $1 AND call_id = $2 AND state = 'begun'");
    let removed = query.bind(&call.id).bind(call.call_id.as_str()).execute(&mut *connection).await?;
    add_usage(connection, &call.project, Counted::KeyedCalls, -as_i64(removed), 0).await?;
    Ok(())
}

/// Drops the oldest answers of a project until `excess` bytes are free; the calls stay known. Returns true if any was dropped.
async fn drop_answers(change: &mut SqlConnection, project: &ProjectId, mut excess: i64) -> Result<bool, sqlx::Error> {
    let mut has_dropped = false;
    while excess > 0 {
        let rows = sql::query(
            "SELECT id, octet_length(answer) AS bytes FROM named_calls \
             WHERE project_id = $1 AND state = 'answered' ORDER BY answered_ms LIMIT $2",
        )
        .bind(project.as_str())
        .bind(DROPPED_AT_ONCE)
        .fetch_all(&mut *change)
        .await?;
        if rows.is_empty() {
            break;
        }
        for row in rows {
            if excess <= 0 {
                break;
            }
            let bytes: i64 = row.get("bytes");
            sql::query("UPDATE named_calls SET state = 'dropped', answer = NULL WHERE id = $1")
                .bind(row.get::<String, _>("id"))
                .execute(&mut *change)
                .await?;
            add_usage(change, project, Counted::KeyedCalls, 0, -bytes).await?;
            excess -= bytes;
            has_dropped = true;
        }
    }
    Ok(has_dropped)
}

fn as_i64(number: impl TryInto<i64>) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}

/// A time of zero or more.
fn milliseconds(number: i64) -> Duration {
    Duration::from_millis(u64::try_from(number).unwrap_or(0))
}
