//! [`TrustedProxies`]: the proxies that the settings trust. It finds a client's address in the `X-Forwarded-For` of their requests.

use std::net::{IpAddr, SocketAddr};

use crate::settings::Network;

/// The trusted proxies.
#[derive(Debug)]
pub(super) struct TrustedProxies(Vec<Network>);

impl TrustedProxies {
    pub(super) fn new(networks: &[Network]) -> Self {
        Self(networks.to_vec())
    }

    pub(super) fn include(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address))
    }

    /// The origin of a request that reached the gateway from `peer`, by the addresses that the proxies on its way added, the first one
    /// first. Addresses to the left of an untrusted proxy are not verified, so they are ignored.
    pub(super) fn origin<'a>(&self, peer: IpAddr, said: impl DoubleEndedIterator<Item = &'a [u8]>) -> IpAddr {
        let mut said = said.rev();
        let mut origin = peer;
        while self.include(origin) {
            match said.next().and_then(address) {
                Some(before) => origin = before,
                None => break,
            }
        }
        origin
    }
}

/// An address as proxies write it: some add the port.
fn address(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(text).ok()?.trim();
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(peer: &str, said: &str) -> String {
        let proxies = TrustedProxies::new(&["10.0.0.0/8", "::1"].map(|network| network.parse().unwrap()));
        proxies.origin(peer.parse().unwrap(), said.as_bytes().split(|byte| *byte == b',')).to_string()
    }

    #[test]
    fn only_proxies_are_believed_and_only_up_to_somebody_who_is_none() {
        for (peer, said, expected) in [
            ("192.0.2.1", "198.51.100.7", "192.0.2.1"),
            ("10.0.0.1", "198.51.100.7", "198.51.100.7"),
            ("::1", "198.51.100.7", "198.51.100.7"),
            ("::ffff:10.0.0.1", "198.51.100.7", "198.51.100.7"),
            ("10.0.0.1", "203.0.113.9, 198.51.100.7", "198.51.100.7"),
            ("10.0.0.1", "203.0.113.9, 198.51.100.7, 10.0.0.2", "198.51.100.7"),
            ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
            ("10.0.0.1", "", "10.0.0.1"),
            ("10.0.0.1", "198.51.100.7, unknown", "10.0.0.1"),
        ] {
            assert_eq!(origin(peer, said), expected, "{said} by way of {peer}");
        }
    }

    #[test]
    fn addresses_come_with_ports_and_in_brackets() {
        for (said, expected) in [
            ("198.51.100.7:4711", "198.51.100.7"),
            ("2001:db8::7", "2001:db8::7"),
            ("[2001:db8::7]", "2001:db8::7"),
            ("[2001:db8::7]:4711", "2001:db8::7"),
        ] {
            assert_eq!(origin("10.0.0.1", said), expected);
        }
    }

    #[test]
    fn networks_are_printed_as_they_are_written() {
        for text in ["10.0.0.0/8", "127.0.0.1", "2001:db8::/32", "::1"] {
            assert_eq!(text.parse::<Network>().unwrap().to_string(), text);
        }
        for text in ["", "10.0.0.0/33", "proxy.example"] {
            text.parse::<Network>().unwrap_err();
        }
    }
}
