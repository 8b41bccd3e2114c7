//! What a failure of SQLite means for the person who reads it.

use std::time::Duration;

use sqlx::error::DatabaseError;

use crate::core::error::{Error, ErrorKind};

/// When to try again what found the database busy.
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

/// The error for a failed access to the database.
pub(in crate::store) fn storage_error(error: &sqlx::Error) -> Error {
    let storage = |message: &str| Error::new(ErrorKind::Storage, message);
    match (error, code(error)) {
        (sqlx::Error::PoolTimedOut, _) | (_, Some(BUSY | LOCKED)) => {
            storage("the gateway's database is busy; try again").retry_after(SOON).caused_by(cause(error))
        }
        (_, Some(DAMAGED | NOT_A_DATABASE)) => {
            storage("the gateway's database is damaged, or is none; restore a backup").caused_by(cause(error))
        }
        (_, Some(DISK_FULL)) => storage("the disk of the gateway's database is full").caused_by(cause(error)),
        (_, Some(READ_ONLY | CANNOT_OPEN)) => {
            let message = "the gateway's database cannot be opened or written; see whose its files and folder are";
            storage(message).caused_by(cause(error))
        }
        _ => storage("the gateway's database failed").caused_by(cause(error)),
    }
}

/// Whether the statement was stopped by its deadline.
pub(super) fn is_interrupted(error: &sqlx::Error) -> bool {
    code(error) == Some(INTERRUPTED)
}

/// SQLite's primary result code.
fn code(error: &sqlx::Error) -> Option<i32> {
    let extended: i32 = error.as_database_error().and_then(DatabaseError::code)?.parse().ok()?;
    Some(extended & 0xff)
}

/// The cause in SQLite's words, without those that the driver repeats around them.
fn cause(error: &sqlx::Error) -> String {
    error.as_database_error().map_or_else(|| error.to_string(), ToString::to_string)
}
