//! [`Row`]: one row of a result.

use sqlx::sqlite::SqliteRow;
use sqlx::{ColumnIndex, Row as _};

/// One row of a result.
#[derive(Debug)]
pub(in crate::store) enum Row {
    Sqlite(SqliteRow),
    #[cfg(feature = "postgres")]
    Postgres(sqlx::postgres::PgRow),
}

impl Row {
    /// The value of a column, by name or by number.
    ///
    /// # Panics
    /// The statement does not select the column, or selects it with another type.
    pub(in crate::store) fn get<'r, T: Column<'r>, I: ColumnName>(&'r self, column: I) -> T {
        T::read(self, column).unwrap_or_else(|error| panic!("column {column:?}: {error}"))
    }

    /// The number of columns.
    #[cfg(test)]
    pub(in crate::store) fn len(&self) -> usize {
        match self {
            Self::Sqlite(row) => row.len(),
            #[cfg(feature = "postgres")]
            Self::Postgres(row) => row.len(),
        }
    }
}

impl From<SqliteRow> for Row {
    fn from(row: SqliteRow) -> Self {
        Self::Sqlite(row)
    }
}

#[cfg(feature = "postgres")]
impl From<sqlx::postgres::PgRow> for Row {
    fn from(row: sqlx::postgres::PgRow) -> Self {
        Self::Postgres(row)
    }
}

/// The name or number of a column.
#[cfg(not(feature = "postgres"))]
pub(in crate::store) trait ColumnName: ColumnIndex<SqliteRow> + Copy {}

#[cfg(not(feature = "postgres"))]
impl<I: ColumnIndex<SqliteRow> + Copy> ColumnName for I {}

/// The name or number of a column.
#[cfg(feature = "postgres")]
pub(in crate::store) trait ColumnName:
    ColumnIndex<SqliteRow> + ColumnIndex<sqlx::postgres::PgRow> + Copy
{
}

#[cfg(feature = "postgres")]
impl<I: ColumnIndex<SqliteRow> + ColumnIndex<sqlx::postgres::PgRow> + Copy> ColumnName for I {}

/// The type of a value in a row.
pub(in crate::store) trait Column<'r>: Sized {
    /// Reads a column.
    fn read(row: &'r Row, column: impl ColumnName) -> Result<Self, sqlx::Error>;
}

macro_rules! columns {
    ($($type:ty),* $(,)?) => {
        $(impl<'r> Column<'r> for $type {
            fn read(row: &'r Row, column: impl ColumnName) -> Result<Self, sqlx::Error> {
                match row {
                    Row::Sqlite(row) => row.try_get(column),
                    #[cfg(feature = "postgres")]
                    Row::Postgres(row) => row.try_get(column),
                }
            }
        })*
    };
}

columns!(&'r str, String, Option<String>, Option<i64>, bool);

impl<'r> Column<'r> for i64 {
    fn read(row: &'r Row, column: impl ColumnName) -> Result<Self, sqlx::Error> {
        match row {
            Row::Sqlite(row) => row.try_get(column),
            // The length of a text is of 32 bits in PostgreSQL.
            #[cfg(feature = "postgres")]
            Row::Postgres(row) => row.try_get(column).or_else(|_| row.try_get::<i32, _>(column).map(Self::from)),
        }
    }
}
