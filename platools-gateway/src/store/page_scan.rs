//! [`Scan`]: reads one page of a list from newest to oldest over one index, and looks at a bounded number of rows for it.
//! `list_connections` has the connections and the deadline.

use super::Lists;
use super::list_connections::List;
use super::sql::{Dialect, Row, SqlBuilder};
use crate::domain::error::Error;

/// Rows that are looked at for one page. From memory that takes some 30 ms, from a slow disk about half a second.
pub(super) const LOOKED_AT: i64 = 20_000;

/// A place in a list: a time in milliseconds since 1970 and, among those at the same time, an id.
pub(super) type Position = (i64, String);

/// The rows of a page, and the place to go on from if the limit of rows was reached before the page was full.
pub(super) type ScannedPage = (Vec<Row>, Option<Position>);

/// A page to be read. Names of tables, columns and indexes are part of the program, values are bound.
#[derive(Debug)]
pub(super) struct Scan {
    pub(super) table: &'static str,
    /// The index, whose columns are those of `within`, then `time` and `id`. SQLite is told to use it: its planner might
    /// prefer another, over which the rows that are looked at have no bound.
    pub(super) index: &'static str,
    pub(super) time: &'static str,
    pub(super) id: &'static str,
    /// Conditions that the index meets.
    pub(super) within: Vec<(&'static str, String)>,
    /// Conditions that are checked on each row.
    pub(super) checked: Vec<(&'static str, String)>,
    /// A column whose value is one of some, checked on each row.
    pub(super) among: Option<(&'static str, Vec<String>)>,
    /// The oldest place that counts.
    pub(super) from: Option<Position>,
    /// The first place that is too late.
    pub(super) before: Option<Position>,
}

impl Scan {
    /// Reads the page.
    pub(super) async fn page(&self, lists: &Lists, columns: &'static str, limit: i64) -> Result<ScannedPage, Error> {
        self.page_within(lists, columns, limit, LOOKED_AT).await
    }

    /// Reads the page, and looks at so many rows at most.
    pub(super) async fn page_within(
        &self,
        lists: &Lists,
        columns: &'static str,
        limit: i64,
        looked_at: i64,
    ) -> Result<ScannedPage, Error> {
        let mut list = lists.begin().await?;
        // Where every row counts, the page itself is the bound.
        let dialect = lists.dialect();
        let floor = if self.checks_rows() { self.floor(&mut list, dialect, looked_at).await? } else { None };
        let rows = list.rows(self.select(dialect, columns, floor.as_ref(), limit).build()).await?;
        let is_full = i64::try_from(rows.len()).is_ok_and(|rows| rows >= limit);
        Ok((rows, floor.filter(|_| !is_full)))
    }

    /// True if the scan reads rows that may not match.
    pub(super) fn checks_rows(&self) -> bool {
        !self.checked.is_empty() || self.among.is_some()
    }

    /// The last row that is looked at; none if the list ends before. The index alone tells.
    async fn floor(&self, list: &mut List, dialect: Dialect, looked_at: i64) -> Result<Option<Position>, Error> {
        let rows = list.rows(self.select_floor(dialect, looked_at).build()).await?;
        Ok(rows.first().map(|row| (row.get(0), row.get(1))))
    }

    pub(super) fn select_floor(&self, dialect: Dialect, looked_at: i64) -> SqlBuilder {
        let Self { time, id, .. } = self;
        let mut query = self.begin(dialect, &format!("{time}, {id}"));
        self.narrow(&mut query, self.from.as_ref());
        self.end(&mut query, 1);
        query.push(" OFFSET ").push_bind(looked_at - 1);
        query
    }

    pub(super) fn select(
        &self,
        dialect: Dialect,
        columns: &'static str,
        floor: Option<&Position>,
        limit: i64,
    ) -> SqlBuilder {
        let mut query = self.begin(dialect, columns);
        // A single bound on either side, which the index meets; a second one would be checked on rows that were read for nothing.
        self.narrow(&mut query, self.from.as_ref().max(floor));
        for (column, value) in &self.checked {
            query.push(format_args!(" AND {column} = ")).push_bind(value.clone());
        }
        if let Some((column, values)) = &self.among {
            query.push(format_args!(" AND {column} IN ")).push_list(values.iter().cloned());
        }
        self.end(&mut query, limit);
        query
    }

    fn begin(&self, dialect: Dialect, columns: &str) -> SqlBuilder {
        let Self { table, index, .. } = self;
        SqlBuilder::new(match dialect {
            Dialect::Sqlite => format!("SELECT {columns} FROM {table} INDEXED BY {index} WHERE 1 = 1"),
            #[cfg(feature = "postgres")]
            Dialect::Postgres => format!("SELECT {columns} FROM {table} WHERE 1 = 1"),
        })
    }

    fn narrow(&self, query: &mut SqlBuilder, from: Option<&Position>) {
        let Self { time, id, .. } = self;
        for (column, value) in &self.within {
            query.push(format_args!(" AND {column} = ")).push_bind(value.clone());
        }
        for (side, bound) in [(">=", from), ("<", self.before.as_ref())] {
            let Some((at_ms, bound)) = bound else { continue };
            query.push(format_args!(" AND ({time}, {id}) {side} (")).push_bind(*at_ms);
            query.push(", ").push_bind(bound.clone()).push(")");
        }
    }

    fn end(&self, query: &mut SqlBuilder, limit: i64) {
        let Self { time, id, .. } = self;
        query.push(format_args!(" ORDER BY {time} DESC, {id} DESC LIMIT ")).push_bind(limit);
    }
}

/// The earlier of two bounds, either of which may be missing.
pub(super) fn earlier(one: Option<Position>, other: Option<Position>) -> Option<Position> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_bounds_the_earlier_one_counts() {
        let place = |at_ms: i64| Some((at_ms, String::new()));
        assert_eq!(earlier(place(1), place(2)), place(1));
        assert_eq!(earlier(None, place(2)), place(2));
        assert_eq!(earlier(place(1), None), place(1));
        assert_eq!(earlier(None, None), None);
    }
}
