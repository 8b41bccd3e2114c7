//! [`downgrade`] and [`restore`]: replace the data of a gateway with the data from before an upgrade, or with a backup.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::migrate::Migration;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteLockingMode};
use sqlx::{Row as _, SqliteConnection};

use super::connections::{close, open, options, shrinkable};
use super::copy::copy;
use super::files::{beside, check_free, move_away, own_like, publish, remove, replace};
use super::schema::{schema_of, version};
use crate::domain::error::{Error, ErrorKind};
use crate::store::failure::storage_error;

/// The wait for other programs that have the database open.
const OTHERS: Duration = Duration::from_secs(1);

/// Data that took the place of other data.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Restored {
    /// The version of the data now.
    pub version: i64,
    /// The data that was there, if there was any.
    pub kept: Option<PathBuf>,
}

/// Puts the data from before the last upgrade back in place. No gateway may run on it.
pub(crate) async fn downgrade(database: &Path) -> Result<Restored, Error> {
    let mut alone = open_alone(database).await?;
    let from = version(&mut alone).await?;
    let before = beside(database, &format!(".before-{from}"));
    if !before.is_file() {
        let message = format!(
            "there is no {}, which is the data from before version {from}; restore a backup instead: `platools-gateway restore`",
            before.display()
        );
        return Err(Error::new(ErrorKind::NotFound, message));
    }
    let mut earlier = open(options(&before).journal_mode(SqliteJournalMode::Delete)).await?;
    let to = version(&mut earlier).await?;
    close(earlier).await?;
    let kept = beside(database, &format!(".downgraded-{from}"));
    replace(database, &before, &kept)?;
    close(alone).await?;
    Ok(Restored { version: to, kept: Some(kept) })
}

/// Puts a backup in the place of a database, also of a damaged one or of none. No gateway may run on it.
pub(crate) async fn restore(database: &Path, backup: &Path, steps: &[Migration]) -> Result<Restored, Error> {
    let next = beside(database, ".next");
    let kept = beside(database, ".replaced");
    check_free(&kept)?;
    remove(&next)?;
    let version = copy_checked(backup, &next, steps).await?;
    if !database.is_file() {
        own_like(&next, database.parent().unwrap_or(database))?;
        publish(&next, database)?;
        return Ok(Restored { version, kept: None });
    }
    match open_alone(database).await {
        Ok(alone) => {
            replace(database, &next, &kept)?;
            close(alone).await?;
        }
        Err(error) if error.kind() == ErrorKind::Busy => {
            remove(&next)?;
            return Err(error);
        }
        // The present database may be damaged. The files beside it belong to it.
        Err(_) => {
            for suffix in ["-wal", "-shm", ""] {
                move_away(&beside(database, suffix), &beside(&kept, suffix))?;
            }
            own_like(&next, database.parent().unwrap_or(database))?;
            publish(&next, database)?;
        }
    }
    Ok(Restored { version, kept: Some(kept) })
}

/// Copies a backup, if it is complete and of a version that this program can use.
async fn copy_checked(backup: &Path, to: &Path, steps: &[Migration]) -> Result<i64, Error> {
    if !backup.is_file() {
        return Err(Error::new(ErrorKind::NotFound, format!("there is no file {}", backup.display())));
    }
    let unusable = |error: Error| {
        let message = format!("{} is no usable backup: {error}", backup.display());
        Error::new(ErrorKind::Storage, message)
    };
    let mut source = open(SqliteConnectOptions::new().filename(backup).read_only(true)).await.map_err(unusable)?;
    check(&mut source).await.map_err(unusable)?;
    schema_of(&mut source, steps).await?.check_usable_or_older(steps)?;
    let version = version(&mut source).await.map_err(unusable)?;
    copy(&mut source, to).await?;
    close(source).await?;
    Ok(version)
}

/// Refuses a damaged database.
async fn check(connection: &mut SqliteConnection) -> Result<(), Error> {
    let found = sqlx::query("PRAGMA quick_check(1)").fetch_one(connection).await;
    let found: String = found.map_err(|error| storage_error(&error))?.get(0);
    if found == "ok" { Ok(()) } else { Err(Error::new(ErrorKind::Storage, format!("it is damaged: {found}"))) }
}

/// Opens a database that no other program has open, without files beside it, and keeps others off it as long as the connection lives.
pub(super) async fn open_alone(database: &Path) -> Result<SqliteConnection, Error> {
    let options = shrinkable(options(database)).locking_mode(SqliteLockingMode::Exclusive);
    let options = options.journal_mode(SqliteJournalMode::Delete).busy_timeout(OTHERS);
    let mut connection = open(options).await.map_err(|error| busy(database, error))?;
    // The lock is taken here, and kept from then on.
    for statement in ["BEGIN EXCLUSIVE", "COMMIT"] {
        let locked = sqlx::query(statement).execute(&mut connection).await;
        locked.map_err(|error| busy(database, storage_error(&error)))?;
    }
    Ok(connection)
}

/// Adds to the error of a busy database which program to stop.
fn busy(database: &Path, error: Error) -> Error {
    if error.wait().is_none() {
        return error;
    }
    let message = format!("another program has {} open; end it and try again", database.display());
    Error::new(ErrorKind::Busy, message)
}
