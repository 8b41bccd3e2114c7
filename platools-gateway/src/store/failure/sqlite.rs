//! [`diagnose`]: reads from a result code of SQLite why a statement failed, as a [`Diagnosis`].

use super::diagnosis::{Diagnosis, FAILED};

/// Primary result codes of SQLite, <https://www.sqlite.org/rescode.html>.
const BUSY: i32 = 5;
const LOCKED: i32 = 6;
const READ_ONLY: i32 = 8;
const INTERRUPTED: i32 = 9;
const DAMAGED: i32 = 11;
const DISK_FULL: i32 = 13;
const CANNOT_OPEN: i32 = 14;
const NOT_A_DATABASE: i32 = 26;

/// Further primary result codes for a database that takes nothing at the moment, whatever is written: permission, out of memory, input or
/// output, protocol.
const OF_DATABASE: [i32; 4] = [3, 7, 10, 15];

/// The meaning of a result code.
pub(super) fn diagnose(extended: &str) -> Diagnosis {
    let primary = extended.parse().map_or(0, |code: i32| code & 0xff);
    match primary {
        BUSY | LOCKED => Diagnosis::Busy,
        INTERRUPTED => Diagnosis::Interrupted,
        DAMAGED | NOT_A_DATABASE => {
            Diagnosis::Database("the gateway's database is damaged, or is none; restore a backup")
        }
        DISK_FULL => Diagnosis::Database("the disk of the gateway's database is full"),
        READ_ONLY | CANNOT_OPEN => Diagnosis::Database(
            "the gateway's database cannot be opened or written; see whose its files and folder are",
        ),
        code if OF_DATABASE.contains(&code) => Diagnosis::Database(FAILED),
        _ => Diagnosis::Statement,
    }
}

#[cfg(test)]
mod tests {
    use sqlx::{Connection as _, SqliteConnection};

    use crate::domain::error::Error;
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
