//! [`WatchedKeys`]: the keys that each agent watches, and for each key the connected dashboards that get its values. A sweep drops the keys
//! of removed agents.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, RwLock};

use indexmap::{Equivalent, IndexMap, IndexSet};

use super::subscription::Subscription;
use super::{KeyedStream, StreamKey};
use crate::domain::ids::AgentId;
use crate::domain::lock::{lock, read, write};

/// The keys that agents watch. An application declares them, whether a dashboard is connected or not.
///
/// `declared` has the keys of each agent, and its lock puts all changes in order. `index` has the connected dashboards of each key: a
/// publisher takes its lock for one lookup, and a change takes it for one key at a time.
#[derive(Debug, Default)]
pub(super) struct WatchedKeys {
    declared: Mutex<HashMap<AgentId, DeclaredKeys>>,
    index: RwLock<IndexMap<WatchedKey, Arc<KeyWatchers>>>,
}

/// The dashboards that get the values of a key. Publishers read a shared copy, without a lock.
pub(super) type KeyWatchers = IndexMap<AgentId, Arc<Subscription>>;

/// A [`StreamKey`] that is kept. It hashes like one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct WatchedKey {
    stream: KeyedStream,
    name: Arc<str>,
}

#[derive(Debug, Default)]
struct DeclaredKeys {
    keys: IndexSet<WatchedKey>,
    /// The directory had no such agent at the last sweep.
    is_missing: bool,
}

impl Equivalent<WatchedKey> for StreamKey<'_> {
    fn equivalent(&self, watched: &WatchedKey) -> bool {
        self.stream == watched.stream && *self.key == *watched.name
    }
}

impl WatchedKeys {
    /// The connected dashboards of a key, and the key's name as it is kept. `None` if there are none.
    pub(super) fn watchers(&self, key: StreamKey<'_>) -> Option<(Arc<str>, Arc<KeyWatchers>)> {
        let index = read(&self.index);
        let (watched, watchers) = index.get_key_value(&key)?;
        Some((Arc::clone(&watched.name), Arc::clone(watchers)))
    }

    /// The keys of a stream that have connected dashboards.
    pub(super) fn watched_keys(&self, stream: KeyedStream) -> Vec<Arc<str>> {
        let index = read(&self.index);
        index.keys().filter(|key| key.stream == stream).map(|key| Arc::clone(&key.name)).collect()
    }

    /// Begins a change. Others wait until it is dropped, publishers do not.
    pub(super) fn change(&self) -> WatchedKeysChange<'_> {
        // Every step leaves both tables whole, so a panic in another task spoils nothing.
        let declared = lock(&self.declared);
        WatchedKeysChange { declared, watched: self }
    }

    fn put(&self, key: &WatchedKey, subscription: &Arc<Subscription>) {
        let mut index = write(&self.index);
        // Copied only while a publisher reads it.
        let watchers = Arc::make_mut(index.entry(key.clone()).or_default());
        watchers.insert(subscription.agent_id.clone(), Arc::clone(subscription));
    }

    fn remove(&self, key: &WatchedKey, agent: &AgentId) {
        let mut index = write(&self.index);
        let Some(watchers) = index.get_mut(key) else { return };
        Arc::make_mut(watchers).swap_remove(agent);
        if watchers.is_empty() {
            index.swap_remove(key);
        }
    }

    /// The key as it is kept. Agents that are connected share the text.
    fn kept(&self, key: StreamKey<'_>) -> WatchedKey {
        let index = read(&self.index);
        let known = index.get_key_value(&key).map(|(known, _)| known.clone());
        known.unwrap_or_else(|| WatchedKey { stream: key.stream, name: key.key.into() })
    }
}

/// A change of [`WatchedKeys`]. Each method costs as much as the keys of the one agent.
#[derive(Debug)]
pub(super) struct WatchedKeysChange<'a> {
    declared: MutexGuard<'a, HashMap<AgentId, DeclaredKeys>>,
    watched: &'a WatchedKeys,
}

impl WatchedKeysChange<'_> {
    /// Lists a dashboard that connects under the keys of its agent, in the place of an older one.
    pub(super) fn connect(&self, subscription: &Arc<Subscription>) {
        self.keys_of(&subscription.agent_id).for_each(|key| self.watched.put(key, subscription));
    }

    /// Removes the dashboard of an agent. The agent's keys stay declared.
    pub(super) fn disconnect(&self, agent: &AgentId) {
        self.keys_of(agent).for_each(|key| self.watched.remove(key, agent));
    }

    /// Adds keys to those of an agent.
    pub(super) fn add<K: AsRef<str>>(
        &mut self,
        agent: &AgentId,
        stream: KeyedStream,
        keys: &[K],
        subscription: Option<&Arc<Subscription>>,
    ) {
        if keys.is_empty() {
            return;
        }
        let declared = self.declared.entry(agent.clone()).or_default();
        for key in keys.iter().map(|key| stream.key(key.as_ref())) {
            if declared.keys.contains(&key) {
                continue;
            }
            let key = self.watched.kept(key);
            subscription.iter().for_each(|subscription| self.watched.put(&key, subscription));
            declared.keys.insert(key);
        }
    }

    /// Removes keys from those of an agent.
    pub(super) fn remove<K: AsRef<str>>(
        &mut self,
        agent: &AgentId,
        stream: KeyedStream,
        keys: &[K],
        subscription: Option<&Arc<Subscription>>,
    ) {
        let Some(declared) = self.declared.get_mut(agent) else { return };
        let keys = keys.iter().map(|key| stream.key(key.as_ref()));
        let removed = keys.filter_map(|key| declared.keys.swap_take(&key)).collect();
        self.withdraw(agent, &removed, subscription);
    }

    /// Replaces the keys of a stream that an agent watches.
    pub(super) fn set<K: AsRef<str>>(
        &mut self,
        agent: &AgentId,
        stream: KeyedStream,
        keys: &[K],
        subscription: Option<&Arc<Subscription>>,
    ) {
        let wanted: IndexSet<&str> = keys.iter().map(AsRef::as_ref).collect();
        self.add(agent, stream, keys, subscription);
        let Some(declared) = self.declared.get_mut(agent) else { return };
        let is_kept = |key: &WatchedKey| key.stream != stream || wanted.contains(&*key.name);
        let (kept, removed) = declared.keys.drain(..).partition(is_kept);
        declared.keys = kept;
        self.withdraw(agent, &removed, subscription);
    }

    /// Takes keys that an agent no longer declares out of the index, and their waiting values out of its dashboard's mailbox.
    fn withdraw(&mut self, agent: &AgentId, removed: &IndexSet<WatchedKey>, subscription: Option<&Arc<Subscription>>) {
        if self.declared.get(agent).is_some_and(|declared| declared.keys.is_empty()) {
            self.declared.remove(agent);
        }
        removed.iter().for_each(|key| self.watched.remove(key, agent));
        if let Some(subscription) = subscription.filter(|_| !removed.is_empty()) {
            subscription.mailbox.forget_values(|stream, name| removed.contains(&stream.key(name)));
        }
    }

    /// Removes the keys of agents that were missing at this sweep and the one before: an agent that another process has just added may
    /// reach the directory a moment later.
    pub(super) fn sweep(&mut self, exists: impl Fn(&AgentId) -> bool) {
        let mut gone = Vec::new();
        for (agent, declared) in self.declared.iter_mut() {
            let was_missing = std::mem::replace(&mut declared.is_missing, !exists(agent));
            if was_missing && declared.is_missing {
                gone.push(agent.clone());
            }
        }
        for agent in gone {
            let removed = self.declared.remove(&agent).map(|declared| declared.keys).unwrap_or_default();
            self.withdraw(&agent, &removed, None);
        }
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.declared.is_empty()
    }

    fn keys_of(&self, agent: &AgentId) -> impl Iterator<Item = &WatchedKey> {
        self.declared.get(agent).into_iter().flat_map(|declared| &declared.keys)
    }
}

#[cfg(test)]
mod tests;
