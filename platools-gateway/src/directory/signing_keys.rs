//! Functions of `Directory` that open, rotate and reload the keys that sign tokens, and move keys of earlier versions out of the database.

use std::time::Duration;

use super::Directory;
use crate::authority::{LoadedKeys, MAX_GRACE, SigningKeys, TokenSigner};
use crate::domain::error::{Error, ErrorKind};
use crate::ports::time::{ms_after, now_ms, rfc3339};

/// The time for which a key that an earlier version kept in the database still verifies after it was moved: 30 days. Copies of the
/// database may have it.
const TAKE_OVER_GRACE: Duration = Duration::from_secs(30 * 24 * 60 * 60);

impl Directory {
    /// Reads the signing keys, and makes new ones where they are missing. For a gateway that starts.
    ///
    /// # Errors
    /// The keys cannot be read, used or written, or the database failed.
    pub(crate) async fn open_signing_keys(&self) -> Result<(), Error> {
        let in_use = self.store.signing_key_in_use().await?;
        let found = self.with_token_signer(TokenSigner::load).await?;
        let place = self.token_signer.place();
        match (&found, &in_use) {
            (None, Some(key)) => {
                tracing::warn!(%place, %key, "signing keys lost: new ones are made, and all tokens signed so far are void; give new tokens to their holders");
            }
            (Some(keys), Some(key)) if !keys.contains(key) => {
                tracing::warn!(%place, %key, "signing key in use so far is not among the signing keys: its tokens are void; put the key back, or give new tokens to their holders");
            }
            _ => {}
        }
        self.complete_signing_keys(found).await
    }

    /// The signing keys, for a command that signs beside a gateway.
    ///
    /// # Errors
    /// They are not those of the gateway, cannot be read, used or written, or the database failed.
    pub(crate) async fn signing_keys(&self) -> Result<LoadedKeys, Error> {
        if let Some(keys) = self.token_signer.keys() {
            return Ok(keys);
        }
        let found = self.with_token_signer(TokenSigner::load).await?;
        if let Some(key) = self.store.signing_key_in_use().await?
            && !found.as_ref().is_some_and(|keys| keys.contains(&key))
        {
            let message = format!(
                "the gateway signs with the key {key}, which is not in {}: say where its keys are with `--signing-key-file FILE` \
                 or PLATOOLS_GATEWAY_SIGNING_KEYS, or start the gateway once if they are lost",
                self.token_signer.place()
            );
            return Err(Error::new(ErrorKind::Storage, message));
        }
        self.complete_signing_keys(found).await?;
        self.token_signer.keys().ok_or_else(|| Error::new(ErrorKind::Storage, "there are no signing keys"))
    }

    /// The signing keys of the gateway, if they can be read. A list needs none, so nothing is made or changed for it.
    pub(crate) async fn readable_signing_keys(&self) -> Option<LoadedKeys> {
        if let Some(keys) = self.token_signer.keys() {
            return Some(keys);
        }
        let in_use = self.store.signing_key_in_use().await.ok()??;
        self.with_token_signer(TokenSigner::load).await.ok()?.filter(|keys| keys.contains(&in_use))
    }

    /// Makes a new key that signs from now on. The others verify for the grace time.
    ///
    /// # Errors
    /// The grace time is too long, the keys are not the gateway's to change, or they cannot be written.
    pub(crate) async fn rotate_signing_key(&self, grace: Duration) -> Result<LoadedKeys, Error> {
        if grace > MAX_GRACE {
            let message = "the grace time takes at most 366 days, which is how long a token may be good";
            return Err(Error::new(ErrorKind::InvalidRequest, message));
        }
        self.signing_keys().await?;
        let keys = self.with_token_signer(move |token_signer| token_signer.rotate(now_ms(), ms_after(grace))).await?;
        self.store.note_signing_key(&keys.signing().kid).await?;
        Ok(keys)
    }

    /// Reads the signing keys again if another process changed them. Says whether it did.
    pub(crate) async fn refresh_signing_keys(&self) -> bool {
        match self.with_token_signer(TokenSigner::refresh).await {
            Ok(true) => {
                let key = self.token_signer.keys().map(|keys| keys.signing().kid.clone());
                tracing::info!(key, "signing keys read again");
                true
            }
            Ok(false) => false,
            Err(error) => {
                tracing::error!(%error, "signing keys not read again; those from before stay in use");
                false
            }
        }
    }

    /// Makes keys if none were found, takes over the one of an earlier version, and notes which key signs.
    async fn complete_signing_keys(&self, found: Option<LoadedKeys>) -> Result<(), Error> {
        if found.is_none() {
            self.with_token_signer(|token_signer| token_signer.create(&SigningKeys::fresh(now_ms()))).await?;
        }
        self.take_over_stored_key().await?;
        let Some(keys) = self.token_signer.keys() else { return Ok(()) };
        let kid = &keys.signing().kid;
        if self.store.signing_key_in_use().await?.as_ref() != Some(kid) {
            self.store.note_signing_key(kid).await?;
        }
        Ok(())
    }

    /// Moves the signing key of an earlier version out of the database. It verifies for a while, and signs nothing any more.
    async fn take_over_stored_key(&self) -> Result<(), Error> {
        let Some(stored) = self.store.stored_signing_key().await? else { return Ok(()) };
        let until_ms = ms_after(TAKE_OVER_GRACE);
        // The file first: after a crash in between, the key is in both, and moved again.
        if self.with_token_signer(move |token_signer| token_signer.retire(&stored.into(), until_ms)).await? {
            let until = rfc3339(until_ms);
            tracing::warn!(until, "signing key moved out of the database; its tokens stay valid until then at most");
        } else {
            tracing::warn!("signing key of an earlier version is not among those handed in; its tokens are void");
        }
        self.store.erase_stored_signing_keys().await
    }

    /// Runs work that waits for the disk on a blocking thread.
    async fn with_token_signer<T: Send + 'static>(
        &self,
        work: impl FnOnce(&TokenSigner) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let token_signer = self.token_signer.clone();
        let done = tokio::task::spawn_blocking(move || work(&token_signer)).await;
        done.unwrap_or_else(|error| {
            Err(Error::new(ErrorKind::Storage, "the signing keys could not be read or written").caused_by(error))
        })
    }
}
