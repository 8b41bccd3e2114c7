//! The live feed: events of one agent for the dashboard that watches it.
//!
//! A dashboard connects for an agent ([`Dashboards`]), gets a snapshot, and then the changes. An application may provide both: a
//! [`SnapshotProvider`] makes snapshots, and the [`Feed`] takes events and values that change often. Without a provider, dashboards see
//! the gateway's own state (`builtin`): the agent's tools, the workers that host them, and the agent's calls. `keys` and `interest` have
//! the keys that agents watch.

mod builtin;
mod dashboard_auth;
mod dashboards;
mod interest;
mod jwt_auth;
mod keys;
mod mailbox;
mod message;
mod shown_tools;
mod snapshot;
mod subscriptions;
mod watch;

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use crate::domain::error::Error;
use crate::domain::ids::AgentId;

pub use crate::settings::FeedSettings;
pub use dashboard_auth::{BoxError, DashboardAuth, DashboardRequest, DashboardUser};
pub use dashboards::Dashboards;
pub use jwt_auth::JwtAuth;
pub use message::{Event, Key, KeyedStream};
pub use snapshot::{Snapshot, SnapshotProvider, Watched};
pub use subscriptions::WatchEnd;
pub use watch::Watch;

pub(crate) use builtin::{BuiltinEvents, BuiltinState};

use dashboard_auth::AuthChecks;
use shown_tools::ShownToolsCache;
use subscriptions::{Subscription, Subscriptions};

/// Sends events to dashboards. Clones send to the same ones.
///
/// Publishing never waits: what a dashboard does not read is kept for it within limits, and past them it is given a fresh snapshot
/// once it reads again. For an agent that nobody watches nothing is serialized and nothing is kept.
///
/// ```
/// use platools_gateway::Gateway;
/// use platools_gateway::domain::profile::Profile;
/// use platools_gateway::feed::{Event, KeyedStream};
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
/// feed.publish(&agent, Event::new("position_update", &json!({"eventType": "position_closed", "positionId": "7"})))?;
/// feed.watch_keys(&agent, PRICES, ["TOKEN"]);
/// feed.publish_value(PRICES.key("TOKEN"), &json!({"tokenAddress": "TOKEN", "price": 0.25}))?;
/// # gateway.shutdown().await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Feed(Arc<FeedState>);

#[derive(Debug)]
struct FeedState {
    subscriptions: Subscriptions,
    settings: FeedSettings,
    provider: Option<Arc<dyn SnapshotProvider>>,
    shown_tools: ShownToolsCache,
}

impl Feed {
    pub(crate) fn new(settings: FeedSettings, provider: Option<Arc<dyn SnapshotProvider>>) -> Self {
        Self(Arc::new(FeedState {
            subscriptions: Subscriptions::default(),
            settings,
            provider,
            shown_tools: ShownToolsCache::default(),
        }))
    }

    /// Tells whoever watches an agent of an event, at once and in the order of publishing. Returns how many were told: one or none.
    ///
    /// # Errors
    /// Somebody watches, and the event cannot be written as JSON, or its type is one of the protocol's own.
    pub fn publish<D: Serialize + ?Sized>(&self, agent: &AgentId, event: Event<'_, D>) -> Result<usize, Error> {
        self.publish_to([agent], event)
    }

    /// Tells those who watch one of these agents of an event, like [`Feed::publish`], and serializes it once for all of them.
    ///
    /// # Errors
    /// Like [`Feed::publish`].
    pub fn publish_to<'a, D: Serialize + ?Sized>(
        &self,
        agents: impl IntoIterator<Item = &'a AgentId>,
        event: Event<'_, D>,
    ) -> Result<usize, Error> {
        let told = self.told(agents);
        self.each(told, || event.text(), |subscription, text| subscription.mailbox.event(text))
    }

    /// Tells whoever watches an agent of the value that a key has now. It travels within a tick, with what changed besides; a later
    /// value of the same key takes its place until then. Events are not held up by it, so one that is published later may come
    /// first. Returns how many will be told: one or none.
    ///
    /// For values that are the agent's own. [`Feed::publish_value`] is for values that several agents share.
    ///
    /// # Errors
    /// Somebody watches, and the value cannot be written as JSON, or the stream's name is one of the protocol's own.
    pub fn publish_keyed<V: Serialize + ?Sized>(
        &self,
        agent: &AgentId,
        key: Key<'_>,
        value: &V,
    ) -> Result<usize, Error> {
        self.publish_keyed_to([agent], key, value)
    }

    /// Tells those who watch one of these agents of the value that a key has now, like [`Feed::publish_keyed`], and serializes it
    /// once for all of them.
    ///
    /// # Errors
    /// Like [`Feed::publish_keyed`].
    pub fn publish_keyed_to<'a, V: Serialize + ?Sized>(
        &self,
        agents: impl IntoIterator<Item = &'a AgentId>,
        key: Key<'_>,
        value: &V,
    ) -> Result<usize, Error> {
        let told = self.told(agents);
        let make = || Ok((Arc::<str>::from(key.key), key.value(value)?));
        self.each(told, make, |subscription, (name, value)| subscription.mailbox.value(key.stream, name, value))
    }

    /// Returns true if a dashboard of the agent is connected. For applications that would have to compute an event first.
    #[must_use]
    pub fn is_watched(&self, agent: &AgentId) -> bool {
        self.0.subscriptions.has(agent)
    }

    /// The number of agents with a connected dashboard.
    #[must_use]
    pub fn connection_count(&self) -> usize {
        self.0.subscriptions.count()
    }

    fn told<'a>(&self, agents: impl IntoIterator<Item = &'a AgentId>) -> impl Iterator<Item = Arc<Subscription>> {
        agents.into_iter().filter_map(|agent| self.0.subscriptions.of(agent))
    }

    /// Gives each the same text, which is made when there is a first one.
    fn each<T: Clone>(
        &self,
        subscriptions: impl IntoIterator<Item = Arc<Subscription>>,
        make: impl FnOnce() -> Result<T, Error>,
        give: impl Fn(&Subscription, T),
    ) -> Result<usize, Error> {
        let mut subscriptions = subscriptions.into_iter();
        let Some(first) = subscriptions.next() else { return Ok(0) };
        let made = make()?;
        let others = subscriptions.inspect(|subscription| give(subscription, made.clone())).count();
        give(&first, made);
        Ok(others + 1)
    }
}

impl fmt::Debug for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Feed").field("connections", &self.connection_count()).finish_non_exhaustive()
    }
}
