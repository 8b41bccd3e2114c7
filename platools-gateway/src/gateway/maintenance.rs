//! [`DataFolder`]: backs up, upgrades, downgrades and restores the data folder of a gateway.

use std::path::{Path, PathBuf};

use super::data::{FolderLock, lock};
use crate::domain::database::{PostgresServer, UpgradedDatabase};
use crate::domain::error::{Error, ErrorKind};
use crate::store::{self, Restored, Upgraded};

/// The folder of a gateway's data, for backup, upgrade, downgrade and restore.
#[derive(Debug, Clone)]
pub struct DataFolder {
    path: PathBuf,
}

impl DataFolder {
    /// The data in this folder.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Copies the database into a new file that only its owner can read. A gateway may run. Returns the version of the data.
    ///
    /// The copy is as of one moment. Other files of the folder, such as those of signing keys, are not part of it.
    ///
    /// # Errors
    /// There is no data, the file exists, or the database or the disk failed.
    pub async fn backup(&self, file: &Path) -> Result<i64, Error> {
        store::backup(&self.path, file).await
    }

    /// Brings the data up to this program's version; `None` if it has that already. The data as it was is kept beside it.
    ///
    /// # Errors
    /// There is no data or it is of a later version, a gateway or another program uses it, the data as it was before an earlier upgrade is
    /// in the way, or the database or the disk failed. Then the data is as it was.
    pub async fn upgrade(&self) -> Result<Option<Upgraded>, Error> {
        let _lock = self.lock()?;
        store::check_data(&self.path)?;
        store::upgrade(&self.path).await
    }

    /// Puts the data from before the last upgrade back in place. Later changes are kept in a file beside it that is not in use.
    ///
    /// # Errors
    /// There is no data or none from before, a gateway or another program uses it, or the database or the disk failed.
    pub async fn downgrade(&self) -> Result<Restored, Error> {
        let _lock = self.lock()?;
        store::downgrade(&self.path).await
    }

    /// Puts a backup in the place of the data, also of damaged data or of none. The data that was there is kept beside it.
    ///
    /// # Errors
    /// The file is no usable backup, a gateway or another program uses the data, or the database or the disk failed.
    pub async fn restore(&self, backup: &Path) -> Result<Restored, Error> {
        store::make_folder(&self.path)?;
        let _lock = self.lock()?;
        store::restore(&self.path, backup).await
    }

    /// Copies the data into a PostgreSQL database without tables, all of it or nothing. Signing keys are not part of it.
    ///
    /// # Errors
    /// There is no data or it has another version, a gateway or another program uses it, the database has data, or one of both failed.
    pub async fn copy_to(&self, server: &PostgresServer) -> Result<(), Error> {
        let _lock = self.lock()?;
        store::copy_to_database(&self.path, server).await
    }

    fn lock(&self) -> Result<FolderLock, Error> {
        store::check_folder(&self.path)?;
        lock(&self.path).map_err(|error| match error.kind() {
            ErrorKind::Busy => Error::new(ErrorKind::Busy, format!("{error}; stop it first")),
            _ => error,
        })
    }
}

/// Brings a PostgreSQL database up to this program's version; `None` if it has that already.
///
/// # Errors
/// There is no gateway's data or it is of a later version, a gateway runs on it, or the database failed. Then the data is as it was.
pub async fn upgrade_database(server: &PostgresServer) -> Result<Option<UpgradedDatabase>, Error> {
    store::upgrade_database(server).await
}
