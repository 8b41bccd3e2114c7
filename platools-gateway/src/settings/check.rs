//! Checks that several sections of the settings share. [`refused`] makes the error for a wrong value.

use std::time::Duration;

use axum::http::Uri;

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

/// The error for a value that cannot be used.
pub(super) fn refused(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::NotConfigured, message)
}
