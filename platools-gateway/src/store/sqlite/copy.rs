//! [`copy_online`]: copies a SQLite database into a new file while a gateway uses it.

use std::path::Path;

use sqlx::SqliteConnection;

use super::connections::{close, open, options};
use super::files::{beside, check_free, make_private, publish};
use super::schema;
use crate::domain::error::{Error, ErrorKind};
use crate::store::failure::storage_error;

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
        Error::new(
            ErrorKind::InvalidRequest,
            format!("the file name {} is not UTF-8; use another name", file.display()),
        )
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
