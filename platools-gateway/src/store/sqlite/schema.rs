//! [`schema_of`]: reads the version of a SQLite database. [`migrate`]: brings an older database to the version of this program.

use std::collections::BTreeSet;
use std::path::Path;

use sqlx::migrate::{Migration, Migrator};
use sqlx::{Row as _, SqliteConnection};

use super::connections::{close, open, options, shrinkable};
use crate::domain::error::{Error, ErrorKind};
use crate::store::failure::storage_error;
use crate::store::schema::{NO_GATEWAYS, Schema};

/// Reads the version of a database.
pub(in crate::store) async fn schema_of(
    connection: &mut SqliteConnection,
    steps: &[Migration],
) -> Result<Schema, Error> {
    let applied = applied(connection).await.map_err(|error| storage_error(&error))?;
    let is_empty = is_empty(connection).await.map_err(|error| storage_error(&error))?;
    Ok(Schema::compare(&applied, is_empty, steps))
}

/// Takes all steps in a file that is empty.
pub(in crate::store) async fn make(file: &Path, steps: Vec<Migration>) -> Result<(), Error> {
    let mut connection = open(shrinkable(options(file))).await?;
    migrate(&mut connection, steps).await?;
    close(connection).await
}

/// Takes the steps that a database lacks.
pub(in crate::store) async fn migrate(connection: &mut SqliteConnection, steps: Vec<Migration>) -> Result<(), Error> {
    Migrator::with_migrations(steps).run(&mut *connection).await.map_err(|error| {
        Error::new(ErrorKind::Storage, "the database cannot be brought up to this version").caused_by(error)
    })
}

/// The versions of the steps that were taken.
async fn applied(connection: &mut SqliteConnection) -> Result<BTreeSet<i64>, sqlx::Error> {
    let table = sqlx::query("SELECT name FROM sqlite_schema WHERE name = '_sqlx_migrations'");
    if table.fetch_optional(&mut *connection).await?.is_none() {
        return Ok(BTreeSet::new());
    }
    let rows = sqlx::query("SELECT version FROM _sqlx_migrations").fetch_all(connection).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// True if a database has no tables, apart from the list of migration steps.
async fn is_empty(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    let other = sqlx::query("SELECT name FROM sqlite_schema WHERE tbl_name <> '_sqlx_migrations' LIMIT 1");
    Ok(other.fetch_optional(connection).await?.is_none())
}

/// The version of a database that has one.
pub(super) async fn version(connection: &mut SqliteConnection) -> Result<i64, Error> {
    let applied = applied(connection).await.map_err(|error| storage_error(&error))?;
    let none = || Error::new(ErrorKind::Storage, NO_GATEWAYS);
    applied.last().copied().ok_or_else(none)
}
