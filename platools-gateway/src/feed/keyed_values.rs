//! [`Feed::watch_keys`]: declares the keys whose values an agent's dashboard gets. [`Feed::publish_value`] sends a value to every dashboard
//! that gets its key.

use std::sync::Arc;

use serde::Serialize;

use super::Feed;
use super::message::{KeyedStream, StreamKey};
use crate::domain::error::Error;
use crate::domain::ids::AgentId;

/// Values by key. An application declares once which keys an agent watches, and publishes each value once for all agents that watch
/// its key:
///
/// ```
/// use platools_gateway::Gateway;
/// use platools_gateway::domain::agent_profile::Profile;
/// use platools_gateway::feed::KeyedStream;
/// use serde_json::json;
///
/// const PRICES: KeyedStream = KeyedStream::new("price_update_batch");
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), platools_gateway::Error> {
/// let gateway = Gateway::builder().start().await?;
/// let agent = gateway.core().local_admin().add_agent("trader", Profile::default()).await?.id;
///
/// let feed = gateway.feed();
/// feed.watch_keys(&agent, PRICES, ["SOL", "BONK"]);
/// let told = feed.publish_value(PRICES.key("SOL"), &json!({"tokenAddress": "SOL", "price": 1.0}))?;
/// assert_eq!(told, 0, "no dashboard is connected, so the value was not even serialized");
/// # gateway.shutdown().await;
/// # Ok(())
/// # }
/// ```
///
/// Declared keys belong to the agent: they are there before its dashboard connects, and stay when it leaves. They end with
/// [`Feed::unwatch_keys`], with an empty [`Feed::set_keys`], with this run of the gateway, or within two minutes after the agent was
/// removed. Each costs about 100 bytes, and twice as much while a dashboard is connected; there is no limit.
impl Feed {
    /// Adds keys to those that an agent watches. Keys that it watches already stay.
    ///
    /// A value that is published from now on reaches the agent's dashboard. To show the present value as well, declare the key first,
    /// read the value then, and tell the dashboard last: no change in between is missed.
    pub fn watch_keys<K: AsRef<str>>(&self, agent: &AgentId, stream: KeyedStream, keys: impl IntoIterator<Item = K>) {
        let keys = collected(keys);
        self.0.subscriptions.change_keys(agent, |change, subscription| change.add(agent, stream, &keys, subscription));
    }

    /// Removes keys from those that an agent watches. Values of them that wait for the next tick are dropped; a value that another
    /// task publishes at the same moment may still come.
    pub fn unwatch_keys<K: AsRef<str>>(&self, agent: &AgentId, stream: KeyedStream, keys: impl IntoIterator<Item = K>) {
        let keys = collected(keys);
        self.0
            .subscriptions
            .change_keys(agent, |change, subscription| change.remove(agent, stream, &keys, subscription));
    }

    /// Replaces the keys of a stream that an agent watches, as [`Feed::watch_keys`] and [`Feed::unwatch_keys`] would. Doing it twice
    /// does no harm, so an application may call it for every snapshot and every change.
    pub fn set_keys<K: AsRef<str>>(&self, agent: &AgentId, stream: KeyedStream, keys: impl IntoIterator<Item = K>) {
        let keys = collected(keys);
        self.0.subscriptions.change_keys(agent, |change, subscription| change.set(agent, stream, &keys, subscription));
    }

    /// Publishes the value that a key has now, to the dashboards of all agents that watch the key. It travels within a tick, with other
    /// changes; a later value of the same key replaces it until then. Returns the number of dashboards at this gateway.
    ///
    /// A key that no connected agent watches costs one lookup. Otherwise the value is serialized once, and the cost is proportional to the
    /// dashboards that get it.
    ///
    /// # Errors
    /// The key is watched, and the value cannot be written as JSON, or the stream's name is one of the protocol's own.
    pub fn publish_value<V: Serialize + ?Sized>(&self, key: StreamKey<'_>, value: &V) -> Result<usize, Error> {
        let subscriptions = &self.0.subscriptions;
        let gateways = subscriptions.remote_gateways();
        if gateways.is_empty() && subscriptions.watchers(key).is_none() {
            return Ok(0);
        }
        let value = key.value(value)?;
        if let Some(shared) = subscriptions.shared() {
            gateways.into_iter().for_each(|gateway| shared.fan_out.send(gateway, key.message(None, &value)));
        }
        Ok(subscriptions.publish_value(key, &value))
    }

    /// Returns true if a connected dashboard gets the values of a key, or may get them at another gateway. For applications that would have to compute the value first.
    #[must_use]
    pub fn is_key_watched(&self, key: StreamKey<'_>) -> bool {
        self.0.subscriptions.watchers(key).is_some() || !self.0.subscriptions.remote_gateways().is_empty()
    }

    /// The keys of a stream that connected dashboards get, in any order. For applications that ask a source for values: these are the
    /// ones to ask for. It looks at all watched keys.
    #[must_use]
    pub fn watched_keys(&self, stream: KeyedStream) -> Vec<Arc<str>> {
        self.0.subscriptions.watched_keys(stream)
    }

    #[cfg(test)]
    pub(crate) fn has_declared_keys(&self) -> bool {
        self.0.subscriptions.has_declared_keys()
    }

    /// Drops the keys of agents that do not exist. Called each minute.
    pub(crate) fn sweep_keys(&self, exists: impl Fn(&AgentId) -> bool) {
        self.0.subscriptions.sweep_keys(exists);
    }
}

/// The keys as a list. The application's iterator runs before any lock is taken.
fn collected<K>(keys: impl IntoIterator<Item = K>) -> Vec<K> {
    keys.into_iter().collect()
}
