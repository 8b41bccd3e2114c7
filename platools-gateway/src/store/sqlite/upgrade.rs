//! [`upgrade`]: migrates existing data to this program's version.

use std::path::{Path, PathBuf};

use sqlx::SqliteConnection;
use sqlx::migrate::Migration;
use sqlx::sqlite::SqliteJournalMode;

use super::connections::{close, open, options};
use super::copy::copy;
use super::files::{beside, check_free, remove, replace};
use super::replace::open_alone;
use super::schema::{migrate, schema_of};
use crate::domain::error::Error;
use crate::store::failure::storage_error;
use crate::store::schema::{Schema, last};

/// Data that was brought up to this program's version.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Upgraded {
    /// The version it had.
    pub from: i64,
    /// The version it has now.
    pub to: i64,
    /// The data as it was before.
    pub kept: PathBuf,
}

/// Brings a database up to the last of these steps; `None` if there is nothing to do. No gateway may run on it.
///
/// The steps are taken on a copy, which replaces the database when it is finished. Until then a failure or an end of the program changes
/// nothing; afterwards the database as it was is still there, under another name.
pub(crate) async fn upgrade(database: &Path, steps: Vec<Migration>) -> Result<Option<Upgraded>, Error> {
    let Some(from) = older(database, &steps).await? else { return Ok(None) };
    let to = last(&steps);
    let (next, kept) = (beside(database, ".next"), beside(database, &format!(".before-{to}")));
    check_free(&kept)?;
    // An upgrade that ended half way left it.
    remove(&next)?;
    let mut alone = open_alone(database).await?;
    copy(&mut alone, &next).await?;
    finish(&next, steps).await?;
    replace(database, &next, &kept)?;
    close(alone).await?;
    Ok(Some(Upgraded { from, to, kept }))
}

/// The version of a database that lacks steps.
async fn older(database: &Path, steps: &[Migration]) -> Result<Option<i64>, Error> {
    let mut connection = open(options(database)).await?;
    let schema = schema_of(&mut connection, steps).await?;
    close(connection).await?;
    match schema {
        Schema::Older(version) => Ok(Some(version)),
        Schema::Empty | Schema::Current => Ok(None),
        Schema::Newer(_) | Schema::Foreign => schema.check_usable(steps).map(|()| None),
    }
}

/// Takes the steps on the copy, and gives back the space that they made free.
async fn finish(next: &Path, steps: Vec<Migration>) -> Result<(), Error> {
    let mut connection = open(options(next).journal_mode(SqliteJournalMode::Delete)).await?;
    migrate(&mut connection, steps).await?;
    shrink(&mut connection).await.map_err(|error| storage_error(&error))?;
    close(connection).await
}

async fn shrink(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    sqlx::query("PRAGMA incremental_vacuum").fetch_all(connection).await.map(drop)
}
