//! Where requests come from.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::http::HeaderMap;

use crate::core::limits::Limiter;

/// The peer of a connection, which may be a proxy.
pub(super) struct Origin {
    peer: SocketAddr,
    limiter: Arc<Limiter>,
}

impl Origin {
    pub(super) fn new(peer: SocketAddr, limiter: Arc<Limiter>) -> Self {
        Self { peer, limiter }
    }

    /// Where a request came from: the peer, unless that is a proxy which is believed. Ports of others are not known.
    pub(super) fn of(&self, headers: &HeaderMap) -> SocketAddr {
        let said: Vec<_> = headers
            .get_all("x-forwarded-for")
            .iter()
            .map(|value| value.to_str().unwrap_or_default())
            .flat_map(|value| value.split(','))
            .collect();
        let ip = self.limiter.origin(self.peer.ip(), said.into_iter());
        if ip == self.peer.ip() { self.peer } else { SocketAddr::new(ip, 0) }
    }
}
