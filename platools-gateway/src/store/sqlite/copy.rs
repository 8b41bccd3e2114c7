//! Consistent copies of a database.

use std::path::Path;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection};

use super::connections::options;
use super::files::{beside, check_free, make_private, publish};
use super::{schema, storage_error};
use crate::domain::error::{Error, ErrorKind};

/// Copies a database into a new file that only its owner can read, while others read and write it. Returns the version of the data.
pub(crate) async fn copy_online(database: &Path, file: &Path) -> Result<i64, Error> {
    check_free(file)?;
    // Under its own name only once it is whole.
    let partial = beside(file, ".partial");
    let mut source = open(options(database)).await?;
    let version = schema::version(&mut source).await?;
    copy(&mut source, &partial).await?;
    close(source).await?;
    publish(&partial, file)?;
    Ok(version)
}

/// Copies everything that a connection sees into a new file, in one transaction, and without the space that is free in the original.
pub(super) async fn copy(source: &mut SqliteConnection, file: &Path) -> Result<(), Error> {
    let name = file.to_str().ok_or_else(|| {
        Error::new(ErrorKind::InvalidRequest, format!("{} is no name in UTF-8; use another", file.display()))
    })?;
    // SQLite would make a file that everybody can read; it writes into an empty one as well.
    make_private(file)?;
    let copied = sqlx::query("VACUUM INTO $1").bind(name).execute(source).await;
    if let Err(error) = copied {
        // The error that led here says more than one of this.
        let _ = std::fs::remove_file(file);
        return Err(storage_error(&error));
    }
    Ok(())
}

/// Opens a database for something that may take long, without a warning that it did.
pub(super) async fn open(options: SqliteConnectOptions) -> Result<SqliteConnection, Error> {
    SqliteConnection::connect_with(&options.disable_statement_logging()).await.map_err(|error| storage_error(&error))
}

/// Closes a database, with an error where that fails.
pub(super) async fn close(connection: SqliteConnection) -> Result<(), Error> {
    connection.close().await.map_err(|error| storage_error(&error))
}
