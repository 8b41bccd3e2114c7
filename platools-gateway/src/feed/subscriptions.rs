//! [`Subscriptions`]: the table of connected dashboards, at most one for each agent, with the keys that agents watch.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, RwLock, RwLockReadGuard};

use bytes::Bytes;
use tokio::time::Instant;

use super::message::{KeyedStream, StreamKey};
use super::remote_dashboards::{Audience, RemoteDashboards, SharedFeed};
use super::subscription::{Subscription, WatchEnd};
use super::watched_keys::{KeyWatchers, WatchedKeys, WatchedKeysChange};
use crate::domain::generation::Generation;
use crate::domain::ids::{AgentId, EnvironmentId, GatewayNumber, ProjectId};
use crate::domain::lock::{read, write};
use crate::ports::feed_fan_out::{FeedUpdate, WatchedAgent};

/// The dashboard connected to each agent, and the keys that agents watch. A new dashboard replaces the old one.
///
/// A dashboard comes and goes within an [`WatchedKeysChange`], so that the watchers of keys are the connected dashboards.
#[derive(Debug, Default)]
pub(super) struct Subscriptions {
    table: RwLock<SubscriptionTable>,
    keys: WatchedKeys,
    /// The other gateways, if there are any.
    shared: Option<SharedFeed>,
}

impl Subscriptions {
    pub(super) fn new(shared: Option<SharedFeed>) -> Self {
        Self { shared, ..Self::default() }
    }

    /// Adds a dashboard. An older one of the same agent ends.
    pub(super) fn take(&self, subscription: Arc<Subscription>) {
        let change = self.keys.change();
        let generation = self.shared.as_ref().map(|shared| shared.clock.next());
        let older = self.write(|table| table.put(&subscription, generation));
        change.connect(&subscription);
        // Published before the next change is made, so that the last change is published last.
        if let (Some(shared), Some(generation)) = (&self.shared, generation) {
            let agent = subscription.agent_id.clone();
            shared.fan_out.publish(FeedUpdate::Watched(WatchedAgent { agent, generation }));
        }
        drop(change);
        if let Some(older) = older {
            older.end_with(WatchEnd::Displaced);
        }
    }

    /// Removes a dashboard, unless a newer one has replaced it.
    pub(super) fn leave(&self, subscription: &Arc<Subscription>) {
        let change = self.keys.change();
        let (is_removed, generation) = self.write(|table| {
            let is_removed = table.remove(subscription);
            (is_removed, is_removed.then(|| table.generations.remove(&subscription.agent_id)).flatten())
        });
        if is_removed {
            change.disconnect(&subscription.agent_id);
        }
        if let (Some(shared), Some(generation)) = (&self.shared, generation) {
            let agent = subscription.agent_id.clone();
            shared.fan_out.publish(FeedUpdate::Unwatched(WatchedAgent { agent, generation }));
        }
    }

    /// The other gateways, if there are any.
    pub(super) fn shared(&self) -> Option<&SharedFeed> {
        self.shared.as_ref()
    }

    /// Notes a dashboard at another gateway. An older one of the same agent at this gateway ends.
    pub(super) fn add_remote(&self, gateway: GatewayNumber, watched: WatchedAgent) {
        if let Some(shared) = &self.shared {
            shared.clock.observe(watched.generation);
        }
        let change = self.keys.change();
        let older = self.write(|table| table.note_remote(gateway, watched));
        if let Some(older) = older {
            change.disconnect(&older.agent_id);
            older.end_with(WatchEnd::Displaced);
        }
    }

    /// Forgets a dashboard that has left another gateway.
    pub(super) fn remove_remote(&self, gateway: GatewayNumber, watched: &WatchedAgent) {
        self.write(|table| table.remote.remove(gateway, watched));
    }

    /// Notes all dashboards at another gateway.
    pub(super) fn replace_remote(&self, gateway: GatewayNumber, watched: Vec<WatchedAgent>) {
        self.write(|table| table.remote.forget(gateway));
        watched.into_iter().for_each(|watched| self.add_remote(gateway, watched));
    }

    /// The agents that dashboards at this gateway watch.
    pub(super) fn watched_agents(&self) -> Vec<WatchedAgent> {
        let table = self.read();
        let watched = table.generations.iter();
        watched.map(|(agent, generation)| WatchedAgent { agent: agent.clone(), generation: *generation }).collect()
    }

    /// The other gateways with dashboards.
    pub(super) fn remote_gateways(&self) -> Vec<GatewayNumber> {
        if self.shared.is_none() {
            return Vec::new();
        }
        self.read().remote.gateways().collect()
    }

    /// The gateway of an agent's dashboard, if it is another one.
    pub(super) fn gateway_of(&self, agent: &AgentId) -> Option<GatewayNumber> {
        self.shared.as_ref().and_then(|_| self.read().remote.gateway(agent))
    }

    /// The dashboards of some agents.
    pub(super) fn audience<'a>(&self, agents: impl IntoIterator<Item = &'a AgentId>) -> Audience {
        let mut audience = Audience::default();
        // The application's iterator runs without the lock.
        for agent in agents {
            let table = self.read();
            if let Some(subscription) = table.by_agent.get(agent) {
                audience.here.push(Arc::clone(subscription));
            } else if let Some(gateway) = table.remote.gateway(agent) {
                audience.remote.entry(gateway.get()).or_default().push(agent.clone());
            }
        }
        audience
    }

    /// Notes the value of a key for the dashboards at this gateway that watch the key. Returns their number.
    pub(super) fn publish_value(&self, key: StreamKey<'_>, value: &Bytes) -> usize {
        let Some((name, watchers)) = self.watchers(key) else { return 0 };
        for subscription in watchers.values() {
            subscription.mailbox.value(key.stream, Arc::clone(&name), value.clone());
        }
        watchers.len()
    }

    /// Notes the environment of the agent's tools. If it has changed, the dashboard gets a new snapshot.
    pub(super) fn moves_to(&self, subscription: &Arc<Subscription>, environment: Option<EnvironmentId>) {
        if *subscription.environment() != environment {
            self.write(|table| table.moves(subscription, environment));
            subscription.mailbox.snapshot_at(Instant::now());
        }
    }

    /// The dashboard that watches an agent.
    pub(super) fn of(&self, agent: &AgentId) -> Option<Arc<Subscription>> {
        self.read().by_agent.get(agent).cloned()
    }

    pub(super) fn has(&self, agent: &AgentId) -> bool {
        let table = self.read();
        table.by_agent.contains_key(agent) || table.remote.gateway(agent).is_some()
    }

    /// The dashboards of agents whose tools are in an environment.
    pub(super) fn in_environment(&self, environment: &EnvironmentId) -> Vec<Arc<Subscription>> {
        self.read().by_environment.of(environment).cloned().collect()
    }

    /// The dashboards in projects that `is_meant` chooses.
    pub(super) fn in_projects(&self, is_meant: impl Fn(&ProjectId) -> bool) -> Vec<Arc<Subscription>> {
        let table = self.read();
        let meant = table.by_project.0.iter().filter(|(project, _)| is_meant(project));
        meant.flat_map(|(_, subscriptions)| subscriptions.values()).cloned().collect()
    }

    pub(super) fn count(&self) -> usize {
        self.read().by_agent.len()
    }

    /// The connected dashboards of a key, and the key's name. `None` if there are none.
    pub(super) fn watchers(&self, key: StreamKey<'_>) -> Option<(Arc<str>, Arc<KeyWatchers>)> {
        self.keys.watchers(key)
    }

    /// The keys of a stream that have connected dashboards.
    pub(super) fn watched_keys(&self, stream: KeyedStream) -> Vec<Arc<str>> {
        self.keys.watched_keys(stream)
    }

    /// Changes the keys of an agent. `change` also gets the agent's dashboard, if one is connected.
    pub(super) fn change_keys(
        &self,
        agent: &AgentId,
        change: impl FnOnce(&mut WatchedKeysChange<'_>, Option<&Arc<Subscription>>),
    ) {
        let mut keys = self.keys.change();
        change(&mut keys, self.of(agent).as_ref());
    }

    /// Drops the keys of agents that do not exist.
    pub(super) fn sweep_keys(&self, exists: impl Fn(&AgentId) -> bool) {
        self.keys.change().sweep(exists);
    }

    #[cfg(test)]
    pub(super) fn has_declared_keys(&self) -> bool {
        !self.keys.change().is_empty()
    }

    fn read(&self) -> RwLockReadGuard<'_, SubscriptionTable> {
        read(&self.table)
    }

    fn write<T>(&self, change: impl FnOnce(&mut SubscriptionTable) -> T) -> T {
        // Every change leaves the table whole, so a panic in another task spoils nothing.
        change(&mut write(&self.table))
    }
}

/// Subscriptions by agent, by project and by environment. A change of a project or environment concerns its own dashboards only.
#[derive(Debug, Default)]
struct SubscriptionTable {
    by_agent: HashMap<AgentId, Arc<Subscription>>,
    by_project: SubscriptionGroups<ProjectId>,
    by_environment: SubscriptionGroups<EnvironmentId>,
    /// The generation of each agent's dashboard, if there are other gateways.
    generations: HashMap<AgentId, Generation>,
    remote: RemoteDashboards,
}

impl SubscriptionTable {
    /// Adds a subscription, and returns the subscription that it replaces.
    fn put(&mut self, subscription: &Arc<Subscription>, generation: Option<Generation>) -> Option<Arc<Subscription>> {
        if let Some(generation) = generation {
            self.generations.insert(subscription.agent_id.clone(), generation);
            self.remote.forget_agent(&subscription.agent_id);
        }
        let older = self.of(&subscription.agent_id);
        older.iter().for_each(|older| _ = self.remove(older));
        self.by_agent.insert(subscription.agent_id.clone(), Arc::clone(subscription));
        self.by_project.put(subscription.project_id.clone(), subscription);
        subscription
            .environment()
            .iter()
            .for_each(|environment| self.by_environment.put(environment.clone(), subscription));
        older
    }

    /// Notes a dashboard at another gateway, unless the agent has a newer one at this gateway. Removes and returns an older one.
    fn note_remote(&mut self, gateway: GatewayNumber, watched: WatchedAgent) -> Option<Arc<Subscription>> {
        let own = self.generations.get(&watched.agent).copied();
        if own.is_some_and(|own| own > watched.generation) {
            return None;
        }
        let older = own.and_then(|_| self.of(&watched.agent));
        if let Some(older) = &older {
            self.remove(older);
            self.generations.remove(&watched.agent);
        }
        self.remote.note(gateway, watched);
        older
    }

    /// Removes a subscription. Returns true if it was the current one.
    fn remove(&mut self, subscription: &Arc<Subscription>) -> bool {
        let is_current = self.is_current(subscription);
        if is_current {
            self.by_agent.remove(&subscription.agent_id);
            self.by_project.remove(&subscription.project_id, subscription);
            subscription
                .environment()
                .iter()
                .for_each(|environment| self.by_environment.remove(environment, subscription));
        }
        is_current
    }

    fn moves(&mut self, subscription: &Arc<Subscription>, environment: Option<EnvironmentId>) {
        let mut current = subscription.environment();
        if self.is_current(subscription) {
            current.iter().for_each(|left| self.by_environment.remove(left, subscription));
            environment.iter().for_each(|environment| self.by_environment.put(environment.clone(), subscription));
        }
        *current = environment;
    }

    fn of(&self, agent: &AgentId) -> Option<Arc<Subscription>> {
        self.by_agent.get(agent).cloned()
    }

    fn is_current(&self, subscription: &Arc<Subscription>) -> bool {
        self.by_agent.get(&subscription.agent_id).is_some_and(|current| Arc::ptr_eq(current, subscription))
    }
}

/// Subscriptions by project or environment.
#[derive(Debug)]
struct SubscriptionGroups<K>(HashMap<K, HashMap<AgentId, Arc<Subscription>>>);

impl<K> Default for SubscriptionGroups<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Hash + Eq> SubscriptionGroups<K> {
    fn put(&mut self, group: K, subscription: &Arc<Subscription>) {
        self.0.entry(group).or_default().insert(subscription.agent_id.clone(), Arc::clone(subscription));
    }

    fn remove(&mut self, group: &K, subscription: &Arc<Subscription>) {
        let Some(subscriptions) = self.0.get_mut(group) else { return };
        subscriptions.remove(&subscription.agent_id);
        if subscriptions.is_empty() {
            self.0.remove(group);
        }
    }

    fn of(&self, group: &K) -> impl Iterator<Item = &Arc<Subscription>> {
        self.0.get(group).into_iter().flat_map(HashMap::values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::identity::Caller;
    use crate::feed::FeedSettings;

    fn subscription(agent: &str, project: &str, environment: Option<&str>) -> Arc<Subscription> {
        let (agent, caller) = ((agent.into(), project.into()), Caller::sample("key"));
        Arc::new(Subscription::new(agent, caller, environment.map(Into::into), &FeedSettings::default()))
    }

    fn names(subscriptions: &[Arc<Subscription>]) -> Vec<&str> {
        let mut names: Vec<_> = subscriptions.iter().map(|subscription| subscription.agent_id.as_str()).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn subscriptions_are_found_by_project_and_by_environment_and_nothing_is_left_of_those_that_end() {
        let subscriptions = Subscriptions::default();
        let (a, b, c) =
            (subscription("a", "p", Some("dev")), subscription("b", "p", None), subscription("c", "q", Some("dev")));
        [&a, &b, &c].into_iter().for_each(|subscription| subscriptions.take(Arc::clone(subscription)));
        assert_eq!(names(&subscriptions.in_environment(&"dev".into())), ["a", "c"]);
        assert_eq!(names(&subscriptions.in_projects(|project| project.as_str() == "p")), ["a", "b"]);
        subscriptions.moves_to(&b, Some("dev".into()));
        subscriptions.moves_to(&a, Some("live".into()));
        assert_eq!(names(&subscriptions.in_environment(&"dev".into())), ["b", "c"]);
        assert_eq!(names(&subscriptions.in_environment(&"live".into())), ["a"]);
        // A newer connection of the same agent, in another environment.
        let newer = subscription("a", "p", Some("dev"));
        subscriptions.take(Arc::clone(&newer));
        assert_eq!(*a.end().borrow(), Some(WatchEnd::Displaced));
        subscriptions.moves_to(&a, None);
        subscriptions.leave(&a);
        assert_eq!(names(&subscriptions.in_environment(&"dev".into())), ["a", "b", "c"]);
        assert!(subscriptions.in_environment(&"live".into()).is_empty());
        [&newer, &b, &c].into_iter().for_each(|subscription| subscriptions.leave(subscription));
        let table = subscriptions.read();
        assert!(table.by_agent.is_empty() && table.by_project.0.is_empty() && table.by_environment.0.is_empty());
    }
}
