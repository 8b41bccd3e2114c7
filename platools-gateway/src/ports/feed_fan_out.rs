//! [`FeedFanOut`]: the trait through which the live feed delivers its messages to dashboards at the other gateways of an installation.
//! [`FeedUpdate`] is a change for all of them, [`MessageToDashboards`] a message for the dashboards at one.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::domain::generation::Generation;
use crate::domain::ids::{AgentId, EnvironmentId, GatewayNumber, ProjectId};

/// The other gateways of the installation. It must neither wait nor panic.
pub(crate) trait FeedFanOut: fmt::Debug + Send + Sync {
    /// Sends a change to all other gateways. A gateway that misses it notices that, and asks for all watched agents.
    fn publish(&self, update: FeedUpdate);

    /// Sends a message to one gateway. It may be lost.
    fn send(&self, to: GatewayNumber, message: MessageToDashboards);
}

/// A change of the dashboards at one gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FeedUpdate {
    /// A dashboard watches an agent.
    Watched(WatchedAgent),
    /// It does not any more.
    Unwatched(WatchedAgent),
}

/// An agent that a dashboard watches. Of two dashboards the one with the later generation stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WatchedAgent {
    pub(crate) agent: AgentId,
    pub(crate) generation: Generation,
}

/// A message for dashboards at one gateway.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum MessageToDashboards {
    /// An event for the dashboards of some agents.
    Event { agents: Vec<AgentId>, text: Box<RawValue> },
    /// An event about a call of an agent, for its dashboard if that may see the call.
    CallEvent { agent: AgentId, call: CallOwner, text: Box<RawValue> },
    /// The value of a key for the dashboards of some agents; `None` for all that watch the key.
    Value { agents: Option<Vec<AgentId>>, stream: StreamName, key: String, value: Box<RawValue> },
}

/// The owners of a call, which decide who may see it.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct CallOwner {
    pub(crate) project: ProjectId,
    pub(crate) environment: EnvironmentId,
    pub(crate) user: Option<String>,
}

/// The name of a stream of values, and of the member of its messages that has the values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StreamName {
    pub(crate) kind: String,
    pub(crate) member: String,
}
