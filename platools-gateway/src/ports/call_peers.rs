//! [`CallPeers`]: the port through which calls reach the other gateways of an installation.

use std::time::Duration;

use async_trait::async_trait;

use crate::domain::idempotency::KeyedCallStatus;
use crate::domain::ids::GatewayNumber;

/// The other gateways of an installation, as calls need them.
#[async_trait]
pub(crate) trait CallPeers: std::fmt::Debug + Send + Sync {
    /// Asks a gateway for the answer of a call under an idempotency key. The gateway waits for the answer up to `limit`. `None` if it does
    /// not respond.
    async fn keyed_call(&self, gateway: GatewayNumber, id: &str, limit: Duration) -> Option<KeyedCallStatus>;
}
