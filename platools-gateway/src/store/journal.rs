//! [`JournalStore`] in SQL: stores the calls that ended.

use async_trait::async_trait;

use super::SqlStore;
use super::call_partitions::{drop_days, make_days};
use super::page_scan::{Position, Scan, earlier};
use super::sql::{self, Dialect, Row, SqlConnection};
use super::writer::WriteLock;
use crate::domain::call::{
    CallEnd, CallFilter, CallRetention, CallScope, CallSummary, PayloadState, StoredCall, StoredText,
};
use crate::domain::error::Error;
use crate::domain::ids::{CallId, EnvironmentId, ProjectId};
use crate::domain::page::Listing;
use crate::ports::journal::JournalStore;

/// Bytes of a row beside its texts, with its entries in the indexes. An estimate, so that many calls without arguments do not outgrow the
/// limit.
const ROW_BYTES: usize = 1024;

/// The columns of a list of calls.
const LISTED: &str = "project_id, call_id, started_ms, tool, entity_id, entity, environment_id, environment, credential, role, agent_id, \
                      user_id, outcome, total_ms, worker_ms, arguments_bytes, result_bytes, arguments_state, result_state, \
                      NULL AS arguments, NULL AS result";

#[async_trait]
impl JournalStore for SqlStore {
    async fn add_calls(&self, calls: &[StoredCall]) -> Result<i64, Error> {
        let mut transaction = self.writes.begin(WriteLock::Calls).await?;
        make_days(&mut transaction, calls.iter().map(|call| call.summary.started_ms)).await?;
        let mut added = 0;
        for call in calls {
            if add(&mut transaction, call).await? {
                added += stored_bytes(call);
            }
        }
        let bytes = grow(&mut transaction, added).await?;
        transaction.commit().await?;
        Ok(bytes)
    }

    async fn prune_calls(&self, retention: CallRetention) -> Result<u64, Error> {
        let mut transaction = self.writes.begin(WriteLock::Calls).await?;
        let bytes = grow(&mut transaction, 0).await?;
        let dropped = drop_days(&mut transaction, bytes, retention).await?;
        if dropped.days > 0 {
            grow(&mut transaction, -dropped.bytes).await?;
            transaction.commit().await?;
            return Ok(dropped.calls.unsigned_abs());
        }
        let retention = match transaction.dialect() {
            Dialect::Sqlite => retention,
            // Calls that are too old go with their day.
            #[cfg(feature = "postgres")]
            Dialect::Postgres => CallRetention { oldest_ms: i64::MIN, ..retention },
        };
        let oldest =
            sql::query("SELECT started_ms, call_id, stored_bytes FROM calls ORDER BY started_ms, call_id LIMIT $1")
                .bind(retention.batch)
                .fetch_all(&mut *transaction)
                .await?;
        let doomed = doomed(bytes, oldest.iter().map(|row| (row.get(0), row.get(2))), retention);
        let Some(last) = doomed.count.checked_sub(1).and_then(|last| oldest.get(last)) else { return Ok(0) };
        let deleted = sql::query("DELETE FROM calls WHERE started_ms <= $1 AND (started_ms, call_id) <= ($1, $2)")
            .bind(last.get::<i64, _>(0))
            .bind(last.get::<String, _>(1))
            .execute(&mut *transaction)
            .await?;
        grow(&mut transaction, -doomed.bytes).await?;
        transaction.commit().await?;
        Ok(deleted)
    }

    async fn calls(
        &self,
        project: &ProjectId,
        filter: &CallFilter,
        limit: i64,
    ) -> Result<Listing<StoredCall, (i64, CallId)>, Error> {
        if filter.scope.environments.as_ref().is_some_and(Vec::is_empty) {
            return Ok(Listing { items: Vec::new(), more: None });
        }
        let (rows, more) = scan(project, filter).page(&self.lists, LISTED, limit).await?;
        let more = more.map(|(started_ms, call_id)| (started_ms, call_id.into()));
        Ok(Listing { items: rows.iter().map(call).collect(), more })
    }

    async fn call(&self, project: &ProjectId, call_id: &str) -> Result<Option<StoredCall>, Error> {
        let row = sql::query("SELECT * FROM calls WHERE call_id = $1 AND project_id = $2")
            .bind(call_id)
            .bind(project.as_str())
            .fetch_optional(&self.reads)
            .await?;
        Ok(row.as_ref().map(call))
    }
}

/// The oldest calls to delete.
#[derive(Debug, PartialEq, Eq)]
struct Doomed {
    count: usize,
    bytes: i64,
}

/// Counts the calls, oldest first, that are too old or too much: `total` is what all of them take together.
fn doomed(total: i64, oldest: impl Iterator<Item = (i64, i64)>, retention: CallRetention) -> Doomed {
    oldest
        .fold((Doomed { count: 0, bytes: 0 }, true), |(doomed, all), (started_ms, bytes)| {
            let goes = all && (started_ms < retention.oldest_ms || total - doomed.bytes > retention.max_bytes);
            if goes { (Doomed { count: doomed.count + 1, bytes: doomed.bytes + bytes }, true) } else { (doomed, false) }
        })
        .0
}

/// Bytes of a call, as the limit counts them.
fn stored_bytes(call: &StoredCall) -> i64 {
    let text = |stored: &StoredText| stored.text.as_ref().map_or(0, String::len);
    number((text(&call.arguments) + call.result.as_ref().map_or(0, text) + ROW_BYTES) as u64)
}

/// Changes the sum of what calls take, and returns it.
async fn grow(connection: &mut SqlConnection, bytes: i64) -> Result<i64, Error> {
    let row = sql::query("UPDATE journal_size SET bytes = bytes + $1 RETURNING bytes")
        .bind(bytes)
        .fetch_one(connection)
        .await?;
    Ok(row.get(0))
}

async fn add(connection: &mut SqlConnection, call: &StoredCall) -> Result<bool, Error> {
    let StoredCall { project_id, summary, end, arguments, result } = call;
    let added = sql::query(
        "INSERT INTO calls (call_id, project_id, started_ms, stored_bytes, tool, entity_id, entity, environment_id, \
         environment, credential, role, agent_id, user_id, outcome, total_ms, worker_ms, arguments_bytes, result_bytes, \
         arguments_state, result_state, arguments, result) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, \
         $13, $14, $15, $16, $17, $18, $19, $20, $21, $22) ON CONFLICT DO NOTHING",
    )
    .bind(summary.call_id.as_str())
    .bind(project_id.as_str())
    .bind(summary.started_ms)
    .bind(stored_bytes(call))
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
    .bind(arguments.state.as_str())
    .bind(result.as_ref().map(|result| result.state.as_str()))
    .bind(arguments.text.as_deref())
    .bind(result.as_ref().and_then(|result| result.text.as_deref()))
    .execute(connection)
    .await?;
    Ok(added > 0)
}

/// Chooses the index for a list of calls: by user, else by agent, if the filter names one or the caller is bound to one. The rest is
/// checked on the rows.
fn scan(project: &ProjectId, filter: &CallFilter) -> Scan {
    let CallScope { user, agent, environments } = &filter.scope;
    let own_agent = agent.as_ref().map(ToString::to_string);
    let mut conditions: Vec<_> = [
        ("user_id", user),
        ("user_id", &filter.user_id),
        ("agent_id", &own_agent),
        ("agent_id", &filter.agent_id),
        ("tool", &filter.tool),
        ("entity_id", &filter.entity_id),
        ("environment_id", &filter.environment_id),
        ("outcome", &filter.outcome),
    ]
    .into_iter()
    .filter_map(|(column, wanted)| Some((column, wanted.clone()?)))
    .collect();
    let (index, indexed) = match conditions.first() {
        Some(("user_id", _)) => ("calls_by_user", 1),
        Some(("agent_id", _)) => ("calls_by_agent", 1),
        _ => ("calls_by_project", 0),
    };
    let checked = conditions.split_off(indexed);
    let within = std::iter::once(("project_id", project.to_string())).chain(conditions).collect();
    let ids = |environments: &Vec<EnvironmentId>| environments.iter().map(ToString::to_string).collect();
    // Before any call of that moment, so the moment itself counts or does not, as `since` and `until` say.
    let start_of = |ms: i64| -> Position { (ms, String::new()) };
    let after = filter.after.as_ref().map(|(started_ms, call_id)| (*started_ms, call_id.to_string()));
    Scan {
        table: "calls",
        index,
        time: "started_ms",
        id: "call_id",
        within,
        checked,
        among: environments.as_ref().map(|environments| ("environment_id", ids(environments))),
        from: filter.since_ms.map(start_of),
        before: earlier(after, filter.until_ms.map(start_of)),
    }
}

fn call(row: &Row) -> StoredCall {
    let stored = |state: String, text| StoredText { state: PayloadState::from_name(&state), text };
    StoredCall {
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
    use super::super::sql::SqlBuilder;
    use super::*;
    use crate::ports::store::Storage as _;

    fn retention(oldest_ms: i64, max_bytes: i64) -> CallRetention {
        CallRetention { oldest_ms, max_bytes, batch: 10 }
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

    fn times(listing: &Listing<StoredCall, (i64, CallId)>) -> Vec<i64> {
        listing.items.iter().map(|call| call.summary.started_ms).collect()
    }

    /// Filters of one condition, with the index that each is read over and whether the condition is checked on the rows.
    fn conditions() -> Vec<(CallFilter, &'static str, bool)> {
        let all = CallFilter::default;
        let some = |text: &str| Some(text.to_owned());
        let seen = |scope| CallFilter { scope, ..all() };
        vec![
            (all(), "calls_by_project", false),
            (CallFilter { tool: some("t"), ..all() }, "calls_by_project", true),
            (CallFilter { entity_id: some("e"), ..all() }, "calls_by_project", true),
            (CallFilter { environment_id: some("v"), ..all() }, "calls_by_project", true),
            (CallFilter { outcome: some("ok"), ..all() }, "calls_by_project", true),
            (CallFilter { agent_id: some("a"), ..all() }, "calls_by_agent", false),
            (CallFilter { user_id: some("u"), ..all() }, "calls_by_user", false),
            (seen(CallScope { agent: Some("a".into()), ..CallScope::default() }), "calls_by_agent", false),
            (seen(CallScope { user: some("u"), ..CallScope::default() }), "calls_by_user", false),
            (
                seen(CallScope { environments: Some(vec!["v".into(), "w".into()]), ..CallScope::default() }),
                "calls_by_project",
                true,
            ),
            (CallFilter { since_ms: Some(1), ..all() }, "calls_by_project", false),
            (CallFilter { until_ms: Some(9), ..all() }, "calls_by_project", false),
            (CallFilter { after: Some((8, "c".into())), ..all() }, "calls_by_project", false),
        ]
    }

    /// The narrowest first.
    const INDEXES: [&str; 3] = ["calls_by_user", "calls_by_agent", "calls_by_project"];

    fn both(one: CallFilter, other: CallFilter) -> CallFilter {
        CallFilter {
            tool: one.tool.or(other.tool),
            entity_id: one.entity_id.or(other.entity_id),
            environment_id: one.environment_id.or(other.environment_id),
            agent_id: one.agent_id.or(other.agent_id),
            scope: CallScope {
                user: one.scope.user.or(other.scope.user),
                agent: one.scope.agent.or(other.scope.agent),
                environments: one.scope.environments.or(other.scope.environments),
            },
            user_id: one.user_id.or(other.user_id),
            outcome: one.outcome.or(other.outcome),
            since_ms: one.since_ms.or(other.since_ms),
            until_ms: one.until_ms.or(other.until_ms),
            after: one.after.or(other.after),
        }
    }

    async fn plan(store: &SqlStore, query: SqlBuilder) -> Vec<String> {
        let sql = format!("EXPLAIN QUERY PLAN {}", query.sql());
        let plan = sql::dynamic(sql).fetch_all(&store.reads).await.unwrap();
        plan.iter().map(|row| row.get("detail")).collect()
    }

    /// The plan of a statement: one search of one index, from the last place to the first, and nothing sorted.
    fn search(kind: &str, index: &str, scan: &Scan, floor: bool) -> Vec<String> {
        let mut terms: Vec<_> = scan.within.iter().map(|(column, _)| format!("{column}=?")).collect();
        if scan.from.is_some() || floor {
            terms.push("(started_ms,call_id)>(?,?)".to_owned());
        }
        if scan.before.is_some() {
            terms.push("(started_ms,call_id)<(?,?)".to_owned());
        }
        vec![format!("SEARCH calls USING {kind} {index} ({})", terms.join(" AND "))]
    }

    #[tokio::test]
    async fn every_pair_of_filters_is_one_search_of_its_index_with_all_bounds() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqlStore::open(folder.path()).await.unwrap();
        let floor = (3, "c".to_owned());
        for (one, first_index, _) in conditions() {
            for (other, second_index, _) in conditions() {
                let filter = both(one.clone(), other);
                let scan = scan(&"prj".into(), &filter);
                let rank = |index: &&str| INDEXES.iter().position(|known| known == index);
                let narrower = [first_index, second_index].into_iter().min_by_key(rank).unwrap();
                assert_eq!(scan.index, narrower, "{filter:?}");
                let floor = scan.checks_rows().then_some(&floor);
                let page = plan(&store, scan.select(Dialect::Sqlite, LISTED, floor, 10)).await;
                assert_eq!(page, search("INDEX", scan.index, &scan, floor.is_some()), "{filter:?}");
                let last = plan(&store, scan.select_floor(Dialect::Sqlite, 10)).await;
                assert_eq!(last, search("COVERING INDEX", scan.index, &scan, false), "{filter:?}");
            }
        }
        store.close().await;
    }

    #[tokio::test]
    async fn only_indexes_that_a_statement_reads_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqlStore::open(folder.path()).await.unwrap();
        let indexes = sql::query(
            "SELECT name FROM sqlite_schema WHERE type = 'index' AND sql NOT NULL AND tbl_name = 'calls' ORDER BY name",
        );
        let indexes = indexes.fetch_all(&store.reads).await.unwrap();
        let mut used: Vec<_> = conditions().iter().map(|(_, index, _)| *index).chain(["calls_by_age"]).collect();
        used.sort_unstable();
        used.dedup();
        assert_eq!(indexes.iter().map(|row| row.get::<String, _>(0)).collect::<Vec<_>>(), used);
        store.close().await;
    }

    #[tokio::test]
    async fn a_page_within_a_bounded_number_of_rows_says_where_it_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqlStore::open(folder.path()).await.unwrap();
        let rows: Vec<_> = (0..10)
            .map(|number| {
                let mut row = StoredCall::sample(number);
                row.summary.tool = if number % 5 == 0 { "rare" } else { "t" }.to_owned();
                row
            })
            .collect();
        store.add_calls(&rows).await.unwrap();
        let mut filter = CallFilter { tool: Some("rare".to_owned()), ..CallFilter::default() };
        let (mut pages, mut found) = (0, Vec::new());
        loop {
            let (rows, more) = scan(&"prj".into(), &filter).page_within(&store.lists, LISTED, 10, 3).await.unwrap();
            pages += 1;
            found.extend(rows.iter().map(|row| row.get::<i64, _>("started_ms")));
            let Some((started_ms, call_id)) = more else { break };
            filter.after = Some((started_ms, call_id.into()));
        }
        assert_eq!((found, pages), (vec![5, 0], 4), "ten rows, three at a time");
        let whole = store.calls(&"prj".into(), &CallFilter { after: None, ..filter }, 1).await.unwrap();
        assert_eq!((times(&whole), whole.more), (vec![5], None), "a full page goes on after its last call");
        store.close().await;
    }
}
