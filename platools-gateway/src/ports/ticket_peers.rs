//! [`TicketPeers`]: the port through which tickets of agents are redeemed at the gateway that issued them.

use async_trait::async_trait;

use crate::domain::identity::Caller;
use crate::domain::ids::GatewayNumber;

/// The other gateways of an installation, as sessions of agents need them.
#[async_trait]
pub(crate) trait TicketPeers: std::fmt::Debug + Send + Sync {
    /// Redeems a ticket, given by its hash, at the gateway that issued it. `None` if the ticket is not valid there, or the gateway does not
    /// respond.
    async fn take_ticket(&self, gateway: GatewayNumber, hash: &str) -> Option<Caller>;
}
