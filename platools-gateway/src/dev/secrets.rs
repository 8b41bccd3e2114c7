//! [`DevSecrets`]: the secrets of a gateway for development. They are random, or for tests the same known ones every time.

use secrecy::SecretString;

use crate::authority::secret::{self, SecretKind};

/// Secret of workers that everybody knows; see [`DevSecrets::known`].
pub const SECRET: &str = "platools-dev-secret";
/// Key of an admin that everybody knows; see [`DevSecrets::known`].
pub const ADMIN_KEY: &str = "platools-dev-admin";
/// Key of [`AGENT`](super::AGENT) that everybody knows; see [`DevSecrets::known`].
pub const AGENT_KEY: &str = "platools-dev-agent";

/// Secrets of a development gateway. By default they are random, so that only programs that were told them can use it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DevSecrets {
    /// Secret that workers connect with as [`ENTITY`](super::ENTITY).
    pub worker: SecretString,
    /// Key of a caller that may do everything.
    pub admin: SecretString,
    /// Key of the agent [`AGENT`](super::AGENT).
    pub agent: SecretString,
}

impl DevSecrets {
    /// New secrets of 256 bits each.
    #[must_use]
    pub fn random() -> Self {
        let key = || secret::generate(SecretKind::Caller);
        Self { worker: secret::generate(SecretKind::Worker), admin: key(), agent: key() }
    }

    /// The same secrets every time: [`SECRET`], [`ADMIN_KEY`] and [`AGENT_KEY`]. They are for tests, since every program on the machine
    /// knows them, and every web page that one of them serves.
    #[must_use]
    pub fn known() -> Self {
        let secret = |text: &str| text.to_owned().into();
        Self { worker: secret(SECRET), admin: secret(ADMIN_KEY), agent: secret(AGENT_KEY) }
    }
}

impl Default for DevSecrets {
    fn default() -> Self {
        Self::random()
    }
}
