//! [`Statement`]: SQL with the values of its parameters. It runs on SQLite or PostgreSQL.

use std::borrow::Cow;

use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments as _, AssertSqlSafe, SqlSafeStr as _, SqlStr};

use super::connection::Target;
use super::row::Row;

/// SQL with the values of its parameters, `$1` and so on.
#[derive(Debug)]
#[must_use = "a statement does nothing until it is run"]
pub(in crate::store) struct Statement<'q> {
    sql: SqlStr,
    values: Vec<Value<'q>>,
}

/// A statement of the program.
pub(in crate::store) fn query<'q>(sql: &'static str) -> Statement<'q> {
    Statement { sql: sql.into_sql_str(), values: Vec::new() }
}

/// A statement that the program has put together of its own texts. Values are never part of it.
pub(in crate::store) fn dynamic<'q>(sql: impl Into<String>) -> Statement<'q> {
    Statement { sql: AssertSqlSafe(sql.into()).into_sql_str(), values: Vec::new() }
}

/// Runs a statement on its target, and finishes the output of either database in the same way.
macro_rules! run {
    ($statement:ident, $on:ident, $method:ident, $finish:expr) => {{
        let Self { sql, values } = $statement;
        match $on.into() {
            Target::Sqlite(on) => sqlx::query_with(sql, sqlite_arguments(values)?).$method(on).await.map($finish),
            Target::SqlitePool(on) => sqlx::query_with(sql, sqlite_arguments(values)?).$method(on).await.map($finish),
            #[cfg(feature = "postgres")]
            Target::Postgres(on) => sqlx::query_with(sql, postgres_arguments(values)?).$method(on).await.map($finish),
            #[cfg(feature = "postgres")]
            Target::PostgresPool(on) => {
                sqlx::query_with(sql, postgres_arguments(values)?).$method(on).await.map($finish)
            }
        }
    }};
}

impl<'q> Statement<'q> {
    /// Adds the value of the next parameter.
    pub(in crate::store) fn bind(mut self, value: impl Into<Value<'q>>) -> Self {
        self.values.push(value.into());
        self
    }

    /// A statement with these values.
    pub(super) fn with(self, values: Vec<Value<'q>>) -> Self {
        Self { values, ..self }
    }

    /// Runs the statement, and returns the number of rows that it changed.
    pub(in crate::store) async fn execute<'c>(self, on: impl Into<Target<'c>>) -> Result<u64, sqlx::Error> {
        run!(self, on, execute, |done| done.rows_affected())
    }

    /// Runs the statement, and returns its rows.
    pub(in crate::store) async fn fetch_all<'c>(self, on: impl Into<Target<'c>>) -> Result<Vec<Row>, sqlx::Error> {
        run!(self, on, fetch_all, |rows| rows.into_iter().map(Row::from).collect())
    }

    /// Runs the statement, and returns its first row, if there is one.
    pub(in crate::store) async fn fetch_optional<'c>(
        self,
        on: impl Into<Target<'c>>,
    ) -> Result<Option<Row>, sqlx::Error> {
        run!(self, on, fetch_optional, |row| row.map(Row::from))
    }

    /// Runs the statement, and returns its one row.
    pub(in crate::store) async fn fetch_one<'c>(self, on: impl Into<Target<'c>>) -> Result<Row, sqlx::Error> {
        self.fetch_optional(on).await?.ok_or(sqlx::Error::RowNotFound)
    }
}

/// The value of a parameter, or none.
#[derive(Debug, Clone)]
pub(in crate::store) enum Value<'q> {
    Text(Option<Cow<'q, str>>),
    Integer(Option<i64>),
}

macro_rules! values {
    ($($type:ty, $value:ident => $made:expr;)*) => {
        $(impl<'q> From<$type> for Value<'q> {
            fn from($value: $type) -> Self {
                $made
            }
        })*
    };
}

values! {
    &'q str, text => Self::Text(Some(Cow::Borrowed(text)));
    &'q String, text => Self::Text(Some(Cow::Borrowed(text)));
    String, text => Self::Text(Some(Cow::Owned(text)));
    Option<&'q str>, text => Self::Text(text.map(Cow::Borrowed));
    &'q Option<String>, text => Self::Text(text.as_deref().map(Cow::Borrowed));
    Option<String>, text => Self::Text(text.map(Cow::Owned));
    i64, number => Self::Integer(Some(number));
    &i64, number => Self::Integer(Some(*number));
    u32, number => Self::Integer(Some(number.into()));
    Option<i64>, number => Self::Integer(number);
}

fn sqlite_arguments(values: Vec<Value<'_>>) -> Result<SqliteArguments, sqlx::Error> {
    let mut arguments = SqliteArguments::default();
    for value in values {
        let added = match value {
            Value::Text(text) => arguments.add(text),
            Value::Integer(number) => arguments.add(number),
        };
        added.map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

/// PostgreSQL has no U+0000 in a text. Names and ids never have it; where it is in a message, U+FFFD takes its place.
#[cfg(feature = "postgres")]
fn postgres_arguments(values: Vec<Value<'_>>) -> Result<sqlx::postgres::PgArguments, sqlx::Error> {
    let mut arguments = sqlx::postgres::PgArguments::default();
    for value in values {
        let added = match value {
            Value::Text(Some(text)) if text.contains('\0') => arguments.add(text.replace('\0', "\u{fffd}")),
            Value::Text(text) => arguments.add(text),
            Value::Integer(number) => arguments.add(number),
        };
        added.map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}
