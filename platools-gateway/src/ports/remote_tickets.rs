//! [`RemoteTickets`]: the port that redeems tickets of agents at the other gateways that issued them.

use async_trait::async_trait;

use crate::domain::identity::Caller;
use crate::domain::ids::GatewayNumber;

/// Tickets of agents that other gateways of an installation issued.
#[async_trait]
pub(crate) trait RemoteTickets: std::fmt::Debug + Send + Sync {
    /// Redeems a ticket, given by its hash, at the gateway that issued it. `None` if the ticket is not valid there, or the gateway does not
    /// respond.
    async fn take_ticket(&self, gateway: GatewayNumber, hash: &str) -> Option<Caller>;
}
