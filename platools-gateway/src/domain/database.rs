//! [`DataSource`]: names the database of a gateway, a SQLite file or a PostgreSQL database. [`PostgresServer`] has the URL, the password
//! and the limits of a PostgreSQL database.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use secrecy::SecretString;

/// The place of a gateway's database.
#[derive(Debug, Clone)]
pub enum DataSource {
    /// A folder with a SQLite file.
    Folder(PathBuf),
    /// A PostgreSQL database.
    Postgres(PostgresServer),
}

impl DataSource {
    /// The folder, if there is one.
    #[must_use]
    pub fn folder(&self) -> Option<&Path> {
        match self {
            Self::Folder(folder) => Some(folder),
            Self::Postgres(_) => None,
        }
    }
}

impl From<&Path> for DataSource {
    fn from(folder: &Path) -> Self {
        Self::Folder(folder.to_owned())
    }
}

/// A PostgreSQL database, and how to connect to it.
#[derive(Debug, Clone)]
pub struct PostgresServer {
    /// The database, without the password.
    pub url: PostgresUrl,
    /// The user's password.
    pub password: Option<SecretString>,
    /// Connections at the same time.
    pub connections: u32,
    /// The longest time of a statement.
    pub statement_timeout: Duration,
}

impl PostgresServer {
    /// A database with the default settings.
    #[must_use]
    pub fn new(url: PostgresUrl, password: Option<SecretString>) -> Self {
        Self { url, password, connections: 10, statement_timeout: Duration::from_secs(30) }
    }
}

/// A PostgreSQL database that was brought up to this program's version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UpgradedDatabase {
    /// The version it had.
    pub from: i64,
    /// The version it has now.
    pub to: i64,
}

/// The URL of a PostgreSQL database, such as `postgres://gateway@db.example.com/platools`. It has no password.
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresUrl(String);

impl PostgresUrl {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The host and the port, for messages.
    #[must_use]
    pub fn server(&self) -> &str {
        let authority = authority(&self.0).unwrap_or_default();
        authority.rsplit_once('@').map_or(authority, |(_, server)| server)
    }

    /// True if the URL says how to check the server's certificate.
    #[must_use]
    pub fn has_tls_mode(&self) -> bool {
        parameters(&self.0).any(|(name, _)| matches!(name, "sslmode" | "ssl-mode"))
    }

    /// True if the server is on this machine.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        let server =
            parameters(&self.0).find(|(name, _)| *name == "host").map_or_else(|| self.server(), |(_, host)| host);
        let host = match server.strip_prefix('[') {
            Some(address) => address.split(']').next().unwrap_or_default(),
            None => server.split(':').next().unwrap_or_default(),
        };
        let is_socket = host.starts_with('/') || host.starts_with("%2F") || host.starts_with("%2f");
        is_socket || host == "localhost" || host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
    }
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The error of a text that is no [`PostgresUrl`]. It does not repeat the text, which may have a password in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPostgresUrl {
    /// It has another form.
    #[error("a URL such as postgres://gateway@db.example.com/platools")]
    Form,
    /// It has a password, which other users of the machine could read.
    #[error(
        "a URL without a password; put the password into the variable PLATOOLS_GATEWAY_DATABASE_PASSWORD, or into a file and its name into \
         `database.password_file`"
    )]
    Password,
    /// It has a parameter that is not known, or one twice.
    #[error("a URL with these parameters only, each once: {}", PARAMETERS.join(", "))]
    Parameter,
}

/// The parameters that a URL may have.
const PARAMETERS: [&str; 8] = ["host", "port", "dbname", "user", "sslmode", "sslrootcert", "sslcert", "sslkey"];

impl FromStr for PostgresUrl {
    type Err = InvalidPostgresUrl;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let authority = authority(text).ok_or(InvalidPostgresUrl::Form)?;
        if text.contains(|char: char| char.is_whitespace() || char.is_control() || char == '#') {
            return Err(InvalidPostgresUrl::Form);
        }
        // A password with a slash in it ends the authority early, and leaves its `@` behind.
        let has_password = authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'))
            || text.matches('@').count() > usize::from(authority.contains('@'));
        if has_password || parameters(text).any(|(name, _)| name.eq_ignore_ascii_case("password")) {
            return Err(InvalidPostgresUrl::Password);
        }
        let names: Vec<_> = parameters(text).map(|(name, _)| name).collect();
        let is_repeated = names.iter().enumerate().any(|(index, name)| names[..index].contains(name));
        if is_repeated || names.iter().any(|name| !PARAMETERS.contains(name)) {
            return Err(InvalidPostgresUrl::Parameter);
        }
        Ok(Self(text.to_owned()))
    }
}

/// The part of a URL with user, host and port.
fn authority(url: &str) -> Option<&str> {
    let rest = url.strip_prefix("postgres://").or_else(|| url.strip_prefix("postgresql://"))?;
    rest.split(['/', '?']).next()
}

fn parameters(url: &str) -> impl Iterator<Item = (&str, &str)> {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_has_no_password_and_is_not_repeated() {
        for (url, refusal) in [
            ("secret", InvalidPostgresUrl::Form),
            ("mysql://gateway@secret/platools", InvalidPostgresUrl::Form),
            ("postgres://gateway:secret@db.example.com/platools", InvalidPostgresUrl::Password),
            ("postgres://gateway:sec/ret@db.example.com/platools", InvalidPostgresUrl::Password),
            ("postgres://gateway:12?secret@db.example.com/platools", InvalidPostgresUrl::Password),
            ("postgres://db.example.com/platools?password=secret", InvalidPostgresUrl::Password),
            ("postgres://localhost/platools?host=localhost&host=secret", InvalidPostgresUrl::Parameter),
            ("postgres://db.example.com/platools?passwrd=secret", InvalidPostgresUrl::Parameter),
        ] {
            let refused = url.parse::<PostgresUrl>().unwrap_err();
            assert_eq!(refused, refusal, "{url}");
            assert!(!refused.to_string().contains("secret"), "{refused}");
        }
        let url: PostgresUrl = "postgresql://gateway@db.example.com:5433/platools?sslmode=require".parse().unwrap();
        assert_eq!(url.server(), "db.example.com:5433");
        assert!(url.has_tls_mode() && !url.is_loopback());
    }

    #[test]
    fn a_server_on_this_machine_is_told_by_its_address() {
        for (url, expected) in [
            ("postgres://localhost/platools", true),
            ("postgres://gateway@127.0.0.1:5433/platools", true),
            ("postgres://gateway@[::1]:5433/platools", true),
            ("postgres://%2Frun%2Fpostgresql/platools", true),
            ("postgres:///platools?host=/run/postgresql", true),
            ("postgres://localhost.example.com/platools", false),
            ("postgres://localhost/platools?host=db.example.com", false),
        ] {
            assert_eq!(url.parse::<PostgresUrl>().unwrap().is_loopback(), expected, "{url}");
        }
    }
}
