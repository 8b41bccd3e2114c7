//! [`SnapshotProvider`]: the trait with which an application makes a [`Snapshot`], the complete state that a dashboard gets first.

use std::fmt;

use futures::future::BoxFuture;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use super::Feed;
use crate::domain::identity::Caller;
use crate::domain::ids::{AgentId, ProjectId};

/// The agent that a dashboard watches, and the dashboard's caller.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Watched {
    /// The agent.
    pub agent_id: AgentId,
    /// The agent's slug, at the time when the dashboard connected.
    pub agent: String,
    /// The project of both.
    pub project_id: ProjectId,
    /// The caller of the dashboard.
    pub caller: Caller,
    pub(crate) feed: Feed,
}

impl Watched {
    /// The feed of the gateway that asks for the snapshot. A provider declares here which keys the agent watches: after it has found
    /// them, and before it reads their values.
    #[must_use]
    pub fn feed(&self) -> &Feed {
        &self.feed
    }
}

/// The complete state at a moment: the `data` of an `initial_data` message.
#[derive(Clone)]
pub struct Snapshot(Box<RawValue>);

impl Snapshot {
    /// A snapshot that says this.
    ///
    /// # Errors
    /// It cannot be written as JSON.
    pub fn of(data: &(impl Serialize + ?Sized)) -> Result<Self, serde_json::Error> {
        to_raw_value(data).map(Self)
    }

    pub(super) fn data(&self) -> &RawValue {
        &self.0
    }
}

/// The length only: what it says belongs to the application and whoever watches.
impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot").field("bytes", &self.0.get().len()).finish()
    }
}

/// The provider of snapshots, with which a dashboard begins when it connects.
///
/// It is asked when a dashboard has connected, and again when one read so slowly that events for it were dropped. What is published
/// from then on is sent after the snapshot, so it may be in both: events have to be such that applying one twice, or to a snapshot
/// that has it already, does no harm. For that an application changes its own data first, and publishes then.
///
/// ```
/// use futures::future::BoxFuture;
/// use platools_gateway::feed::{KeyedStream, Snapshot, SnapshotProvider, Watched};
/// use serde_json::json;
///
/// const PRICES: KeyedStream = KeyedStream::new("price_update_batch");
///
/// #[derive(Debug)]
/// struct Positions;
///
/// impl SnapshotProvider for Positions {
///     fn snapshot<'a>(
///         &'a self,
///         watched: &'a Watched,
///     ) -> BoxFuture<'a, Result<Snapshot, Box<dyn std::error::Error + Send + Sync>>> {
///         Box::pin(async move {
///             let tokens = ["SOL"];
///             // From here on no price of these is missed, so they are read afterwards.
///             watched.feed().set_keys(&watched.agent_id, PRICES, tokens);
///             Ok(Snapshot::of(&json!({"positions": [{"tokenAddress": tokens[0], "currentPrice": 1.0}]}))?)
///         })
///     }
/// }
/// ```
pub trait SnapshotProvider: fmt::Debug + Send + Sync {
    /// Makes a snapshot for somebody who watches an agent.
    ///
    /// It runs in a task of its own, for as long as [`FeedSettings::snapshot_limit`](super::FeedSettings::snapshot_limit) says, and
    /// is dropped when the dashboard goes.
    ///
    /// # Errors
    /// There is none to be had. The dashboard gets an `error` message that does not say why, and events all the same; the log has
    /// the error. A panic or taking too long is the same.
    fn snapshot<'a>(
        &'a self,
        watched: &'a Watched,
    ) -> BoxFuture<'a, Result<Snapshot, Box<dyn std::error::Error + Send + Sync>>>;
}
