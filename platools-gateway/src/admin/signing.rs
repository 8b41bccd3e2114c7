//! Functions of [`Admin`] that list and rotate the keys that sign tokens. The keys belong to the whole gateway, so an admin of a single
//! project may not use these functions. [`SigningKeyView`] shows a key without its secret.

use std::time::Duration;

use super::Admin;
use crate::audit::action;
use crate::authority::{Action, LoadedKeys, Resource, SigningKey, authorize};
use crate::domain::error::Error;
use crate::ports::time::now_ms;

/// A signing key, without the key itself.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SigningKeyView {
    /// Its id, which is the `kid` in the header of each token it signed.
    pub id: String,
    /// True if it signs new tokens; the others only verify.
    pub is_signing: bool,
    /// Time when it was made, in milliseconds since 1970, if the gateway made it.
    pub created_ms: Option<i64>,
    /// Time when it stops verifying, in milliseconds since 1970.
    pub verifies_until_ms: Option<i64>,
}

impl Admin<'_> {
    /// The keys that verify tokens. The signing key comes first.
    ///
    /// # Errors
    /// The admin is one of a single project, or the keys cannot be read.
    pub async fn signing_keys(&self) -> Result<Vec<SigningKeyView>, Error> {
        self.require_whole_gateway()?;
        Ok(shown(&self.services.directory.signing_keys().await?))
    }

    /// Makes a new key, which signs from now on. Tokens of the others are good until the grace time is over, at most 366 days,
    /// and sockets that were opened with them are closed then. Returns all keys that verify.
    ///
    /// # Errors
    /// The admin is one of a single project, the grace time is too long, the keys were handed in and are not the gateway's to
    /// change, or they cannot be written.
    pub async fn rotate_signing_key(&self, grace: Duration) -> Result<Vec<SigningKeyView>, Error> {
        self.require_whole_gateway()?;
        let keys = self.services.directory.rotate_signing_key(grace).await?;
        // The keys are in a file of their own, so the event cannot share a transaction with them.
        self.record(action::SIGNING_KEY_ROTATE, &keys.signing().kid, "").store_alone().await?;
        self.services.reconciler.reconcile().await?;
        Ok(shown(&keys))
    }

    /// Refuses an admin of one project or environment: the keys sign the tokens of all of them.
    fn require_whole_gateway(&self) -> Result<(), Error> {
        let Some(maker) = &self.maker else { return Ok(()) };
        let gateway = Resource::Gateway(self.services.directory.default_project());
        Ok(authorize(maker, Action::Administer, gateway)?)
    }
}

fn shown(keys: &LoadedKeys) -> Vec<SigningKeyView> {
    let signing = keys.signing();
    let key = |key: &SigningKey| SigningKeyView {
        id: key.kid.clone(),
        is_signing: key.kid == signing.kid,
        created_ms: Some(key.created_ms).filter(|created_ms| *created_ms > 0),
        verifies_until_ms: key.verifies_until_ms,
    };
    keys.verifying(now_ms()).map(key).collect()
}
