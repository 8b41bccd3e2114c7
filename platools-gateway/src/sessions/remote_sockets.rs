//! [`RemoteSockets`]: the sockets of agents at the other gateways of an installation.

use std::collections::{BTreeMap, HashMap};

use crate::domain::ids::{AgentId, GatewayNumber};
use crate::ports::session_fan_out::AgentSockets;

/// For each agent, the times when its sockets at each other gateway were last heard from, as far as that is known here.
#[derive(Debug, Default)]
pub(super) struct RemoteSockets(HashMap<AgentId, BTreeMap<u16, Vec<i64>>>);

impl RemoteSockets {
    /// Notes the sockets of an agent at a gateway, in the place of those that were known.
    pub(super) fn note(&mut self, gateway: GatewayNumber, sockets: AgentSockets) {
        let AgentSockets { agent, heard_ms, .. } = sockets;
        if !heard_ms.is_empty() {
            self.0.entry(agent).or_default().insert(gateway.get(), heard_ms);
        } else if let Some(gateways) = self.0.get_mut(&agent) {
            gateways.remove(&gateway.get());
            if gateways.is_empty() {
                self.0.remove(&agent);
            }
        }
    }

    /// Forgets the sockets at a gateway.
    pub(super) fn forget(&mut self, gateway: GatewayNumber) {
        self.0.retain(|_, gateways| {
            gateways.remove(&gateway.get());
            !gateways.is_empty()
        });
    }

    /// True if an agent has a socket.
    pub(super) fn has(&self, agent: &AgentId) -> bool {
        self.0.contains_key(agent)
    }

    /// The number of an agent's sockets.
    pub(super) fn count(&self, agent: &AgentId) -> usize {
        self.gateways(agent).map(|(_, count)| count).sum()
    }

    /// The gateways with sockets of an agent, and the number of sockets at each.
    pub(super) fn gateways(&self, agent: &AgentId) -> impl Iterator<Item = (GatewayNumber, usize)> {
        let gateways = self.0.get(agent).into_iter().flatten();
        gateways.filter_map(|(number, heard)| Some((GatewayNumber::new(*number)?, heard.len())))
    }

    /// The gateway with the socket that was heard from least recently, and when that was.
    pub(super) fn oldest(&self, agent: &AgentId) -> Option<(GatewayNumber, i64)> {
        let sockets = self.0.get(agent)?.iter().flat_map(|(number, heard)| heard.iter().map(move |ms| (*ms, *number)));
        let (heard_ms, number) = sockets.min()?;
        Some((GatewayNumber::new(number)?, heard_ms))
    }
}
