//! Functions that create, publish and replace the SQLite files of a gateway. At every moment a complete database file is in place.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::domain::error::{Error, ErrorKind};

/// The file beside a database with something appended to its name.
pub(super) fn beside(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.file_name().map_or_else(OsString::new, OsString::from);
    name.push(suffix);
    file.with_file_name(name)
}

/// Makes an empty file that only its owner can read, where none is yet.
pub(super) fn make_private(file: &Path) -> Result<(), Error> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file).map(drop).map_err(|error| failed(file, "cannot be made", &error))
}

/// Refuses a file that is there: it may be the only copy of something.
pub(super) fn check_free(file: &Path) -> Result<(), Error> {
    match fs::symlink_metadata(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(failed(file, "cannot be made", &error)),
        Ok(_) => Err(taken(file)),
    }
}

/// Makes a file belong to the owner of another file or folder: an administrator's command must not leave a file that the gateway's user
/// cannot open.
pub(super) fn own_like(file: &Path, model: &Path) -> Result<(), Error> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt as _, chown};

        let owner = |path: &Path| fs::metadata(path).map(|metadata| (metadata.uid(), metadata.gid()));
        let given = owner(model).and_then(|(user, group)| match owner(file)? {
            same if same == (user, group) => Ok(()),
            _ => chown(file, Some(user), Some(group)),
        });
        given.map_err(|error| failed(file, "cannot be given to the owner of the data", &error))?;
    }
    Ok(())
}

/// Gives a finished file its name, unless that was taken meanwhile, and waits until both are on the disk.
pub(super) fn publish(finished: &Path, name: &Path) -> Result<(), Error> {
    sync(finished)?;
    match fs::hard_link(finished, name) {
        Ok(()) => fs::remove_file(finished).map_err(|error| failed(finished, "cannot be removed", &error))?,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(taken(name)),
        // File systems without links.
        Err(_) => {
            check_free(name)?;
            rename(finished, name)?;
        }
    }
    sync_folder(name)
}

/// Puts a finished database in the place of another one, which is kept under another name.
pub(super) fn replace(database: &Path, finished: &Path, kept: &Path) -> Result<(), Error> {
    own_like(finished, database)?;
    sync(finished)?;
    check_free(kept)?;
    if fs::hard_link(database, kept).is_err() {
        rename(database, kept)?;
    }
    rename(finished, database)?;
    sync_folder(database)
}

/// Renames a file, if it is there.
pub(super) fn move_away(file: &Path, to: &Path) -> Result<(), Error> {
    match fs::rename(file, to) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        moved => moved.map_err(|error| failed(file, "cannot be renamed", &error)),
    }
}

fn rename(from: &Path, to: &Path) -> Result<(), Error> {
    fs::rename(from, to).map_err(|error| failed(from, "cannot be renamed", &error))
}

fn sync(file: &Path) -> Result<(), Error> {
    let synced = File::open(file).and_then(|file| file.sync_all());
    synced.map_err(|error| failed(file, "cannot be written to the disk", &error))
}

/// Waits until the names in a folder are on the disk.
fn sync_folder(file: &Path) -> Result<(), Error> {
    let Some(folder) = file.parent().filter(|_| cfg!(unix)) else { return Ok(()) };
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    sync(folder)
}

fn taken(file: &Path) -> Error {
    let message = format!("{} exists already; move it away or name another file", file.display());
    Error::new(ErrorKind::AlreadyExists, message)
}

/// An error about a file or folder. Causes that a user can mend have a text of their own.
pub(in crate::store) fn failed(file: &Path, what: &str, error: &io::Error) -> Error {
    let file = file.display();
    let message = match error.kind() {
        io::ErrorKind::PermissionDenied => {
            format!("{file} {what}: permission denied; run the command as the user that the gateway runs as")
        }
        io::ErrorKind::AlreadyExists => format!("{file} exists already; move it away or name another file"),
        _ => format!("{file} {what}: {error}"),
    };
    Error::new(ErrorKind::Storage, message)
}

/// Removes a file, if it is there.
pub(super) fn remove(file: &Path) -> Result<(), Error> {
    match fs::remove_file(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed.map_err(|error| failed(file, "cannot be removed", &error)),
    }
}
