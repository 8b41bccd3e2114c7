//! [`Row`]: reads the columns of one row of a result, from SQLite or PostgreSQL.

use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

/// A row of a result.
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
    pub(in crate::store) fn get<'r, 'a, T: Column<'r>, I: Into<ColumnPlace<'a>>>(&'r self, column: I) -> T {
        let column = column.into();
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

/// The name or the number of a column.
#[derive(Debug, Clone, Copy)]
pub(in crate::store) enum ColumnPlace<'a> {
    Name(&'a str),
    Number(usize),
}

impl<'a> From<&'a str> for ColumnPlace<'a> {
    fn from(name: &'a str) -> Self {
        Self::Name(name)
    }
}

impl From<usize> for ColumnPlace<'_> {
    fn from(number: usize) -> Self {
        Self::Number(number)
    }
}

/// The type of a value in a row.
pub(in crate::store) trait Column<'r>: Sized {
    /// Reads a column.
    fn read(row: &'r Row, column: ColumnPlace<'_>) -> Result<Self, sqlx::Error>;
}

/// Reads a column of either database.
macro_rules! try_get {
    ($row:ident, $column:ident) => {
        match $column {
            ColumnPlace::Name(name) => $row.try_get(name),
            ColumnPlace::Number(number) => $row.try_get(number),
        }
    };
}

macro_rules! columns {
    ($($type:ty),* $(,)?) => {
        $(impl<'r> Column<'r> for $type {
            fn read(row: &'r Row, column: ColumnPlace<'_>) -> Result<Self, sqlx::Error> {
                match row {
                    Row::Sqlite(row) => try_get!(row, column),
                    #[cfg(feature = "postgres")]
                    Row::Postgres(row) => try_get!(row, column),
                }
            }
        })*
    };
}

columns!(&'r str, String, Option<String>, Option<i64>, bool);

impl<'r> Column<'r> for i64 {
    fn read(row: &'r Row, column: ColumnPlace<'_>) -> Result<Self, sqlx::Error> {
        match row {
            Row::Sqlite(row) => try_get!(row, column),
            // The length of a text is of 32 bits in PostgreSQL.
            #[cfg(feature = "postgres")]
            Row::Postgres(row) => try_get!(row, column).or_else(|_| {
                let number: Result<i32, _> = try_get!(row, column);
                number.map(Self::from)
            }),
        }
    }
}
