//! [`DatabaseSettings`]: the PostgreSQL database that a gateway uses in place of a file in its data folder.

use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::SecretString;

use super::check::{SecretNames, refused};
use super::section::section;
use super::value::seconds;
use crate::domain::database::{PostgresServer, PostgresUrl};
use crate::domain::error::Error;

section! {
    /// A PostgreSQL database in place of the data folder. See [PostgreSQL](postgres.md).
    pub struct DatabaseSettings: "database" titled "PostgreSQL" {
        /// PostgreSQL database of the gateway, in place of the data folder.
        ///
        /// The URL has no password. Its parameters may be `host`, `port`, `dbname`, `user`, `sslmode`, `sslrootcert`, `sslcert` and `sslkey`.
        /// Without `sslmode`, the certificate of a server on another machine is verified with its name (`verify-full`).
        pub url: Option<String> = None, with_flag("database"), shaped("URL"), example("postgres://platools@db.example.com/platools"), common();
        /// Password of the database's user.
        pub password: Option<SecretString> = None;
        /// File with the password of the database's user.
        pub password_file: Option<PathBuf> = None, example("/etc/platools/database-password");
        /// Connections to the database at the same time, of this gateway.
        pub connections: u32 = 10, at_least("4");
        /// Longest time of a statement.
        pub statement_timeout: Duration = seconds(30), at_least("1s");
    }
}

impl DatabaseSettings {
    /// The database, if there is one, with the password from its file.
    ///
    /// # Errors
    /// The URL is malformed, there are two passwords, or their file cannot be read.
    pub fn server(&self) -> Result<Option<PostgresServer>, Error> {
        let Some(url) = self.parsed()? else { return Ok(None) };
        let password = PASSWORD.read(self.password.as_ref(), self.password_file.as_deref())?;
        let Self { connections, statement_timeout, .. } = *self;
        Ok(Some(PostgresServer { url, password, connections, statement_timeout }))
    }

    /// Checks the settings, with the data folder if there is one.
    pub(super) fn check(&self, data: Option<&Path>) -> Result<(), Error> {
        if self.parsed()?.is_some() && data.is_some() {
            let message = "`data` and `database.url` are both set; remove one of the two";
            return Err(refused(message));
        }
        PASSWORD.check(self.password.as_ref(), self.password_file.as_deref())
    }

    /// The URL. An error does not repeat it: there may be a password in it.
    fn parsed(&self) -> Result<Option<PostgresUrl>, Error> {
        let parse = |url: &String| url.parse().map_err(|invalid| refused(format!("`database.url` takes {invalid}")));
        self.url.as_ref().map(parse).transpose()
    }
}

const PASSWORD: SecretNames =
    SecretNames { variable: "PLATOOLS_GATEWAY_DATABASE_PASSWORD", file: "database.password_file" };

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    fn settings(url: &str) -> DatabaseSettings {
        DatabaseSettings { url: Some(url.to_owned()), ..DatabaseSettings::default() }
    }

    #[test]
    fn a_password_in_the_url_is_refused_and_not_repeated() {
        let refused = settings("postgres://gateway:hush@db.example.com/platools").check(None).unwrap_err();
        let refused = format!("{refused} {refused:?}");
        assert!(refused.contains("PLATOOLS_GATEWAY_DATABASE_PASSWORD") && !refused.contains("hush"), "{refused}");
    }

    #[test]
    fn a_folder_and_a_database_at_once_are_refused() {
        let database = settings("postgres://gateway@db.example.com/platools");
        database.check(None).unwrap();
        let refused = database.check(Some(Path::new("/data"))).unwrap_err().to_string();
        assert!(refused.contains("remove one of the two"), "{refused}");
    }

    #[test]
    fn the_password_is_the_first_line_of_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("password");
        let settings =
            DatabaseSettings { password_file: Some(file.clone()), ..settings("postgres://gateway@localhost/platools") };
        assert!(settings.server().unwrap_err().to_string().contains("cannot be read"));
        std::fs::write(&file, "hush\n").unwrap();
        let server = settings.server().unwrap().unwrap();
        assert_eq!(server.password.as_ref().unwrap().expose_secret(), "hush");
        assert!(!format!("{server:?}").contains("hush"));
        let both = DatabaseSettings { password: Some("hush".into()), ..settings };
        assert!(both.check(None).unwrap_err().to_string().contains("remove one of the two"));
        assert!(both.server().unwrap_err().to_string().contains("remove one of the two"));
    }
}
