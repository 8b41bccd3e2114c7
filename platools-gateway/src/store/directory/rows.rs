//! [`UnreadableRow`]: a row of the directory that this version of the program cannot read. Functions here read the others, and log and
//! leave out that one.

use crate::domain::error::Error;
use crate::store::sql::{self, Row, SqlConnection};

/// A stored row with a value that this version does not know.
#[derive(Debug, thiserror::Error)]
#[error("`{id}` has the unknown {column} {value:?}")]
pub(super) struct UnreadableRow {
    id: String,
    column: &'static str,
    value: String,
}

/// Reads all rows of a query.
pub(super) async fn all<T>(
    connection: &mut SqlConnection,
    query: &'static str,
    read: fn(&Row) -> Result<T, UnreadableRow>,
) -> Result<Vec<T>, Error> {
    Ok(readable(&sql::query(query).fetch_all(connection).await?, read))
}

/// Reads the rows of a query about one id.
pub(super) async fn of<T>(
    connection: &mut SqlConnection,
    query: &'static str,
    id: &str,
    read: fn(&Row) -> Result<T, UnreadableRow>,
) -> Result<Vec<T>, Error> {
    Ok(readable(&sql::query(query).bind(id.to_owned()).fetch_all(connection).await?, read))
}

/// Reads rows, and leaves out those that cannot be read.
pub(super) fn readable<T>(rows: &[Row], read: fn(&Row) -> Result<T, UnreadableRow>) -> Vec<T> {
    let read = |row| match read(row) {
        Ok(read) => Some(read),
        Err(error) => {
            tracing::error!(%error, "stored row not read and left out");
            None
        }
    };
    rows.iter().filter_map(read).collect()
}

/// A column that holds an id.
pub(super) fn id<I: From<String>>(row: &Row, column: &str) -> I {
    row.get::<String, _>(column).into()
}

/// A column that holds an id, or none.
pub(super) fn optional_id<I: From<String>>(row: &Row, column: &str) -> Option<I> {
    row.get::<Option<String>, _>(column).map(Into::into)
}

/// A column that holds the name of something, such as a role.
pub(super) fn named<T>(row: &Row, column: &'static str, from_name: fn(&str) -> Option<T>) -> Result<T, UnreadableRow> {
    let value: String = row.get(column);
    from_name(&value).ok_or_else(|| UnreadableRow { id: row.get("id"), column, value })
}

/// A stored list of names or ids. A list that cannot be read is empty, so that its key or token may do less.
pub(super) fn list<T: From<String>>(text: &str) -> Vec<T> {
    let texts: Vec<String> = serde_json::from_str(text).unwrap_or_default();
    texts.into_iter().map(Into::into).collect()
}
