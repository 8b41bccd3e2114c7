//! [`make_days`] and [`drop_days`]: add and drop the partitions of the table `calls` on PostgreSQL. Each day has a partition, which is
//! dropped as a whole when retention lets none of its calls stay.

use std::collections::BTreeSet;

use time::OffsetDateTime;

use super::sql::{self, Dialect, SqlConnection};
use crate::domain::call::CallRetention;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// Days that one transaction drops at most.
const DROPPED_AT_ONCE: usize = 8;

/// The parts of the table with the end of each, the oldest first.
const PARTS: &str = "SELECT c.relname AS name, CAST(substring(pg_get_expr(c.relpartbound, c.oid) FROM 'TO \\(''?(-?\\d+)''?\\)') AS BIGINT) AS end_ms \
                     FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = CAST('calls' AS regclass) ORDER BY 2";

/// Days that were dropped, with their calls and the bytes of those.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dropped {
    pub(super) days: u32,
    pub(super) calls: i64,
    pub(super) bytes: i64,
}

/// Makes the parts for calls that began at these times. The transaction has the lock of calls.
pub(super) async fn make_days(
    connection: &mut SqlConnection,
    started_ms: impl Iterator<Item = i64>,
) -> Result<(), sqlx::Error> {
    if connection.dialect() == Dialect::Sqlite {
        return Ok(());
    }
    for day in started_ms.map(|ms| ms.div_euclid(DAY_MS)).collect::<BTreeSet<_>>() {
        let name = name(day);
        let found = sql::query("SELECT to_regclass($1) IS NOT NULL AS is_there").bind(&name);
        if found.fetch_one(&mut *connection).await?.get("is_there") {
            continue;
        }
        let (from, to) = (day.saturating_mul(DAY_MS), day.saturating_add(1).saturating_mul(DAY_MS));
        let make = format!("CREATE TABLE {name} PARTITION OF calls FOR VALUES FROM ({from}) TO ({to})");
        sql::dynamic(make).execute(&mut *connection).await?;
    }
    Ok(())
}

/// Drops the oldest days of which no call may stay: `total` is the bytes of all calls. The transaction has the lock of calls.
pub(super) async fn drop_days(
    connection: &mut SqlConnection,
    total: i64,
    retention: CallRetention,
) -> Result<Dropped, sqlx::Error> {
    let mut dropped = Dropped::default();
    if connection.dialect() == Dialect::Sqlite {
        return Ok(dropped);
    }
    for part in sql::query(PARTS).fetch_all(&mut *connection).await?.iter().take(DROPPED_AT_ONCE) {
        let is_too_old = part.get::<i64, _>("end_ms") <= retention.oldest_ms;
        if !is_too_old && total - dropped.bytes <= retention.max_bytes {
            break;
        }
        let name: &str = part.get("name");
        let sums =
            format!("SELECT COUNT(*) AS calls, CAST(COALESCE(SUM(stored_bytes), 0) AS BIGINT) AS bytes FROM {name}");
        let sums = sql::dynamic(sums).fetch_one(&mut *connection).await?;
        let (calls, bytes): (i64, i64) = (sums.get("calls"), sums.get("bytes"));
        if !is_too_old && total - dropped.bytes - bytes < retention.max_bytes {
            break;
        }
        sql::dynamic(format!("DROP TABLE {name}")).execute(&mut *connection).await?;
        dropped = Dropped { days: dropped.days + 1, calls: dropped.calls + calls, bytes: dropped.bytes + bytes };
    }
    Ok(dropped)
}

/// The name of the part for a day, counted from 1970, such as `calls_20261130`.
fn name(day: i64) -> String {
    let date = OffsetDateTime::from_unix_timestamp(day.saturating_mul(DAY_MS / 1000));
    match date.map(OffsetDateTime::date) {
        Ok(date) => format!("calls_{:04}{:02}{:02}", date.year(), u8::from(date.month()), date.day()),
        Err(_) => format!("calls_day_{}", day.unsigned_abs()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_named_after_its_date() {
        assert_eq!([0, 20_787].map(name), ["calls_19700101", "calls_20261130"]);
    }
}
