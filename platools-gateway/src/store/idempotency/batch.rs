//! [`Batch`]: writes of calls under idempotency keys that are made together. The number of statements does not grow with the number of
//! writes, so that a database on another machine costs a batch no more than one write.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use crate::domain::idempotency::{AnswerBounds, KeyedBegin, KeyedCall};
use crate::domain::ids::{CallId, ProjectId};
use crate::ports::time::now_ms;
use crate::store::sql::{self, Row, SqlBuilder, SqlConnection};
use crate::store::usage::{Counted, add_usage, total_usage};

/// Answers that are looked at together when room is made.
const DROPPED_AT_ONCE: i64 = 32;

/// The begin of a call.
#[derive(Debug)]
pub(super) struct BeginWrite {
    pub(super) call: KeyedCall,
    /// The time within which the answer may come.
    pub(super) answer_wait: Duration,
    /// The number of keys that the project may have.
    pub(super) limit: i64,
}

/// The end of a call.
#[derive(Debug)]
pub(super) struct EndWrite {
    pub(super) call: KeyedCall,
    /// The sealed answer; none if it is too large.
    pub(super) answer: Option<Arc<str>>,
    pub(super) bounds: AnswerBounds,
}

/// Writes of different calls.
#[derive(Debug, Default)]
pub(super) struct Batch<'w> {
    pub(super) begins: Vec<&'w BeginWrite>,
    pub(super) ends: Vec<&'w EndWrite>,
    /// Calls that certainly did not run.
    pub(super) forgotten: Vec<&'w KeyedCall>,
}

impl Batch<'_> {
    /// Makes the writes, and returns the outcome of each begin, in order. Ends come first, so that they make room for the begins.
    pub(super) async fn write(&self, connection: &mut SqlConnection) -> Result<Vec<KeyedBegin>, sqlx::Error> {
        if !self.forgotten.is_empty() {
            forget(connection, &self.forgotten).await?;
        }
        if !self.ends.is_empty() {
            end(connection, &self.ends).await?;
        }
        if self.begins.is_empty() { Ok(Vec::new()) } else { begin(connection, &self.begins).await }
    }
}

/// The id of the row, and the call that has it.
type RowKey = (String, CallId);

fn key(call: &KeyedCall) -> RowKey {
    (call.id.clone(), call.call_id.clone())
}

fn keys(rows: &[Row]) -> HashSet<RowKey> {
    rows.iter().map(|row| (row.get("id"), row.get::<String, _>("call_id").into())).collect()
}

async fn begin(connection: &mut SqlConnection, begins: &[&BeginWrite]) -> Result<Vec<KeyedBegin>, sqlx::Error> {
    let (now, started) = (connection.dialect().now_ms(), now_ms());
    let columns = "id, project_id, fingerprint, call_id, created_ms, state, answer_until_ms";
    let mut insert = SqlBuilder::new(format!("INSERT INTO named_calls ({columns}) VALUES "));
    let mut before = "(";
    for BeginWrite { call, answer_wait, .. } in begins {
        insert.push(before).push_bind(call.id.clone());
        insert.push(", ").push_bind(call.project.as_str().to_owned());
        insert.push(", ").push_bind(call.fingerprint.clone());
        insert.push(", ").push_bind(call.call_id.as_str().to_owned());
        insert.push(", ").push_bind(started);
        insert.push(format_args!(", 'begun', {now} + ")).push_bind(as_i64(answer_wait.as_millis()));
        before = "), (";
    }
    insert.push(") ON CONFLICT (id) DO NOTHING RETURNING id, call_id");
    let begun = keys(&insert.build().fetch_all(&mut *connection).await?);

    let mut outcomes: Vec<_> = begins
        .iter()
        .map(|begin| if begun.contains(&key(&begin.call)) { KeyedBegin::Begun } else { KeyedBegin::Taken })
        .collect();
    let mut projects: BTreeMap<&str, (&ProjectId, Vec<usize>)> = BTreeMap::new();
    for (place, begin) in begins.iter().enumerate().filter(|(place, _)| outcomes[*place] == KeyedBegin::Begun) {
        let project = &begin.call.project;
        projects.entry(project.as_str()).or_insert_with(|| (project, Vec::new())).1.push(place);
    }
    for (project, places) in projects.values() {
        let usage = add_usage(connection, project, Counted::KeyedCalls, as_i64(places.len()), 0).await?;
        let limit = begins[places[0]].limit;
        let excess = usize::try_from(usage.items - limit).unwrap_or(0).min(places.len());
        let refused = &places[places.len() - excess..];
        if !refused.is_empty() {
            let mut delete = SqlBuilder::new("DELETE FROM named_calls WHERE id IN ");
            delete.push_list(refused.iter().map(|place| begins[*place].call.id.clone()));
            delete.build().execute(&mut *connection).await?;
            add_usage(connection, project, Counted::KeyedCalls, -as_i64(refused.len()), 0).await?;
            refused.iter().for_each(|place| outcomes[*place] = KeyedBegin::TooManyKeys);
        }
    }
    Ok(outcomes)
}

async fn end(connection: &mut SqlConnection, ends: &[&EndWrite]) -> Result<(), sqlx::Error> {
    let mut update =
        SqlBuilder::new("UPDATE named_calls SET state = ended.column3, answer = ended.column4, answered_ms = ");
    update.push_bind(now_ms()).push(" FROM (VALUES ");
    let mut before = "(";
    for EndWrite { call, answer, .. } in ends {
        update.push(before).push_bind(call.id.clone());
        update.push(", ").push_bind(call.call_id.as_str().to_owned());
        update.push(", ").push_bind(if answer.is_some() { "answered" } else { "too_large" });
        update.push(", ").push_bind(answer.as_deref().map(str::to_owned));
        before = "), (";
    }
    update.push(
        ")) AS ended WHERE named_calls.id = ended.column1 AND named_calls.call_id = ended.column2 \
         AND named_calls.state = 'begun' RETURNING id, call_id",
    );
    let ended = keys(&update.build().fetch_all(&mut *connection).await?);

    let mut kept: BTreeMap<&str, (&ProjectId, i64)> = BTreeMap::new();
    for EndWrite { call, answer, .. } in ends {
        if let Some(answer) = answer.as_deref().filter(|_| ended.contains(&key(call))) {
            kept.entry(call.project.as_str()).or_insert((&call.project, 0)).1 += as_i64(answer.len());
        }
    }
    // They are those of the gateway.
    let Some(EndWrite { bounds, .. }) = ends.last().filter(|_| !kept.is_empty()) else { return Ok(()) };
    for (project, bytes) in kept.values() {
        let usage = add_usage(connection, project, Counted::KeyedCalls, 0, *bytes).await?;
        drop_answers(connection, project, usage.bytes - bounds.project).await?;
    }
    while let (total, Some(largest)) = total_usage(connection, Counted::KeyedCalls).await? {
        if total <= bounds.total || !drop_answers(connection, &largest, total - bounds.total).await? {
            break;
        }
    }
    Ok(())
}

async fn forget(connection: &mut SqlConnection, calls: &[&KeyedCall]) -> Result<(), sqlx::Error> {
    let mut delete = SqlBuilder::new("DELETE FROM named_calls WHERE state = 'begun' AND (");
    for (place, call) in calls.iter().enumerate() {
        delete.push(if place == 0 { "(id = " } else { " OR (id = " }).push_bind(call.id.clone());
        delete.push(" AND call_id = ").push_bind(call.call_id.as_str().to_owned()).push(")");
    }
    delete.push(") RETURNING project_id");
    let rows = delete.build().fetch_all(&mut *connection).await?;
    let mut removed: BTreeMap<String, i64> = BTreeMap::new();
    for row in &rows {
        *removed.entry(row.get("project_id")).or_default() += 1;
    }
    for (project, items) in removed {
        add_usage(connection, &project.into(), Counted::KeyedCalls, -items, 0).await?;
    }
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
