//! Functions of [`HttpSettings`] that check and read the host names and the origins of web pages.

use platools_transport::{HostPort, PageOrigin};

use crate::domain::error::{Error, ErrorKind};
use crate::settings::HttpSettings;

impl HttpSettings {
    /// Checks that every name and every origin can be read.
    ///
    /// # Errors
    /// A name or an origin cannot be read. The error has it.
    pub fn check(&self) -> Result<(), Error> {
        self.hosts().and_then(|_| self.origins()).map(drop)
    }

    pub(super) fn hosts(&self) -> Result<Vec<HostPort>, Error> {
        self.names.iter().map(|name| HostPort::parse(name).ok_or_else(|| not_a_name(name))).collect()
    }

    pub(super) fn origins(&self) -> Result<Vec<PageOrigin>, Error> {
        self.allowed_origins.iter().map(|text| read_origin(text).ok_or_else(|| not_an_origin(text))).collect()
    }
}

/// Reads an origin as people write it: a slash at the end does not matter.
pub(super) fn read_origin(text: &str) -> Option<PageOrigin> {
    PageOrigin::parse(text.strip_suffix('/').unwrap_or(text))
}

fn not_a_name(text: &str) -> Error {
    let expected = "it takes names such as gateway.example.com or gateway.example.com:8443";
    Error::new(ErrorKind::Listen, format!("`http.names` has {text:?}; {expected}"))
}

fn not_an_origin(text: &str) -> Error {
    let expected = "it takes a scheme and a host, such as https://app.example.com, or `null` for files";
    Error::new(ErrorKind::Listen, format!("`http.allowed_origins` has {text:?}; {expected}"))
}
