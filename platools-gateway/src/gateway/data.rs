//! [`Data`]: the folder or the database with a gateway's data. [`FolderLock`] and [`DataLock`] keep a second gateway off the data.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempDir;

use crate::domain::error::{Error, ErrorKind};
use crate::store::DatabaseLock;

/// The place of a gateway's database.
#[derive(Debug, Clone)]
pub(super) enum Data {
    /// In a folder that is made at the start and removed with the gateway.
    Temporary(Option<Arc<TempDir>>),
    Folder(PathBuf),
}

impl Data {
    /// The folder; a temporary one is made at the first call.
    pub(super) fn folder(&mut self) -> Result<PathBuf, Error> {
        match self {
            Self::Folder(folder) => Ok(folder.clone()),
            Self::Temporary(Some(folder)) => Ok(folder.path().to_owned()),
            Self::Temporary(empty @ None) => {
                let folder = tempfile::Builder::new().prefix("platools-gateway-").tempdir().map_err(|error| {
                    Error::new(ErrorKind::Storage, "no temporary folder could be made").caused_by(error)
                })?;
                let path = folder.path().to_owned();
                *empty = Some(Arc::new(folder));
                Ok(path)
            }
        }
    }
}

/// The lock that keeps a second gateway off the data. `D` is the lock of a database, or the task that keeps it.
#[derive(Debug)]
pub(super) enum DataLock<D = DatabaseLock> {
    Folder(FolderLock),
    Database(D),
}

/// The lock that keeps a second gateway off a folder.
#[derive(Debug)]
pub(super) struct FolderLock(File);

impl Drop for FolderLock {
    fn drop(&mut self) {
        // Closing the file alone would not do: a process that is being started has it too, for a moment.
        let _ = self.0.unlock();
    }
}

/// Keeps a second gateway off the folder. The lock goes with the process, however that ends.
pub(super) fn lock(folder: &Path) -> Result<FolderLock, Error> {
    let failed =
        |error: std::io::Error| Error::new(ErrorKind::Storage, "the data folder cannot be locked").caused_by(error);
    let file = File::options().write(true).create(true).truncate(false).open(folder.join("lock")).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(FolderLock(file)),
        Err(std::fs::TryLockError::WouldBlock) => {
            let message = format!("another gateway runs on {}", folder.display());
            Err(Error::new(ErrorKind::Busy, message))
        }
        Err(std::fs::TryLockError::Error(error)) => Err(failed(error)),
    }
}
