//! [`RemoteDashboards`]: the dashboards at the other gateways of an installation. [`Audience`] is the dashboards of some agents, at whichever
//! gateway they are.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::subscription::Subscription;
use crate::authority::{Action, Resource, authorize};
use crate::domain::generation::{Generation, GenerationClock};
use crate::domain::ids::{AgentId, GatewayNumber};
use crate::ports::feed_fan_out::{CallOwner, FeedFanOut, MessageToDashboards, WatchedAgent};

/// The other gateways, and the clock that puts all dashboards of an agent in order.
#[derive(Debug, Clone)]
pub(super) struct SharedFeed {
    pub(super) fan_out: Arc<dyn FeedFanOut>,
    pub(super) clock: Arc<GenerationClock>,
}

/// The gateway of each agent's dashboard, if that is another one.
#[derive(Debug, Default)]
pub(super) struct RemoteDashboards {
    by_agent: HashMap<AgentId, (GatewayNumber, Generation)>,
    /// The number of dashboards at each gateway that has any.
    counts: BTreeMap<u16, usize>,
}

impl RemoteDashboards {
    /// Notes a dashboard, unless a newer one is known.
    pub(super) fn note(&mut self, gateway: GatewayNumber, watched: WatchedAgent) {
        let WatchedAgent { agent, generation } = watched;
        let is_newest = self.by_agent.get(&agent).is_none_or(|(_, known)| *known <= generation);
        if is_newest {
            self.forget_agent(&agent);
            self.by_agent.insert(agent, (gateway, generation));
            *self.counts.entry(gateway.get()).or_default() += 1;
        }
    }

    /// Forgets a dashboard that has left.
    pub(super) fn remove(&mut self, gateway: GatewayNumber, watched: &WatchedAgent) {
        if self.by_agent.get(&watched.agent) == Some(&(gateway, watched.generation)) {
            self.forget_agent(&watched.agent);
        }
    }

    /// Forgets the dashboard of an agent.
    pub(super) fn forget_agent(&mut self, agent: &AgentId) {
        let Some((gateway, _)) = self.by_agent.remove(agent) else { return };
        if let Some(count) = self.counts.get_mut(&gateway.get()) {
            *count -= 1;
            if *count == 0 {
                self.counts.remove(&gateway.get());
            }
        }
    }

    /// Forgets the dashboards at a gateway.
    pub(super) fn forget(&mut self, gateway: GatewayNumber) {
        self.by_agent.retain(|_, (other, _)| *other != gateway);
        self.counts.remove(&gateway.get());
    }

    pub(super) fn gateway(&self, agent: &AgentId) -> Option<GatewayNumber> {
        self.by_agent.get(agent).map(|(gateway, _)| *gateway)
    }

    /// The gateways with dashboards.
    pub(super) fn gateways(&self) -> impl Iterator<Item = GatewayNumber> {
        self.counts.keys().filter_map(|number| GatewayNumber::new(*number))
    }
}

/// The dashboards of some agents, at this gateway and at others.
#[derive(Debug, Default)]
pub(super) struct Audience {
    pub(super) here: Vec<Arc<Subscription>>,
    pub(super) remote: BTreeMap<u16, Vec<AgentId>>,
}

impl Audience {
    /// The number of dashboards.
    pub(super) fn count(&self) -> usize {
        self.here.len() + self.remote.values().map(Vec::len).sum::<usize>()
    }

    /// Sends a message to each other gateway, with the agents whose dashboards it has.
    pub(super) fn send(self, fan_out: &dyn FeedFanOut, message: impl Fn(Vec<AgentId>) -> MessageToDashboards) {
        for (gateway, agents) in self.remote {
            if let Some(gateway) = GatewayNumber::new(gateway) {
                fan_out.send(gateway, message(agents));
            }
        }
    }
}

/// True if the dashboard of an agent may see a call of the agent.
pub(super) fn may_see(subscription: &Subscription, agent: &AgentId, call: &CallOwner) -> bool {
    let CallOwner { project, environment, user } = call;
    let call = Resource::Call { project, environment, user: user.as_deref(), agent: Some(agent) };
    authorize(&subscription.caller, Action::Watch, call).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watched(agent: &str, generation: Generation) -> WatchedAgent {
        WatchedAgent { agent: agent.into(), generation }
    }

    #[test]
    fn the_newest_dashboard_of_an_agent_counts_in_whichever_order_they_are_noted() {
        let [one, two] = [1, 2].map(|number| GatewayNumber::new(number).unwrap());
        let (older, newer) = (Generation::now(), Generation::now());
        let mut remote = RemoteDashboards::default();
        remote.note(two, watched("a", newer));
        remote.note(one, watched("a", older));
        assert_eq!((remote.gateway(&"a".into()), remote.gateways().collect::<Vec<_>>()), (Some(two), vec![two]));
        remote.remove(one, &watched("a", older));
        assert_eq!(remote.gateway(&"a".into()), Some(two));
        remote.note(one, watched("b", older));
        remote.forget(two);
        assert_eq!((remote.gateway(&"a".into()), remote.gateways().collect::<Vec<_>>()), (None, vec![one]));
        remote.remove(one, &watched("b", older));
        assert!(remote.by_agent.is_empty() && remote.counts.is_empty());
    }
}
