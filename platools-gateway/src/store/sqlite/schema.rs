//! [`Schema`]: the version of a database's schema, and the migrations to the present version.

use std::collections::BTreeSet;
use std::path::Path;

use sqlx::migrate::{Migration, Migrator};
use sqlx::{Row as _, SqliteConnection};

use super::connections::{close, open, options, shrinkable};
use super::storage_error;
use crate::domain::error::{Error, ErrorKind};

const NO_GATEWAYS: &str = "the file is a database, but not a gateway's";

/// A database's schema, compared with this program's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum Schema {
    /// There is nothing in it.
    Empty,
    /// The database belongs to another program.
    Foreign,
    Current,
    /// Made by an earlier version of the program. The number is that of its last step.
    Older(i64),
    /// Made by a later version.
    Newer(i64),
}

impl Schema {
    /// Reads the version of a database.
    pub(in crate::store) async fn of(connection: &mut SqliteConnection, steps: &[Migration]) -> Result<Self, Error> {
        let applied = applied(connection).await.map_err(|error| storage_error(&error))?;
        let known: BTreeSet<_> = steps.iter().map(|step| step.version).collect();
        Ok(match applied.last() {
            None if is_empty(connection).await.map_err(|error| storage_error(&error))? => Self::Empty,
            None => Self::Foreign,
            Some(&last) if !applied.is_subset(&known) => Self::Newer(last),
            Some(&last) if applied != known => Self::Older(last),
            Some(_) => Self::Current,
        })
    }

    /// Refuses data of any other version than this program's.
    pub(in crate::store) fn check_usable(self, steps: &[Migration]) -> Result<(), Error> {
        let own = last(steps);
        let message = match self {
            Self::Current => return Ok(()),
            Self::Empty | Self::Foreign => NO_GATEWAYS.to_owned(),
            Self::Older(version) => format!(
                "the data has version {version}, and this program needs version {own}: use the program that the gateway was started with, or \
                 stop the gateway and run `platools-gateway upgrade`"
            ),
            Self::Newer(version) => format!(
                "the data has version {version}, and this program knows only versions up to {own}: use the newer program, or stop the gateway \
                 and go back with the newer program's `platools-gateway downgrade` or with `platools-gateway restore` and a backup"
            ),
        };
        Err(Error::new(ErrorKind::Storage, message))
    }
}

impl Schema {
    /// Refuses data of later versions, and lets earlier ones pass, which an upgrade brings up.
    pub(super) fn check_usable_or_older(self, steps: &[Migration]) -> Result<(), Error> {
        if matches!(self, Self::Older(_)) { Ok(()) } else { self.check_usable(steps) }
    }
}

/// The version that these steps lead to.
pub(in crate::store) fn last(steps: &[Migration]) -> i64 {
    steps.iter().map(|step| step.version).max().unwrap_or(0)
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
