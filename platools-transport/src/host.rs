//! [`HostPort`]: reads a host with an optional port, as in a `Host` header.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

/// Host and optional port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPort {
    host: HostName,
    port: Option<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum HostName {
    Address(IpAddr),
    /// In lower case, without the dot at its end.
    Dns(String),
}

impl HostPort {
    /// Reads `name`, `address` or `[address]`, each with or without `:port`. User names, paths and wildcards are no part of a host.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (host, port) = split_port(text)?;
        let host = match host.strip_prefix('[') {
            Some(address) => HostName::Address(address.strip_suffix(']')?.parse::<Ipv6Addr>().ok()?.to_canonical()),
            None => HostName::parse(host)?,
        };
        Some(Self { host, port })
    }

    /// Sets this port, unless the host has one.
    #[must_use]
    pub fn or_port(self, port: u16) -> Self {
        Self { port: self.port.or(Some(port)), ..self }
    }

    /// Removes the port if it is this one.
    #[must_use]
    pub fn without_port(self, port: u16) -> Self {
        Self { port: self.port.filter(|own| *own != port), ..self }
    }

    /// The port, if there is one.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// Removes the port, so that every port matches.
    #[must_use]
    pub fn at_any_port(self) -> Self {
        Self { port: None, ..self }
    }

    /// True if this entry of a list stands for `other`: the same host, and the same port if the entry has one.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self.host == other.host && (self.port.is_none() || self.port == other.port)
    }

    /// True for the names and addresses that a machine has for itself.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        match &self.host {
            HostName::Address(address) => address.is_loopback(),
            HostName::Dns(name) => name == "localhost" || name.ends_with(".localhost"),
        }
    }

    /// True for an IP address. No DNS server decides where it leads.
    #[must_use]
    pub fn is_address(&self) -> bool {
        matches!(self.host, HostName::Address(_))
    }
}

impl HostName {
    fn parse(text: &str) -> Option<Self> {
        if let Ok(address) = text.parse::<IpAddr>() {
            // An address of IPv6 has brackets, which tell its colons from the one before the port.
            return address.is_ipv4().then_some(Self::Address(address));
        }
        let name = text.strip_suffix('.').unwrap_or(text);
        let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
        is_name.then(|| Self::Dns(name.to_ascii_lowercase()))
    }
}

/// Splits the port off. An empty port counts as none, as RFC 3986 has it.
fn split_port(text: &str) -> Option<(&str, Option<u16>)> {
    match text.rsplit_once(':') {
        Some((host, "")) => Some((host, None)),
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => Some((host, Some(port.parse().ok()?))),
        // The last colon is one of an address in brackets.
        Some(_) if text.ends_with(']') => Some((text, None)),
        Some(_) => None,
        None => Some((text, None)),
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            HostName::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
            HostName::Address(address) => write!(f, "{address}"),
            HostName::Dns(name) => f.write_str(name),
        }?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(text: &str) -> HostPort {
        HostPort::parse(text).unwrap_or_else(|| panic!("{text}"))
    }

    #[test]
    fn a_host_is_written_as_it_was_read_in_lower_case() {
        for (text, written) in [
            ("Gateway.Example.com", "gateway.example.com"),
            ("gateway.example.com.:8443", "gateway.example.com:8443"),
            ("localhost:", "localhost"),
            ("127.0.0.1:3100", "127.0.0.1:3100"),
            ("[::1]:9", "[::1]:9"),
            ("[FE80::1]", "[fe80::1]"),
            ("[::ffff:127.0.0.1]:80", "127.0.0.1:80"),
        ] {
            assert_eq!(host(text).to_string(), written, "{text}");
        }
    }

    #[test]
    fn text_that_is_no_host_is_refused() {
        for text in [
            "",
            ":80",
            ".",
            "a b",
            "a/b",
            "user@a",
            "user:pass@a",
            "a\"",
            "a,b",
            "*.a",
            "a:b",
            "a:1:2",
            "a:99999",
            "a:+1",
            "::1",
            "[::1",
            "[::1]a",
            "[a]",
            "[127.0.0.1]",
            "ä",
        ] {
            assert_eq!(HostPort::parse(text), None, "{text}");
        }
    }

    #[test]
    fn loopback_names_are_those_of_this_machine_only() {
        for text in ["localhost", "LOCALHOST.:1", "app.localhost:5173", "127.0.0.1", "127.8.8.8:80", "[::1]"] {
            assert!(host(text).is_loopback(), "{text}");
        }
        for text in
            ["localhost.example.com", "notlocalhost", "127.0.0.1.example.com", "0.0.0.0", "127.1", "[::]", "10.0.0.1"]
        {
            assert!(!host(text).is_loopback(), "{text}");
        }
    }

    #[test]
    fn an_entry_without_a_port_stands_for_every_port() {
        assert!(host("a.example").covers(&host("A.example:8443")));
        assert!(host("a.example:8443").covers(&host("a.example:8443")));
        for other in ["a.example", "a.example:80", "b.a.example:8443"] {
            assert!(!host("a.example:8443").covers(&host(other)), "{other}");
        }
    }
}
