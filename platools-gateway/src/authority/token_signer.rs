//! [`TokenSigner`]: signs and verifies tokens with the keys of one gateway, and reads the keys again when their file changes.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::key_file::{FileStamp, KeyFile, SigningKeySource};
use super::signing_keys::SigningKeys;
use super::tokens::{self, NewClaims, Unverified, VerifiedToken};
use crate::domain::error::{Error, ErrorKind};
use crate::domain::lock::{read, write};

/// A shared handle on the signing keys. Functions that read or write the file block for as long as the disk takes.
#[derive(Clone)]
pub(crate) struct TokenSigner(Arc<Inner>);

struct Inner {
    source: SigningKeySource,
    file: Option<KeyFile>,
    state: RwLock<State>,
}

#[derive(Default)]
struct State {
    keys: Option<Arc<SigningKeys>>,
    /// The file as it was when the keys were read; `None` before that, and while it is missing.
    stamp: Option<FileStamp>,
}

/// The error of a gateway that has neither a data folder nor another place of the keys.
pub(crate) const NO_PLACE: &str = "without a data folder the keys that sign tokens need a place of their own: name a file with `signing_key_file`, \
                                   or put the keys into PLATOOLS_GATEWAY_SIGNING_KEYS";

/// Keys that were read.
pub(crate) type LoadedKeys = Arc<SigningKeys>;

impl TokenSigner {
    /// A signer that has read no keys yet.
    pub(crate) fn new(source: SigningKeySource, folder: Option<&Path>) -> Self {
        let file = source.file(folder);
        Self(Arc::new(Inner { source, file, state: RwLock::default() }))
    }

    /// The keys in memory, if they were read.
    pub(crate) fn keys(&self) -> Option<LoadedKeys> {
        read(&self.0.state).keys.clone()
    }

    /// Reads the keys, unless they were read before. There are none where the file is missing.
    ///
    /// # Errors
    /// The keys cannot be read or used.
    pub(crate) fn load(&self) -> Result<Option<LoadedKeys>, Error> {
        match self.keys() {
            Some(keys) => Ok(Some(keys)),
            None => self.read(),
        }
    }

    /// Reads the keys again if their file has changed. Says whether it has.
    ///
    /// # Errors
    /// The keys cannot be read or used; those in memory stay.
    pub(crate) fn refresh(&self) -> Result<bool, Error> {
        let Some(file) = &self.0.file else { return Ok(false) };
        let stamp = file.stamp();
        if stamp.is_none() || stamp == read(&self.0.state).stamp {
            return Ok(false);
        }
        // Noted first: a file that cannot be used is reported once, and tried again when it changes.
        write(&self.0.state).stamp = stamp;
        self.read().map(|keys| keys.is_some())
    }

    /// Writes keys where there are none yet, and returns those that are there then.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(crate) fn create(&self, keys: &SigningKeys) -> Result<LoadedKeys, Error> {
        self.change(|found| match found {
            // Another process has made them meanwhile.
            Some(found) => Ok(found),
            None => Ok(keys.clone()),
        })
    }

    /// Adds a key of an earlier version, which only verifies for a while. Returns false if these keys cannot be changed.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(crate) fn retire(&self, secret: &SecretString, until_ms: i64) -> Result<bool, Error> {
        if self.keys().is_none_or(|keys| !keys.is_managed()) {
            return Ok(false);
        }
        self.change(|found| {
            let keys = found.ok_or_else(|| Error::new(ErrorKind::Storage, "the file of signing keys is gone"))?;
            Ok(keys.with_retiring(secret, until_ms))
        })?;
        Ok(true)
    }

    /// Makes a new key that signs from now on. The others verify until `until_ms`.
    ///
    /// # Errors
    /// The keys are not the gateway's to change, too many would verify, or the file cannot be written.
    pub(crate) fn rotate(&self, now_ms: i64, until_ms: i64) -> Result<LoadedKeys, Error> {
        self.change(|found| {
            let keys = found.ok_or_else(|| Error::new(ErrorKind::Storage, "there are no signing keys yet"))?;
            if !keys.is_managed() { Err(self.handed_in()) } else { keys.rotated(now_ms, until_ms) }
        })
    }

    /// Signs a token, and says by which key.
    ///
    /// # Errors
    /// The keys were not read.
    pub(crate) fn sign<C: Serialize>(
        &self,
        new: NewClaims<'_, C>,
        ttl: Duration,
        now_ms: i64,
    ) -> Result<tokens::Signed, Error> {
        let keys = self.keys().ok_or_else(|| Error::new(ErrorKind::Storage, "the signing keys were not read"))?;
        Ok(tokens::sign(keys.signing(), new, ttl, now_ms))
    }

    /// The claims of a token that was signed here for that audience and has not ended.
    ///
    /// # Errors
    /// There is no such key, or the token is not good.
    pub(crate) fn verify<C: DeserializeOwned>(
        &self,
        audience: &str,
        token: &SecretString,
        now_ms: i64,
    ) -> Result<VerifiedToken<C>, Unverified> {
        let keys = self.keys().ok_or(Unverified::UnknownKey)?;
        tokens::verify(&keys, audience, token, now_ms)
    }

    /// True if tokens signed by the key are valid now.
    pub(crate) fn verifies(&self, kid: &str, now_ms: i64) -> bool {
        self.keys().is_some_and(|keys| keys.verifies(kid, now_ms))
    }

    /// The place of the keys, for messages.
    pub(crate) fn place(&self) -> String {
        match &self.0.file {
            Some(file) => file.path().display().to_string(),
            None => "PLATOOLS_GATEWAY_SIGNING_KEYS".to_owned(),
        }
    }

    fn read(&self) -> Result<Option<LoadedKeys>, Error> {
        let (keys, stamp) = match (&self.0.file, &self.0.source) {
            (Some(file), _) => match file.read()? {
                Some((keys, stamp)) => {
                    file.warn_if_open();
                    (keys, Some(stamp))
                }
                None => return Ok(None),
            },
            (None, SigningKeySource::Text(text)) => {
                let parsed = SigningKeys::parse(text.expose_secret());
                let unusable = |problem| format!("the signing keys that were handed in cannot be used: {problem}");
                (parsed.map_err(|problem| Error::new(ErrorKind::Storage, unusable(problem)))?, None)
            }
            (None, _) => return Ok(None),
        };
        Ok(Some(self.keep(keys, stamp)))
    }

    /// Changes the file while no other process does.
    fn change(
        &self,
        change: impl FnOnce(Option<SigningKeys>) -> Result<SigningKeys, Error>,
    ) -> Result<LoadedKeys, Error> {
        let Some(file) = &self.0.file else { return Err(self.handed_in()) };
        // Keys that are handed in may be in a folder that nobody writes to, so they are looked at before it is locked.
        if file.read()?.is_some_and(|(keys, _)| !keys.is_managed()) {
            return Err(self.handed_in());
        }
        let _lock = file.lock()?;
        let keys = change(file.read()?.map(|(keys, _)| keys))?;
        file.write(&keys)?;
        Ok(self.keep(keys, file.stamp()))
    }

    fn keep(&self, keys: SigningKeys, stamp: Option<FileStamp>) -> LoadedKeys {
        let keys = Arc::new(keys);
        let mut state = write(&self.0.state);
        *state = State { keys: Some(Arc::clone(&keys)), stamp };
        keys
    }

    fn handed_in(&self) -> Error {
        if self.0.file.is_none() && matches!(self.0.source, SigningKeySource::DataFolder) {
            return Error::new(ErrorKind::NotConfigured, NO_PLACE);
        }
        let message = format!(
            "the signing keys are handed in as text in {}; rotate them there: put a new key before the others, and take the old \
             one out when its tokens have ended",
            self.place()
        );
        Error::new(ErrorKind::InvalidRequest, message)
    }
}

impl fmt::Debug for TokenSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenSigner").field("keys", &self.keys()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rotation_by_another_process_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let [gateway, command] = [(); 2].map(|()| TokenSigner::new(SigningKeySource::DataFolder, Some(folder.path())));
        assert!(gateway.load().unwrap().is_none());
        let first = gateway.create(&SigningKeys::fresh(0)).unwrap();
        assert_eq!(command.create(&SigningKeys::fresh(0)).unwrap().signing().kid, first.signing().kid);
        let second = command.rotate(0, 100).unwrap();
        assert!(gateway.refresh().unwrap() && !gateway.refresh().unwrap());
        assert_eq!(gateway.keys().unwrap().signing().kid, second.signing().kid);
        assert!(gateway.verifies(&first.signing().kid, 99) && !gateway.verifies(&first.signing().kid, 100));
    }

    #[test]
    fn keys_in_memory_outlive_a_file_that_is_lost_or_damaged() {
        let folder = tempfile::tempdir().unwrap();
        let token_signer = TokenSigner::new(SigningKeySource::DataFolder, Some(folder.path()));
        let keys = token_signer.create(&SigningKeys::fresh(0)).unwrap();
        std::fs::write(token_signer.place(), "{").unwrap();
        assert!(token_signer.refresh().is_err());
        assert!(!token_signer.refresh().unwrap(), "it is reported once");
        std::fs::remove_file(token_signer.place()).unwrap();
        assert!(!token_signer.refresh().unwrap());
        assert!(token_signer.verifies(&keys.signing().kid, 0));
    }

    #[test]
    fn keys_that_are_handed_in_are_never_written() {
        let folder = tempfile::tempdir().unwrap();
        let text = "k".repeat(64);
        let path = folder.path().join("keys");
        std::fs::write(&path, &text).unwrap();
        for source in [SigningKeySource::File(path.clone()), SigningKeySource::Text(text.clone().into())] {
            let token_signer = TokenSigner::new(source, Some(folder.path()));
            token_signer.load().unwrap().unwrap();
            let refused = token_signer.rotate(0, 100).unwrap_err();
            assert!(refused.to_string().contains("rotate them there"), "{refused}");
            assert!(!token_signer.retire(&"o".repeat(64).into(), 100).unwrap());
        }
        assert_eq!(std::fs::read_to_string(path).unwrap(), text);
        assert_eq!(folder.path().read_dir().unwrap().count(), 1);
    }
}
