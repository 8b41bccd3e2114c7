//! The live feed: events of one agent for the dashboard that watches it.
//!
//! A dashboard connects for an agent ([`Dashboards`]), gets a snapshot, and then the changes. An application provides both with a
//! [`SnapshotProvider`] and the [`Feed`]; without a provider, dashboards see the gateway's own state (`builtin_state`). Agents can also watch
//! keys, such as prices: `keyed_values` publishes the values of keys, and `watched_keys` finds the dashboards that get them.

mod builtin_state;
mod dashboard_auth;
mod dashboards;
mod jwt_auth;
mod keyed_values;
mod mailbox;
mod message;
mod remote_dashboards;
mod remote_updates;
mod shown_tools;
mod snapshot;
mod snapshot_source;
mod subscription;
mod subscriptions;
mod watch;
mod watched_keys;

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use crate::domain::error::Error;
use crate::domain::generation::GenerationClock;
use crate::domain::ids::AgentId;
use crate::ports::feed_fan_out::{FeedFanOut, MessageToDashboards};

pub use crate::settings::FeedSettings;
pub use dashboard_auth::{BoxError, DashboardAuth, DashboardRequest, DashboardUser};
pub use dashboards::Dashboards;
pub use jwt_auth::JwtAuth;
pub use message::{Event, KeyedStream, StreamKey};
pub use snapshot::{FeedSnapshot, SnapshotProvider, Watched};
pub use subscription::WatchEnd;
pub use watch::Watch;

pub(crate) use builtin_state::{BuiltinEvents, BuiltinState};
pub(crate) use snapshot_source::SnapshotSource;

use message::raw;
use remote_dashboards::{Audience, SharedFeed};
use shown_tools::ShownToolsCache;
use subscription::Subscription;
use subscriptions::Subscriptions;

/// Sends events to dashboards. Clones send to the same ones.
///
/// Publishing never waits. Messages wait for a slow dashboard within limits; past them, a fresh snapshot replaces them. Without a dashboard
/// of the agent, nothing is serialized and nothing is kept.
///
/// In an installation of several gateways, an agent has one dashboard over all of them, and events and values reach it at whichever gateway it
/// is. A message to another gateway is lost with the connection between the two. Watched keys are those of one gateway: an application declares
/// them at each.
///
/// ```
/// use platools_gateway::Gateway;
/// use platools_gateway::domain::agent_profile::Profile;
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
    shown_tools: ShownToolsCache,
}

impl Feed {
    /// A feed of one gateway.
    #[cfg(test)]
    pub(crate) fn new(settings: FeedSettings) -> Self {
        Self::shared(settings, None)
    }

    /// A feed whose dashboards may be at other gateways as well.
    pub(crate) fn shared(settings: FeedSettings, fan_out: Option<(Arc<dyn FeedFanOut>, Arc<GenerationClock>)>) -> Self {
        let subscriptions = Subscriptions::new(fan_out.map(|(fan_out, clock)| SharedFeed { fan_out, clock }));
        Self(Arc::new(FeedState { subscriptions, settings, shown_tools: ShownToolsCache::default() }))
    }

    /// Sends an event to the dashboard of an agent, at once and in the order of publishing. Returns the number of dashboards: one or none.
    ///
    /// # Errors
    /// A dashboard is connected, and the event cannot be written as JSON or its type is reserved by the protocol.
    pub fn publish<D: Serialize + ?Sized>(&self, agent: &AgentId, event: Event<'_, D>) -> Result<usize, Error> {
        self.publish_to([agent], event)
    }

    /// Sends an event to the dashboards of several agents, like [`Feed::publish`]. The event is serialized once.
    ///
    /// # Errors
    /// Like [`Feed::publish`].
    pub fn publish_to<'a, D: Serialize + ?Sized>(
        &self,
        agents: impl IntoIterator<Item = &'a AgentId>,
        event: Event<'_, D>,
    ) -> Result<usize, Error> {
        let Some(shared) = self.0.subscriptions.shared() else {
            let subscriptions = self.subscriptions_of(agents);
            return deliver(subscriptions, || event.text(), |subscription, text| subscription.mailbox.event(text));
        };
        let audience = self.0.subscriptions.audience(agents);
        if audience.count() == 0 {
            return Ok(0);
        }
        let (count, text) = (audience.count(), event.text()?);
        audience.here.iter().for_each(|subscription| subscription.mailbox.event(text.clone()));
        audience.send(&*shared.fan_out, |agents| MessageToDashboards::Event { agents, text: raw(&text) });
        Ok(count)
    }

    /// Sends the present value of a key to the dashboard of an agent. It travels within a tick, in one message with other values; a later
    /// value of the same key replaces it until then. Events do not wait for the tick, so a later event may come first. Returns the number
    /// of dashboards: one or none.
    ///
    /// [`Feed::publish_value`] is for values that several agents share.
    ///
    /// # Errors
    /// A dashboard is connected, and the value cannot be written as JSON or the stream's name is reserved by the protocol.
    pub fn publish_keyed<V: Serialize + ?Sized>(
        &self,
        agent: &AgentId,
        key: StreamKey<'_>,
        value: &V,
    ) -> Result<usize, Error> {
        self.publish_keyed_to([agent], key, value)
    }

    /// Sends the present value of a key to the dashboards of several agents, like [`Feed::publish_keyed`]. The value is serialized once.
    ///
    /// # Errors
    /// Like [`Feed::publish_keyed`].
    pub fn publish_keyed_to<'a, V: Serialize + ?Sized>(
        &self,
        agents: impl IntoIterator<Item = &'a AgentId>,
        key: StreamKey<'_>,
        value: &V,
    ) -> Result<usize, Error> {
        let audience = match self.0.subscriptions.shared() {
            Some(_) => self.0.subscriptions.audience(agents),
            None => Audience { here: self.subscriptions_of(agents).collect(), ..Audience::default() },
        };
        if audience.count() == 0 {
            return Ok(0);
        }
        let (count, name, value) = (audience.count(), Arc::<str>::from(key.key), key.value(value)?);
        for subscription in &audience.here {
            subscription.mailbox.value(key.stream, Arc::clone(&name), value.clone());
        }
        if let Some(shared) = self.0.subscriptions.shared() {
            audience.send(&*shared.fan_out, |agents| key.message(Some(agents), &value));
        }
        Ok(count)
    }

    /// Returns true if a dashboard of the agent is connected. For applications that would have to compute an event first.
    #[must_use]
    pub fn is_watched(&self, agent: &AgentId) -> bool {
        self.0.subscriptions.has(agent)
    }

    /// The number of agents with a dashboard that is connected to this gateway.
    #[must_use]
    pub fn connection_count(&self) -> usize {
        self.0.subscriptions.count()
    }

    fn subscriptions_of<'a>(
        &self,
        agents: impl IntoIterator<Item = &'a AgentId>,
    ) -> impl Iterator<Item = Arc<Subscription>> {
        agents.into_iter().filter_map(|agent| self.0.subscriptions.of(agent))
    }
}

impl fmt::Debug for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Feed").field("connections", &self.connection_count()).finish_non_exhaustive()
    }
}

/// Puts the same item into the mailbox of each subscription, and returns their number. The item is made when there is a first one.
fn deliver<T: Clone>(
    subscriptions: impl IntoIterator<Item = Arc<Subscription>>,
    make: impl FnOnce() -> Result<T, Error>,
    put: impl Fn(&Subscription, T),
) -> Result<usize, Error> {
    let mut subscriptions = subscriptions.into_iter();
    let Some(first) = subscriptions.next() else { return Ok(0) };
    let made = make()?;
    let others = subscriptions.inspect(|subscription| put(subscription, made.clone())).count();
    put(&first, made);
    Ok(others + 1)
}
