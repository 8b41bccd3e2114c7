//! [`Subscriptions`]: the table of connected dashboards, at most one for each agent, with the keys that agents watch.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, RwLock, RwLockReadGuard};

use tokio::time::Instant;

use super::message::{KeyedStream, StreamKey};
use super::subscription::{Subscription, WatchEnd};
use super::watched_keys::{KeyWatchers, WatchedKeys, WatchedKeysChange};
use crate::domain::ids::{AgentId, EnvironmentId, ProjectId};
use crate::domain::lock::{read, write};

/// The dashboard connected to each agent, and the keys that agents watch. A new dashboard replaces the old one.
///
/// A dashboard comes and goes within an [`WatchedKeysChange`], so that the watchers of keys are the connected dashboards.
#[derive(Debug, Default)]
pub(super) struct Subscriptions {
    table: RwLock<SubscriptionTable>,
    keys: WatchedKeys,
}

impl Subscriptions {
    /// Adds a dashboard. An older one of the same agent ends.
    pub(super) fn take(&self, subscription: Arc<Subscription>) {
        let change = self.keys.change();
        let older = self.write(|table| table.put(&subscription));
        change.connect(&subscription);
        drop(change);
        if let Some(older) = older {
            older.end_with(WatchEnd::Displaced);
        }
    }

    /// Removes a dashboard, unless a newer one has replaced it.
    pub(super) fn leave(&self, subscription: &Arc<Subscription>) {
        let change = self.keys.change();
        if self.write(|table| table.remove(subscription)) {
            change.disconnect(&subscription.agent_id);
        }
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
        self.read().by_agent.contains_key(agent)
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
}

impl SubscriptionTable {
    /// Adds a subscription, and returns the subscription that it replaces.
    fn put(&mut self, subscription: &Arc<Subscription>) -> Option<Arc<Subscription>> {
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
