//! [`ConnectionSettings`]: holds the settings that the builders of all clients share. The macro
//! [`connection_setters`](crate::connection_setters) gives a builder the methods that set them.

use std::time::Duration;

use crate::backoff::Reconnect;
use crate::dial::Dialler;
use crate::error::{Error, ErrorKind};
use crate::secret::Secret;
use crate::tls::Tls;
use crate::url::ClientKind;

/// The peer of a client, and the way to connect to it.
#[derive(Debug)]
pub struct ConnectionSettings {
    /// The URL of the platform or gateway.
    pub url: String,
    /// The secret that proves who the client is.
    pub secret: Option<Secret>,
    /// The reconnect policy, as far as the application sets it.
    pub reconnect: Reconnect,
    default_reconnect: Reconnect,
    /// The way in which `wss` is secured.
    pub tls: Tls,
    /// The longest time for opening a connection.
    pub connect_timeout: Duration,
}

impl ConnectionSettings {
    /// Makes settings with their defaults.
    pub fn new(default_reconnect: Reconnect) -> Self {
        Self {
            url: String::new(),
            secret: None,
            reconnect: Reconnect::new(),
            default_reconnect,
            tls: Tls::new(),
            connect_timeout: Duration::from_secs(20),
        }
    }

    /// Returns the reconnect policy, with the defaults of the client.
    pub fn policy(&self) -> Reconnect {
        self.reconnect.clone().or(self.default_reconnect.clone())
    }

    /// Checks the settings and makes the client's dialler.
    ///
    /// # Errors
    /// The URL is missing or malformed, a certificate cannot be used, or a setting is too small.
    pub fn dialler(&self, client: ClientKind) -> Result<Dialler, Error> {
        self.policy().check()?;
        Error::if_zero([("connect_timeout", self.connect_timeout.is_zero())])?;
        Dialler::new(client, &self.url, &self.tls, self.connect_timeout)
    }

    /// Checks the secret and returns it; `remedy` says how to set one.
    ///
    /// # Errors
    /// There is none, or its value cannot be sent.
    pub fn required_secret(&self, remedy: &str) -> Result<Secret, Error> {
        let missing = || Error::new(ErrorKind::InvalidSecret, format!("there is no secret; {remedy}"));
        let secret = self.secret.clone().ok_or_else(missing)?;
        secret.check()?;
        Ok(secret)
    }
}

/// Writes the setters of a builder that has a field `connection` of the type [`ConnectionSettings`]. The documentation of the URL and the
/// secret depends on the client.
#[macro_export]
macro_rules! connection_setters {
    ($(#[$url:meta])* url, $(#[$secret:meta])* secret) => {
        $(#[$url])*
        pub fn url(mut self, url: impl Into<String>) -> Self {
            self.connection.url = url.into();
            self
        }

        $(#[$secret])*
        pub fn secret(mut self, secret: impl Into<$crate::Secret>) -> Self {
            self.connection.secret = Some(secret.into());
            self
        }

        /// Sets the policy for connecting again and giving up. A setting that the policy does not name stays as it is, by default as in the
        /// table of [`Reconnect`].
        pub fn reconnect(mut self, reconnect: $crate::Reconnect) -> Self {
            self.connection.reconnect = reconnect.or(self.connection.reconnect);
            self
        }

        /// Sets how `https` and `wss` are secured. Default: [`Tls::new`].
        pub fn tls(mut self, tls: $crate::Tls) -> Self {
            self.connection.tls = tls;
            self
        }

        /// Sets the longest time for opening a connection, from reading the secret to the upgrade and, for a gateway's client, the answer
        /// to the secret. Default: 20 seconds.
        pub fn connect_timeout(mut self, limit: ::std::time::Duration) -> Self {
            self.connection.connect_timeout = limit;
            self
        }
    };
}
