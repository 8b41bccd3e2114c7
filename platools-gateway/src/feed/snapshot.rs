//! [`FeedSnapshot`]: the complete state of an agent, which a dashboard gets before events. [`SnapshotProvider`]: the trait for an
//! application that makes snapshots; [`Watched`] names the agent and the dashboard's caller.

use std::fmt;

use bytes::Bytes;
use futures::future::BoxFuture;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use super::message::text;
use super::{BoxError, Feed};
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
    /// The feed of the gateway. A provider declares here which keys the agent watches, before it reads their values.
    #[must_use]
    pub fn feed(&self) -> &Feed {
        &self.feed
    }
}

/// The complete state at a moment: the `data` of an `initial_data` message.
#[derive(Clone)]
pub struct FeedSnapshot(Box<RawValue>);

impl FeedSnapshot {
    /// A snapshot with this data.
    ///
    /// # Errors
    /// The data cannot be written as JSON.
    pub fn of(data: &(impl Serialize + ?Sized)) -> Result<Self, serde_json::Error> {
        to_raw_value(data).map(Self)
    }

    /// The message for a dashboard.
    pub(super) fn message(&self) -> Bytes {
        text("initial_data", &self.0).expect("JSON always serializes")
    }
}

/// Shows the length only: the data belongs to the application and its users.
impl fmt::Debug for FeedSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FeedSnapshot").field("bytes", &self.0.get().len()).finish()
    }
}

/// Makes the snapshots with which dashboards begin. An application implements it.
///
/// The gateway asks for a snapshot when a dashboard connects, and again when the dashboard read so slowly that events were dropped. Events
/// that are published from then on follow the snapshot, so an event may be in both. Applying it twice must do no harm: an application
/// changes its own data first, and publishes then.
///
/// ```
/// use futures::future::BoxFuture;
/// use platools_gateway::feed::{FeedSnapshot, KeyedStream, SnapshotProvider, Watched};
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
///     ) -> BoxFuture<'a, Result<FeedSnapshot, Box<dyn std::error::Error + Send + Sync>>> {
///         Box::pin(async move {
///             let tokens = ["SOL"];
///             // From here on no price of these is missed, so they are read afterwards.
///             watched.feed().set_keys(&watched.agent_id, PRICES, tokens);
///             Ok(FeedSnapshot::of(&json!({"positions": [{"tokenAddress": tokens[0], "currentPrice": 1.0}]}))?)
///         })
///     }
/// }
/// ```
pub trait SnapshotProvider: fmt::Debug + Send + Sync {
    /// Makes a snapshot of the watched agent.
    ///
    /// It runs in a task of its own, for as long as [`FeedSettings::snapshot_limit`](super::FeedSettings::snapshot_limit) says, and
    /// is dropped when the dashboard goes.
    ///
    /// # Errors
    /// The application has no snapshot. The dashboard gets an `error` message without the reason, and events all the same; the log has
    /// the error. A panic or a snapshot that takes too long is treated alike.
    fn snapshot<'a>(&'a self, watched: &'a Watched) -> BoxFuture<'a, Result<FeedSnapshot, BoxError>>;
}
