//! [`NatsSettings`]: sets the servers, credentials and TLS of a connection to NATS, and checks their form.

use std::fmt;
use std::path::PathBuf;

use secrecy::SecretString;

/// The servers to connect to, and how.
#[derive(Clone, Debug)]
pub struct NatsSettings {
    /// The addresses of the servers, such as `nats://10.0.0.5:4222` or `tls://nats.example.com`. One that answers is enough: it names the
    /// others of its cluster.
    pub servers: Vec<String>,
    /// The name of the installation: gateways with the same name exchange messages. One word, as in a [`Subject`](crate::Subject). Default:
    /// `platools`.
    pub installation: String,
    /// The name of this gateway at the server. Default: empty.
    pub name: String,
    /// The proof of who this gateway is. Default: none.
    pub credentials: NatsCredentials,
    /// A file of certificates in PEM that the server's certificate is checked against. Default: those of the operating system.
    pub certificate_authority: Option<PathBuf>,
    /// Files in PEM of this gateway's own certificate and its key. Default: none.
    pub client_certificate: Option<(PathBuf, PathBuf)>,
}

/// The proof of who a gateway is.
#[derive(Clone, Debug, Default)]
pub enum NatsCredentials {
    /// None: the server lets everybody in, or checks the certificate.
    #[default]
    None,
    /// A user and a password.
    Password {
        /// The name of the user.
        user: String,
        /// The password.
        password: SecretString,
    },
    /// A token.
    Token(SecretString),
    /// The text of a credentials file, as `nsc` writes it.
    File(SecretString),
}

impl Default for NatsSettings {
    fn default() -> Self {
        Self {
            servers: Vec::new(),
            installation: "platools".to_owned(),
            name: String::new(),
            credentials: NatsCredentials::None,
            certificate_authority: None,
            client_certificate: None,
        }
    }
}

impl NatsSettings {
    /// Checks the servers and the name of the installation, without connecting.
    ///
    /// # Errors
    /// No server is named, or an address or the name is malformed.
    pub fn check(&self) -> Result<(), NatsError> {
        if self.servers.is_empty() {
            return Err(NatsError::new("no NATS server is named; name one, such as nats://127.0.0.1:4222"));
        }
        if self.installation.contains('.') || crate::Subject::new(&self.installation).is_err() {
            let name = &self.installation;
            return Err(NatsError::new(format!(
                "{name:?} is no name of an installation; use letters, digits, `-` and `_`"
            )));
        }
        self.servers.iter().try_for_each(|server| check_server(server))
    }
}

/// The reason why there is no connection to NATS, and what to do.
#[derive(Debug)]
pub struct NatsError {
    message: String,
}

impl NatsError {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }
}

impl fmt::Display for NatsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for NatsError {}

/// An address may not have a secret: it is shown in errors and in the log.
fn check_server(server: &str) -> Result<(), NatsError> {
    let Some(address) = server.strip_prefix("nats://").or_else(|| server.strip_prefix("tls://")) else {
        // It may begin with a secret.
        return Err(NatsError::new("the address of a NATS server begins with nats:// or tls://"));
    };
    if address.contains('@') {
        return Err(NatsError::new(
            "the address of a NATS server has a user or a token in it; give them as credentials instead, so that no log shows them",
        ));
    }
    if address.is_empty() || address.contains(['/', '?', '#', ' ']) {
        return Err(NatsError::new(format!("{server:?} is no address of a NATS server; use nats://host:port")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(server: &str) -> String {
        NatsSettings { servers: vec![server.to_owned()], ..NatsSettings::default() }.check().unwrap_err().to_string()
    }

    #[test]
    fn addresses_have_a_scheme_and_no_secret() {
        for server in ["nats://10.0.0.5:4222", "tls://nats.example.com", "nats://[::1]:4222"] {
            let settings = NatsSettings { servers: vec![server.to_owned()], ..NatsSettings::default() };
            settings.check().unwrap();
        }
        for server in ["nats://user:hidden@host", "tls://hidden@host", "hidden@host", "http://hidden"] {
            let error = error(server);
            assert!(!error.contains("hidden"), "{error}");
        }
        for server in ["nats://", "nats://host/path", "nats://a b"] {
            assert!(error(server).contains("use nats://host:port"), "{server}");
        }
        assert!(NatsSettings::default().check().unwrap_err().to_string().contains("name one"));
    }

    #[test]
    fn the_name_of_an_installation_is_one_word() {
        for name in ["", "a.b", "a b", ">"] {
            let servers = vec!["nats://host".to_owned()];
            let settings = NatsSettings { servers, installation: name.to_owned(), ..NatsSettings::default() };
            assert!(settings.check().unwrap_err().to_string().contains("is no name of an installation"));
        }
    }

    #[test]
    fn secrets_are_not_shown() {
        let credentials = [
            NatsCredentials::Password { user: "gateway".to_owned(), password: "hidden".into() },
            NatsCredentials::Token("hidden".into()),
            NatsCredentials::File("hidden".into()),
        ];
        for credentials in credentials {
            let settings = NatsSettings { credentials, ..NatsSettings::default() };
            assert!(!format!("{settings:?}").contains("hidden"));
        }
    }
}
