//! [`PrivateKey`]: keeps a signing key for the application. The client neither uses nor sends the key.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

use platools_transport::{Error, ErrorKind};

/// A private key, as text in any format.
///
/// The client keeps it for the application and neither uses nor sends it. `Debug` never shows it, and its memory is overwritten when
/// the last clone is dropped.
///
/// ```
/// use platools_client::PrivateKey;
///
/// let key = PrivateKey::from("0x4c08...");
/// assert_eq!(key.expose_secret(), "0x4c08...");
/// assert_eq!(format!("{key:?}"), "PrivateKey");
/// ```
#[derive(Clone)]
pub struct PrivateKey(SecretString);

impl PrivateKey {
    /// The key itself, for a signature.
    #[must_use]
    pub fn expose_secret(&self) -> &str {
        self.0.expose_secret()
    }

    /// Refuses a key without content.
    pub(super) fn check(&self) -> Result<(), Error> {
        if self.expose_secret().trim().is_empty() {
            let message = "the private key is empty; give `private_key(..)` a key, or leave it out";
            return Err(Error::new(ErrorKind::InvalidSecret, message));
        }
        Ok(())
    }
}

impl From<&str> for PrivateKey {
    fn from(key: &str) -> Self {
        Self(key.into())
    }
}

impl From<String> for PrivateKey {
    fn from(key: String) -> Self {
        Self(key.into())
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey")
    }
}
