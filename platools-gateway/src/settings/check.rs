//! Checks that several sections of the settings share. [`refused`] makes the error for a wrong value, and [`SecretNames`] reads a secret
//! from the environment or from a file.

use std::path::Path;
use std::time::Duration;

use axum::http::Uri;
use secrecy::{ExposeSecret as _, SecretString};

use crate::domain::error::{Error, ErrorKind};

/// Checks that a client that answers pings has more time than from one ping to the next.
pub(super) fn check_deadline(section: &str, deadline: Duration, interval: Duration) -> Result<(), Error> {
    let shown = humantime::format_duration;
    if deadline > interval {
        return Ok(());
    }
    Err(refused(format!(
        "`{section}.read_deadline` is {} and `{section}.ping_interval` {}; a client that answers pings needs more time than \
         from one ping to the next",
        shown(deadline),
        shown(interval)
    )))
}

/// Reads the URL of an HTTP endpoint. It has no password and no query, which may be secret, and no fragment. The errors do not repeat the URL,
/// and name the variable for credentials.
pub(crate) fn http_url(setting: &str, url: &str, example: &str, variable: &str) -> Result<Uri, Error> {
    let invalid = || refused(format!("`{setting}` is not an HTTP URL; it takes one such as \"{example}\""));
    let parsed: Uri = url.parse().map_err(|_| invalid())?;
    if !matches!(parsed.scheme_str(), Some("http" | "https")) || url.contains('#') {
        return Err(invalid());
    }
    let has_user = parsed.authority().is_some_and(|authority| authority.as_str().contains('@'));
    if has_user || parsed.query().is_some() {
        return Err(refused(format!("`{setting}` takes no password and no query; put credentials into {variable}")));
    }
    Ok(parsed)
}

/// The names of a secret that the environment or a file may have.
#[derive(Debug, Clone, Copy)]
pub(super) struct SecretNames {
    pub(super) variable: &'static str,
    /// The setting that names the file.
    pub(super) file: &'static str,
}

impl SecretNames {
    /// The secret: that of the environment, or the first line of the file.
    ///
    /// # Errors
    /// Both are set, the file cannot be read, or its first line is empty.
    pub(super) fn read(
        self,
        secret: Option<&SecretString>,
        file: Option<&Path>,
    ) -> Result<Option<SecretString>, Error> {
        self.check(secret, file)?;
        let Some(file) = file else { return Ok(secret.cloned()) };
        let text = read_secret(self.file, file)?;
        let line = text.expose_secret().lines().next().unwrap_or_default();
        if line.is_empty() {
            let message =
                format!("`{}` {} has nothing on its first line; put the secret there", self.file, file.display());
            return Err(refused(message));
        }
        Ok(Some(SecretString::from(line)))
    }

    /// Checks that the secret is in one place only.
    pub(super) fn check(self, secret: Option<&SecretString>, file: Option<&Path>) -> Result<(), Error> {
        if secret.is_some() && file.is_some() {
            return Err(refused(format!("both {} and `{}` are set; remove one of the two", self.variable, self.file)));
        }
        Ok(())
    }
}

/// The text of a file with a secret.
pub(super) fn read_secret(setting: &str, file: &Path) -> Result<SecretString, Error> {
    let text = std::fs::read_to_string(file);
    text.map(SecretString::from)
        .map_err(|error| refused(format!("`{setting}` {} cannot be read", file.display())).caused_by(error))
}

/// The error for a value that cannot be used.
pub(super) fn refused(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::NotConfigured, message)
}
