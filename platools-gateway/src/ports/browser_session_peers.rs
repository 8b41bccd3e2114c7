//! [`BrowserSessionPeers`]: the port through which the sessions of browsers are found at the gateway that opened them.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::domain::identity::Caller;
use crate::domain::ids::GatewayNumber;

/// The other gateways of an installation, as the sessions of browsers need them.
#[async_trait]
pub(crate) trait BrowserSessionPeers: std::fmt::Debug + Send + Sync {
    /// Finds a session, given by its hash, at the gateway that opened it. `None` if it has ended, or the gateway does not respond.
    async fn find_session(&self, gateway: GatewayNumber, hash: &str, usage: SessionUsage) -> Option<FoundSession>;

    /// Ends a session at the gateway that opened it. Returns false if the gateway does not respond.
    async fn close_session(&self, gateway: GatewayNumber, hash: &str) -> bool;
}

/// The reason to look for a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SessionUsage {
    /// A request, after which the session's time without one begins again.
    Request,
    /// A socket that is open.
    Socket,
}

/// A session at the gateway that opened it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct FoundSession {
    pub(crate) caller: Caller,
    pub(crate) expires_ms: i64,
}
