//! [`ClientAddresses`]: the address of the client of each request. It is the peer of the connection, or the client that a trusted proxy
//! names in `X-Forwarded-For`.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::http::HeaderMap;

use crate::domain::error::Error;
use crate::limits::{ConcurrencyPermit, Limiter};

/// Finds the addresses of the clients of one connection. Its peer may be a proxy.
pub(super) struct ClientAddresses {
    peer: SocketAddr,
    limiter: Arc<Limiter>,
}

impl ClientAddresses {
    pub(super) fn new(peer: SocketAddr, limiter: Arc<Limiter>) -> Self {
        Self { peer, limiter }
    }

    /// The address of the client that sent a request: the peer, unless it is a trusted proxy. Ports of clients behind a proxy are not known.
    pub(super) fn client_address(&self, headers: &HeaderMap) -> SocketAddr {
        // Bytes, not text: what a client adds on the left must not hide the addresses that proxies add on the right.
        let said: Vec<_> = headers
            .get_all("x-forwarded-for")
            .iter()
            .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
            .collect();
        let ip = self.limiter.origin(self.peer.ip(), said.into_iter());
        if ip == self.peer.ip() { self.peer } else { SocketAddr::new(ip, 0) }
    }

    pub(super) fn limiter(&self) -> &Arc<Limiter> {
        &self.limiter
    }

    /// Takes a place for a request among the connections of its client, if a trusted proxy names the client.
    ///
    /// # Errors
    /// The client has too many connections.
    pub(super) fn admit(&self, client: SocketAddr) -> Result<Option<ConcurrencyPermit<IpAddr>>, Error> {
        self.limiter.admit_forwarded(self.peer.ip(), client.ip())
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;
    use crate::limits::Limits;

    #[test]
    fn bytes_that_are_no_text_hide_nothing_behind_them() {
        let limits = Limits { trusted_proxies: vec!["10.0.0.1".parse().unwrap()], ..Limits::default() };
        let addresses = ClientAddresses::new("10.0.0.1:80".parse().unwrap(), Arc::new(Limiter::new(&limits)));
        let from = |lines: &[&[u8]]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append("x-forwarded-for", HeaderValue::from_bytes(line).unwrap());
            }
            addresses.client_address(&headers).ip().to_string()
        };
        for lines in [
            &[&b"198.51.100.7"[..]][..],
            &[b"\xff, 198.51.100.7"],
            &[b"\xff\xfe,,\x80,198.51.100.7"],
            &[b"\xff", b"198.51.100.7"],
        ] {
            assert_eq!(from(lines), "198.51.100.7", "{lines:?}");
        }
        assert_eq!(from(&[b"198.51.100.7, \xff"]), "10.0.0.1", "the proxy itself names nobody");
    }
}
