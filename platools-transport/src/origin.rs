//! [`PageOrigin`]: reads the origin of a web page, as in an `Origin` header.

use std::fmt;

use crate::host::HostPort;

/// Origin of a web page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PageOrigin {
    /// `null`, which browsers send for files and for sandboxed frames.
    Null,
    /// Scheme and host. The port of `http` and `https` is always there.
    Host {
        /// In lower case, such as `https`.
        scheme: String,
        /// Host and port.
        host: HostPort,
    },
}

impl PageOrigin {
    /// Reads `null` or `scheme://host` with or without `:port`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text == "null" {
            return Some(Self::Null);
        }
        let (scheme, host) = text.split_once("://")?;
        let is_scheme = scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
        if !is_scheme || !scheme.starts_with(|first: char| first.is_ascii_alphabetic()) {
            return None;
        }
        let (scheme, host) = (scheme.to_ascii_lowercase(), HostPort::parse(host)?);
        let host = default_port(&scheme).into_iter().fold(host, HostPort::or_port);
        Some(Self::Host { scheme, host })
    }

    /// True if this entry of a list stands for `other`: the same scheme, and a host that the entry's host stands for.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Host { scheme, host }, Self::Host { scheme: other_scheme, host: other }) => {
                scheme == other_scheme && host.covers(other)
            }
            _ => false,
        }
    }

    /// True for a page of a web server on the machine of the browser.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        matches!(self, Self::Host { scheme, host } if default_port(scheme).is_some() && host.is_loopback())
    }

    /// True for a page of the server that a request for `requested` reaches: same host, same port. With `is_tls` the page came over TLS as
    /// well. Without it both schemes count, since a proxy may have taken TLS off.
    #[must_use]
    pub fn is_served_by(&self, requested: &HostPort, is_tls: bool) -> bool {
        let Self::Host { scheme, host } = self else { return false };
        let scheme_fits = scheme == "https" || (scheme == "http" && !is_tls);
        let port = default_port(scheme);
        scheme_fits && port.is_some_and(|port| requested.clone().or_port(port) == *host)
    }
}

fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    }
}

impl fmt::Display for PageOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Host { scheme, host } => {
                let host = default_port(scheme).map_or_else(|| host.clone(), |port| host.clone().without_port(port));
                write!(f, "{scheme}://{host}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(text: &str) -> PageOrigin {
        PageOrigin::parse(text).unwrap_or_else(|| panic!("{text}"))
    }

    #[test]
    fn an_origin_has_the_port_of_its_scheme() {
        assert_eq!(origin("https://app.example.com"), origin("https://APP.example.com:443"));
        assert_eq!(origin("http://app.example.com"), origin("http://app.example.com:80"));
        assert_ne!(origin("http://app.example.com"), origin("https://app.example.com"));
        assert_ne!(origin("https://app.example.com"), origin("https://app.example.com:8443"));
        for text in ["https://app.example.com", "http://app.example.com:443", "tauri://localhost"] {
            assert_eq!(origin(text).to_string(), text, "a browser leaves the port of the scheme out");
        }
    }

    #[test]
    fn text_that_is_no_origin_is_refused() {
        for text in [
            "",
            "app.example.com",
            "https://",
            "https://a/b",
            "https://a/",
            "https://u:p@a",
            "://a",
            "1a://a",
            "https://*.a",
            "NULL",
        ] {
            assert_eq!(PageOrigin::parse(text), None, "{text}");
        }
    }

    #[test]
    fn only_pages_of_a_web_server_here_are_of_loopback() {
        for text in ["http://localhost:5173", "https://127.0.0.1", "http://[::1]:8080", "http://app.localhost"] {
            assert!(origin(text).is_loopback(), "{text}");
        }
        for text in ["null", "tauri://localhost", "https://example.com", "http://localhost.example.com"] {
            assert!(!origin(text).is_loopback(), "{text}");
        }
    }

    #[test]
    fn a_page_is_of_the_host_that_is_asked_for_if_host_and_port_are_the_same() {
        let is_served_by =
            |page, requested, is_tls| origin(page).is_served_by(&HostPort::parse(requested).expect("a host"), is_tls);
        assert!(is_served_by("http://a.example:3100", "a.example:3100", false));
        assert!(is_served_by("https://a.example", "a.example", false), "a proxy took TLS off");
        assert!(is_served_by("https://a.example", "a.example:443", true));
        assert!(!is_served_by("http://a.example", "a.example", true), "the gateway serves nothing without TLS");
        assert!(!is_served_by("http://a.example:8080", "a.example:3100", false));
        assert!(!is_served_by("http://a.example:3100", "b.example:3100", false));
        assert!(!is_served_by("tauri://a.example", "a.example", false));
        assert!(!is_served_by("null", "a.example", false));
    }
}
