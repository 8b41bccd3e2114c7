//! [`storage_error`]: the error for a failure of SQLite, with its meaning for the person who reads it.

use std::time::Duration;

use sqlx::error::DatabaseError;

use crate::domain::error::{Error, ErrorKind};
use crate::ports::store::{FailureExtent, StoreFailure};

/// The delay after which a busy database is tried again.
const SOON: Duration = Duration::from_secs(1);

/// Primary result codes of SQLite, <https://www.sqlite.org/rescode.html>.
const BUSY: i32 = 5;
const LOCKED: i32 = 6;
const READ_ONLY: i32 = 8;
const INTERRUPTED: i32 = 9;
const DAMAGED: i32 = 11;
const DISK_FULL: i32 = 13;
const CANNOT_OPEN: i32 = 14;
const NOT_A_DATABASE: i32 = 26;

/// SQLite's primary result codes for a database that takes nothing at the moment, whatever is written: permission, busy, locked,
/// out of memory, read-only, interrupted, input or output, corrupt, full, cannot be opened, protocol, no database.
const OF_DATABASE: [i32; 12] = [3, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 26];

/// The error for a failed access to the database.
pub(in crate::store) fn storage_error(error: &sqlx::Error) -> Error {
    let storage = |message: &str| Error::new(ErrorKind::Storage, message);
    match (error, code(error)) {
        (sqlx::Error::PoolTimedOut, _) | (_, Some(BUSY | LOCKED)) => {
            storage("the gateway's database is busy; try again").retry_after(SOON).caused_by(failure(error))
        }
        (_, Some(DAMAGED | NOT_A_DATABASE)) => {
            storage("the gateway's database is damaged, or is none; restore a backup").caused_by(failure(error))
        }
        (_, Some(DISK_FULL)) => storage("the disk of the gateway's database is full").caused_by(failure(error)),
        (_, Some(READ_ONLY | CANNOT_OPEN)) => {
            let message = "the gateway's database cannot be opened or written; see whose its files and folder are";
            storage(message).caused_by(failure(error))
        }
        _ => storage("the gateway's database failed").caused_by(failure(error)),
    }
}

/// True if the deadline stopped the statement.
pub(super) fn is_interrupted(error: &sqlx::Error) -> bool {
    code(error) == Some(INTERRUPTED)
}

/// SQLite's primary result code.
fn code(error: &sqlx::Error) -> Option<i32> {
    let extended: i32 = error.as_database_error().and_then(DatabaseError::code)?.parse().ok()?;
    Some(extended & 0xff)
}

/// The cause, in SQLite's words without those that the driver repeats around them.
fn failure(error: &sqlx::Error) -> StoreFailure {
    let text = error.as_database_error().map_or_else(|| error.to_string(), ToString::to_string);
    let of_database = match error {
        sqlx::Error::Database(_) => code(error).is_some_and(|code| OF_DATABASE.contains(&code)),
        sqlx::Error::Encode(_) | sqlx::Error::RowNotFound | sqlx::Error::TypeNotFound { .. } => false,
        _ => true,
    };
    StoreFailure::new(text, if of_database { FailureExtent::Database } else { FailureExtent::Statement })
}

#[cfg(test)]
mod tests {
    use sqlx::{Connection as _, SqliteConnection};

    use super::*;
    use crate::ports::store::is_database_failure;

    async fn failed(statements: &[&'static str]) -> Error {
        let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        for statement in statements {
            if let Err(error) = sqlx::query(*statement).execute(&mut connection).await {
                return error.into();
            }
        }
        panic!("one of them should fail");
    }

    #[tokio::test]
    async fn a_statement_that_is_refused_is_no_failure_of_the_database() {
        let refusing = "CREATE TRIGGER t BEFORE INSERT ON a BEGIN SELECT RAISE(ABORT, 'no'); END";
        assert!(!is_database_failure(&failed(&["CREATE TABLE a (b)", refusing, "INSERT INTO a VALUES (1)"]).await));
        assert!(!is_database_failure(&failed(&["CREATE TABLE a (b NOT NULL)", "INSERT INTO a VALUES (NULL)"]).await));
        assert!(!is_database_failure(&Error::from(sqlx::Error::Encode("a NUL".into()))));
    }

    #[tokio::test]
    async fn a_database_that_takes_nothing_has_failed() {
        assert!(is_database_failure(&failed(&["PRAGMA query_only = 1", "CREATE TABLE a (b)"]).await));
        assert!(is_database_failure(
            &failed(&["PRAGMA max_page_count = 1", "CREATE TABLE a (b)", "CREATE TABLE c (d)"]).await
        ));
        assert!(is_database_failure(&Error::from(sqlx::Error::PoolTimedOut)));
    }
}
