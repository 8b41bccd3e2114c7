//! The calls that ended.

use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row as _, Sqlite, SqliteConnection};

use super::Store;
use crate::authority::CallScope;
use crate::core::error::Error;
use crate::core::ids::{CallId, ProjectId};
use crate::core::journal::{CallEnd, CallSummary, Kept};

/// What a row takes besides its texts, its place in the indexes included, in bytes. Roughly: it is there so that many calls
/// without arguments do not outgrow the limit.
const ROW_BYTES: usize = 1024;

/// One call as it is stored.
#[derive(Clone)]
pub(crate) struct CallRow {
    pub(crate) project_id: ProjectId,
    pub(crate) summary: CallSummary,
    pub(crate) end: CallEnd,
    pub(crate) arguments: StoredText,
    /// What the tool returned, if it did.
    pub(crate) result: Option<StoredText>,
}

/// Arguments or a result, as far as they are stored.
#[derive(Clone)]
pub(crate) struct StoredText {
    pub(crate) kept: Kept,
    pub(crate) text: Option<String>,
}

/// Which calls. What is not named does not matter.
#[derive(Debug, Clone, Default)]
pub(crate) struct CallFilter {
    pub(crate) tool: Option<String>,
    pub(crate) entity_id: Option<String>,
    pub(crate) environment_id: Option<String>,
    pub(crate) agent_id: Option<String>,
    /// The calls that the caller may see.
    pub(crate) scope: CallScope,
    pub(crate) user_id: Option<String>,
    pub(crate) outcome: Option<String>,
    pub(crate) since_ms: Option<i64>,
    /// The first moment that is too late.
    pub(crate) until_ms: Option<i64>,
    /// Where the page before ended.
    pub(crate) after: Option<(i64, CallId)>,
}

/// What may stay.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Retention {
    /// What began before is deleted.
    pub(crate) oldest_ms: i64,
    /// What all calls together may take.
    pub(crate) max_bytes: i64,
    /// How many may be deleted at a time.
    pub(crate) batch: i64,
}

impl CallRow {
    fn stored_bytes(&self) -> i64 {
        let text = |stored: &StoredText| stored.text.as_ref().map_or(0, String::len);
        number((text(&self.arguments) + self.result.as_ref().map_or(0, text) + ROW_BYTES) as u64)
    }
}

impl Store {
    /// Stores calls, all or none. One that is stored already stays as it is: a write whose end was not seen may be repeated.
    /// Returns what all calls together take, in bytes.
    pub(crate) async fn add_calls(&self, calls: &[CallRow]) -> Result<i64, Error> {
        let mut transaction = self.pool.begin().await?;
        let mut added = 0;
        for call in calls {
            if add(&mut transaction, call).await? {
                added += call.stored_bytes();
            }
        }
        let bytes = grow(&mut transaction, added).await?;
        transaction.commit().await?;
        Ok(bytes)
    }

    /// Deletes some of the oldest calls, if they may not stay. Says how many.
    pub(crate) async fn prune_calls(&self, retention: Retention) -> Result<u64, Error> {
        let mut transaction = self.pool.begin().await?;
        // Begins with a write, so that nobody else's comes between what is read here and what is written.
        let bytes = grow(&mut transaction, 0).await?;
        let oldest =
            sqlx::query("SELECT started_ms, call_id, stored_bytes FROM calls ORDER BY started_ms, call_id LIMIT $1")
                .bind(retention.batch)
                .fetch_all(&mut *transaction)
                .await?;
        let doomed = doomed(bytes, oldest.iter().map(|row| (row.get(0), row.get(2))), retention);
        let Some(last) = doomed.count.checked_sub(1).and_then(|last| oldest.get(last)) else { return Ok(0) };
        let deleted = sqlx::query("DELETE FROM calls WHERE (started_ms, call_id) <= ($1, $2)")
            .bind(last.get::<i64, _>(0))
            .bind(last.get::<String, _>(1))
            .execute(&mut *transaction)
            .await?;
        grow(&mut transaction, -doomed.bytes).await?;
        transaction.commit().await?;
        Ok(deleted.rows_affected())
    }

    /// Calls of a project, newest first, without their arguments and results.
    pub(crate) async fn calls(
        &self,
        project: &ProjectId,
        filter: &CallFilter,
        limit: i64,
    ) -> Result<Vec<CallRow>, Error> {
        let mut query = QueryBuilder::<Sqlite>::new(
            "SELECT project_id, call_id, started_ms, tool, entity_id, entity, environment_id, environment, credential, \
             role, agent_id, user_id, outcome, total_ms, worker_ms, arguments_bytes, result_bytes, arguments_state, \
             result_state, NULL AS arguments, NULL AS result FROM calls WHERE project_id = ",
        );
        query.push_bind(project.as_str());
        narrow(&mut query, filter);
        query.push(" ORDER BY started_ms DESC, call_id DESC LIMIT ").push_bind(limit);
        Ok(query.build().fetch_all(&self.pool).await?.iter().map(call).collect())
    }

    /// One call of a project.
    pub(crate) async fn call(&self, project: &ProjectId, call_id: &str) -> Result<Option<CallRow>, Error> {
        let row = sqlx::query("SELECT * FROM calls WHERE call_id = $1 AND project_id = $2")
            .bind(call_id)
            .bind(project.as_str())
            .fetch_optional(&self.pool)
            .await?;
        Ok(row.as_ref().map(call))
    }
}

/// How many of the oldest calls go.
#[derive(Debug, PartialEq, Eq)]
struct Doomed {
    count: usize,
    bytes: i64,
}

/// Counts the calls, oldest first, that are too old or too much: `total` is what all of them take together.
fn doomed(total: i64, oldest: impl Iterator<Item = (i64, i64)>, retention: Retention) -> Doomed {
    oldest
        .fold((Doomed { count: 0, bytes: 0 }, true), |(doomed, all), (started_ms, bytes)| {
            let goes = all && (started_ms < retention.oldest_ms || total - doomed.bytes > retention.max_bytes);
            if goes { (Doomed { count: doomed.count + 1, bytes: doomed.bytes + bytes }, true) } else { (doomed, false) }
        })
        .0
}

/// Changes the sum of what calls take, and returns it.
async fn grow(connection: &mut SqliteConnection, bytes: i64) -> Result<i64, Error> {
    let row = sqlx::query("UPDATE journal_size SET bytes = bytes + $1 RETURNING bytes")
        .bind(bytes)
        .fetch_one(connection)
        .await?;
    Ok(row.get(0))
}

async fn add(connection: &mut SqliteConnection, call: &CallRow) -> Result<bool, Error> {
    let CallRow { project_id, summary, end, arguments, result } = call;
    let added = sqlx::query(
        "INSERT INTO calls (call_id, project_id, started_ms, stored_bytes, tool, entity_id, entity, environment_id, \
         environment, credential, role, agent_id, user_id, outcome, total_ms, worker_ms, arguments_bytes, result_bytes, \
         arguments_state, result_state, arguments, result) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, \
         $13, $14, $15, $16, $17, $18, $19, $20, $21, $22) ON CONFLICT (call_id) DO NOTHING",
    )
    .bind(summary.call_id.as_str())
    .bind(project_id.as_str())
    .bind(summary.started_ms)
    .bind(call.stored_bytes())
    .bind(&summary.tool)
    .bind(summary.entity_id.as_str())
    .bind(&summary.entity)
    .bind(summary.environment_id.as_str())
    .bind(&summary.environment)
    .bind(&summary.credential)
    .bind(&summary.role)
    .bind(summary.agent_id.as_ref().map(|agent| agent.as_str()))
    .bind(summary.user_id.as_deref())
    .bind(&*end.outcome)
    .bind(number(end.total_ms))
    .bind(end.worker_ms.map(number))
    .bind(number(summary.arguments_bytes))
    .bind(end.result_bytes.map(number))
    .bind(arguments.kept.as_str())
    .bind(result.as_ref().map(|result| result.kept.as_str()))
    .bind(arguments.text.as_deref())
    .bind(result.as_ref().and_then(|result| result.text.as_deref()))
    .execute(connection)
    .await?;
    Ok(added.rows_affected() > 0)
}

fn narrow(query: &mut QueryBuilder<Sqlite>, filter: &CallFilter) {
    let texts = [
        (" AND tool = ", &filter.tool),
        (" AND entity_id = ", &filter.entity_id),
        (" AND environment_id = ", &filter.environment_id),
        (" AND agent_id = ", &filter.agent_id),
        (" AND user_id = ", &filter.user_id),
        (" AND outcome = ", &filter.outcome),
    ];
    for (condition, wanted) in texts {
        if let Some(wanted) = wanted {
            query.push(condition).push_bind(wanted.clone());
        }
    }
    narrow_to(query, &filter.scope);
    for (condition, wanted) in [(" AND started_ms >= ", filter.since_ms), (" AND started_ms < ", filter.until_ms)] {
        if let Some(wanted) = wanted {
            query.push(condition).push_bind(wanted);
        }
    }
    if let Some((started_ms, call_id)) = &filter.after {
        query.push(" AND (started_ms, call_id) < (").push_bind(*started_ms);
        query.push(", ").push_bind(call_id.as_str().to_owned()).push(")");
    }
}

/// Leaves out calls that the caller may not see.
fn narrow_to(query: &mut QueryBuilder<Sqlite>, CallScope { user, agent, environments }: &CallScope) {
    if let Some(user) = user {
        query.push(" AND user_id = ").push_bind(user.clone());
    }
    if let Some(agent) = agent {
        query.push(" AND agent_id = ").push_bind(agent.to_string());
    }
    if let Some(environments) = environments {
        query.push(" AND environment_id IN (");
        let mut list = query.separated(", ");
        environments.iter().for_each(|environment| {
            list.push_bind(environment.to_string());
        });
        query.push(")");
    }
}

fn call(row: &SqliteRow) -> CallRow {
    let stored = |state: String, text| StoredText { kept: Kept::from_name(&state), text };
    CallRow {
        project_id: row.get::<String, _>("project_id").into(),
        summary: CallSummary {
            call_id: row.get::<String, _>("call_id").into(),
            tool: row.get("tool"),
            entity_id: row.get::<String, _>("entity_id").into(),
            entity: row.get("entity"),
            environment_id: row.get::<String, _>("environment_id").into(),
            environment: row.get("environment"),
            credential: row.get("credential"),
            role: row.get("role"),
            agent_id: row.get::<Option<String>, _>("agent_id").map(Into::into),
            user_id: row.get("user_id"),
            started_ms: row.get("started_ms"),
            arguments_bytes: count(row.get("arguments_bytes")),
        },
        end: CallEnd {
            outcome: row.get::<String, _>("outcome").into(),
            total_ms: count(row.get("total_ms")),
            worker_ms: row.get::<Option<i64>, _>("worker_ms").map(count),
            result_bytes: row.get::<Option<i64>, _>("result_bytes").map(count),
        },
        arguments: stored(row.get("arguments_state"), row.get("arguments")),
        result: row.get::<Option<String>, _>("result_state").map(|state| stored(state, row.get("result"))),
    }
}

/// A count as the database has it, and back. Nothing that is counted here comes near the limit.
fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn retention(oldest_ms: i64, max_bytes: i64) -> Retention {
        Retention { oldest_ms, max_bytes, batch: 10 }
    }

    #[test]
    fn the_oldest_go_until_the_rest_may_stay() {
        let oldest = [(1, 10), (2, 10), (5, 10), (6, 10)];
        for (total, retention, count) in [
            (40, retention(0, 40), 0),
            (40, retention(2, 40), 1),
            (40, retention(6, 40), 3),
            (40, retention(0, 39), 1),
            (40, retention(0, 11), 3),
            (1000, retention(0, 40), 4),
            (40, retention(3, 25), 2),
        ] {
            let bytes = i64::try_from(count).unwrap() * 10;
            assert_eq!(doomed(total, oldest.into_iter(), retention), Doomed { count, bytes }, "{total} {retention:?}");
        }
    }

    fn row(number: i64) -> CallRow {
        CallRow {
            project_id: "prj".into(),
            summary: CallSummary::sample(format!("call_{number}").into(), number),
            end: CallEnd { outcome: "ok".into(), total_ms: 1, worker_ms: None, result_bytes: None },
            arguments: StoredText { kept: Kept::Kept, text: Some("{  }".to_owned()) },
            result: None,
        }
    }

    const EACH: i64 = 1028;

    #[tokio::test]
    async fn a_repeated_write_counts_once_and_the_sum_follows_what_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).await.unwrap();
        let rows: Vec<_> = (0..5).map(row).collect();
        assert_eq!(store.add_calls(&rows[..3]).await.unwrap(), 3 * EACH);
        assert_eq!(store.add_calls(&rows).await.unwrap(), 5 * EACH);
        assert_eq!(store.prune_calls(retention(2, i64::MAX)).await.unwrap(), 2);
        assert_eq!(store.prune_calls(retention(2, i64::MAX)).await.unwrap(), 0);
        assert_eq!(store.add_calls(&[]).await.unwrap(), 3 * EACH);
        assert_eq!(store.prune_calls(Retention { batch: 1, ..retention(0, 0) }).await.unwrap(), 1);
        let left = store.calls(&"prj".into(), &CallFilter::default(), 10).await.unwrap();
        let left: Vec<_> = left.iter().map(|call| call.summary.started_ms).collect();
        assert_eq!(left, [4, 3]);
        store.close().await;
    }

    #[tokio::test]
    async fn a_list_uses_an_index_and_sorts_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).await.unwrap();
        for condition in ["1 = 1", "tool = 't'", "entity_id = 'e'", "agent_id = 'a'", "user_id = 'u'", "outcome = 'ok'"]
        {
            let sql = format!(
                "EXPLAIN QUERY PLAN SELECT * FROM calls WHERE project_id = 'prj' AND {condition} AND (started_ms, call_id) \
                 < (1, 'c') ORDER BY started_ms DESC, call_id DESC LIMIT 10"
            );
            let plan = sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_all(&store.pool).await.unwrap();
            let plan: Vec<String> = plan.iter().map(|row| row.get("detail")).collect();
            assert_eq!(plan.len(), 1, "{plan:?}");
            assert!(plan[0].starts_with("SEARCH calls USING INDEX calls_by_"), "{plan:?}");
        }
        store.close().await;
    }
}
