//! Failures of the database: of all of it, or of one statement.

use std::error::Error as _;

use crate::core::error::Error;

/// SQLite's primary result codes for a database that takes nothing at the moment, whatever is written: permission, busy, locked,
/// out of memory, read-only, interrupted, input or output, corrupt, full, cannot be opened, protocol, no database.
const TROUBLE: [i32; 12] = [3, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 26];

/// True if the database as a whole failed, so that the same write may succeed later. Otherwise it refused a statement, and may take
/// others.
pub(crate) fn is_trouble(error: &Error) -> bool {
    match error.source().and_then(|source| source.downcast_ref::<sqlx::Error>()) {
        Some(sqlx::Error::Database(error)) => {
            // The low byte of an extended code is the primary one.
            let code = error.code().and_then(|code| code.parse::<i32>().ok());
            code.is_some_and(|code| TROUBLE.contains(&(code & 0xff)))
        }
        Some(sqlx::Error::Encode(_) | sqlx::Error::RowNotFound | sqlx::Error::TypeNotFound { .. }) => false,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use sqlx::{Connection as _, SqliteConnection};

    use super::*;

    async fn failure(statements: &[&'static str]) -> Error {
        let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        for statement in statements {
            if let Err(error) = sqlx::query(*statement).execute(&mut connection).await {
                return error.into();
            }
        }
        panic!("one of them should fail");
    }

    #[tokio::test]
    async fn a_statement_that_is_refused_is_no_trouble() {
        let refusing = "CREATE TRIGGER t BEFORE INSERT ON a BEGIN SELECT RAISE(ABORT, 'no'); END";
        assert!(!is_trouble(&failure(&["CREATE TABLE a (b)", refusing, "INSERT INTO a VALUES (1)"]).await));
        assert!(!is_trouble(&failure(&["CREATE TABLE a (b NOT NULL)", "INSERT INTO a VALUES (NULL)"]).await));
        assert!(!is_trouble(&Error::from(sqlx::Error::Encode("a NUL".into()))));
    }

    #[tokio::test]
    async fn a_database_that_takes_nothing_is() {
        assert!(is_trouble(&failure(&["PRAGMA query_only = 1", "CREATE TABLE a (b)"]).await));
        assert!(is_trouble(&failure(&["PRAGMA max_page_count = 1", "CREATE TABLE a (b)", "CREATE TABLE c (d)"]).await));
        assert!(is_trouble(&Error::from(sqlx::Error::PoolTimedOut)));
    }
}
