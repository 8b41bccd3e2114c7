//! `KeyFile`: reads and writes the file with the keys that sign tokens. [`SigningKeySource`] tells where the keys of a gateway are: in a
//! file of the data folder, in another file, or in an environment variable.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use secrecy::{ExposeSecret as _, SecretString};
use tempfile::NamedTempFile;

use super::signing_keys::SigningKeys;
use crate::domain::error::{Error, ErrorKind};
use crate::ports::secret_file::is_open_to_all;
use crate::settings::Settings;

/// The name of the file in the data folder.
const FILE: &str = "signing-keys.json";

/// No list of keys comes near it, but a path may lead to something else.
const MAX_BYTES: u64 = 64 * 1024;

/// The place of the keys that sign tokens.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub enum SigningKeySource {
    /// `signing-keys.json` in the data folder. The gateway makes it, for its owner alone, and writes it when keys rotate.
    #[default]
    DataFolder,
    /// Another file. The gateway makes it where there is none. It may also have plain text with one key of at least 32
    /// characters on each line, of which the first signs and the others only verify; such a file is read again when it changes,
    /// and never written.
    File(PathBuf),
    /// Keys as text, one on each line or with commas between them, in the same order. They do not rotate while the gateway runs.
    Text(SecretString),
}

impl SigningKeySource {
    /// The place that the settings name: the environment, a file, or the data folder.
    ///
    /// # Errors
    /// There are two places.
    pub fn from_settings(settings: &Settings) -> Result<Self, Error> {
        match (&settings.signing_key_file, &settings.signing_keys) {
            (Some(_), Some(_)) => {
                let message = "the signing keys are in PLATOOLS_GATEWAY_SIGNING_KEYS, and `signing_key_file` names a file of them; remove \
                               one of the two";
                Err(Error::new(ErrorKind::NotConfigured, message))
            }
            (Some(file), None) => Ok(Self::File(file.clone())),
            (None, Some(keys)) => Ok(Self::Text(keys.clone())),
            (None, None) => Ok(Self::DataFolder),
        }
    }

    /// The two settings: the file and the keys.
    pub(crate) fn into_settings(self) -> (Option<PathBuf>, Option<SecretString>) {
        match self {
            Self::DataFolder => (None, None),
            Self::File(file) => (Some(file), None),
            Self::Text(keys) => (None, Some(keys)),
        }
    }

    /// The file, if there is one.
    pub(super) fn file(&self, folder: Option<&Path>) -> Option<KeyFile> {
        match self {
            Self::DataFolder => folder.map(|folder| KeyFile { path: folder.join(FILE) }),
            Self::File(path) => Some(KeyFile { path: path.clone() }),
            Self::Text(_) => None,
        }
    }
}

/// A file of signing keys.
#[derive(Debug, Clone)]
pub(super) struct KeyFile {
    path: PathBuf,
}

/// The state of a file, to tell whether it changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileStamp {
    modified: Option<SystemTime>,
    bytes: u64,
    /// A renamed file has another one, also within the resolution of its time.
    inode: u64,
}

/// A lock that keeps two processes from changing the keys at the same time. It ends when it is dropped.
#[derive(Debug)]
pub(super) struct FileLock(#[expect(dead_code, reason = "the lock goes with the file")] File);

impl KeyFile {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The keys in the file; `None` where there is no file.
    ///
    /// # Errors
    /// The file cannot be read, or has no keys in it.
    pub(super) fn read(&self) -> Result<Option<(SigningKeys, FileStamp)>, Error> {
        let file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.that("cannot be read").caused_by(error)),
        };
        let unreadable = |error: io::Error| self.that("cannot be read").caused_by(error);
        let stamp = stamp(&file.metadata().map_err(unreadable)?);
        let mut text = String::new();
        file.take(MAX_BYTES).read_to_string(&mut text).map_err(unreadable)?;
        let keys = SigningKeys::parse(&text).map_err(|problem| self.that(&format!("cannot be used: {problem}")))?;
        Ok(Some((keys, stamp)))
    }

    /// The state of the file; `None` where there is no file, or where it cannot be told.
    pub(super) fn stamp(&self) -> Option<FileStamp> {
        fs::metadata(&self.path).ok().map(|metadata| stamp(&metadata))
    }

    /// Writes the keys so that a crash leaves either the old file or the new one. Only its owner can read it.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(super) fn write(&self, keys: &SigningKeys) -> Result<(), Error> {
        let failed = |error: io::Error| self.that("cannot be written").caused_by(error);
        let folder = self.folder();
        // A temporary file is its owner's alone from the start.
        let mut fresh = NamedTempFile::new_in(folder).map_err(failed)?;
        self.give_to_owner(fresh.as_file()).map_err(failed)?;
        fresh.write_all(keys.to_json().expose_secret().as_bytes()).map_err(failed)?;
        fresh.as_file().sync_all().map_err(failed)?;
        fresh.persist(&self.path).map_err(|error| failed(error.error))?;
        sync_folder(folder).map_err(failed)
    }

    /// Waits until no other process changes the keys.
    ///
    /// # Errors
    /// The folder cannot be written to.
    pub(super) fn lock(&self) -> Result<FileLock, Error> {
        let mut name = self.path.clone().into_os_string();
        name.push(".lock");
        let mut options = File::options();
        options.append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let failed = |error: io::Error| self.that("cannot be changed").caused_by(error);
        let file = options.open(name).map_err(failed)?;
        self.give_to_owner(&file).map_err(failed)?;
        file.lock().map_err(failed)?;
        Ok(FileLock(file))
    }

    /// Warns if everybody on this machine can read the keys.
    pub(super) fn warn_if_open(&self) {
        if is_open_to_all(&self.path) {
            let file = self.path.display();
            tracing::warn!(%file, "every user of the machine can read the signing keys; change that with `chmod o-r`");
        }
    }

    /// Gives a new file to whose the keys are so far, or the folder, so that a gateway can still read what root wrote for it.
    fn give_to_owner(&self, file: &File) -> io::Result<()> {
        #[cfg(unix)]
        {
            use std::os::unix::fs::{MetadataExt as _, fchown};

            let owner = fs::metadata(&self.path).or_else(|_| fs::metadata(self.folder()))?;
            let own = file.metadata()?;
            if own.uid() != owner.uid() {
                fchown(file, Some(owner.uid()), Some(owner.gid()))?;
            }
        }
        let _ = file;
        Ok(())
    }

    pub(super) fn that(&self, problem: &str) -> Error {
        Error::new(ErrorKind::Storage, format!("the file of signing keys {} {problem}", self.path.display()))
    }

    fn folder(&self) -> &Path {
        self.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
    }
}

fn stamp(metadata: &fs::Metadata) -> FileStamp {
    #[cfg(unix)]
    let inode = std::os::unix::fs::MetadataExt::ino(metadata);
    #[cfg(not(unix))]
    let inode = 0;
    FileStamp { modified: metadata.modified().ok(), bytes: metadata.len(), inode }
}

/// Has the name of a renamed file survive a power cut. Other systems do that by themselves.
fn sync_folder(folder: &Path) -> io::Result<()> {
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    let _ = folder;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(folder: &Path) -> KeyFile {
        SigningKeySource::DataFolder.file(Some(folder)).unwrap()
    }

    #[test]
    fn a_file_is_written_for_its_owner_and_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let file = file(folder.path());
        assert!(file.read().unwrap().is_none());
        let keys = SigningKeys::fresh(0);
        file.write(&keys).unwrap();
        let (read, before) = file.read().unwrap().unwrap();
        assert_eq!(read.signing().kid, keys.signing().kid);
        #[cfg(unix)]
        {
            let metadata = fs::metadata(file.path()).unwrap();
            assert_eq!(std::os::unix::fs::MetadataExt::mode(&metadata) & 0o777, 0o600);
        }
        file.write(&SigningKeys::fresh(0)).unwrap();
        assert_ne!(file.stamp(), Some(before), "a file of the same length that was written at once differs");
        let names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, [FILE], "nothing else is left behind");
    }

    #[test]
    fn a_damaged_file_is_named_and_not_repeated() {
        let folder = tempfile::tempdir().unwrap();
        let file = file(folder.path());
        fs::write(file.path(), r#"{"version": 1, "keys": "hush""#).unwrap();
        let refused = file.read().unwrap_err().to_string();
        assert!(refused.contains(FILE) && refused.contains("line 1") && !refused.contains("hush"), "{refused}");
    }
}
