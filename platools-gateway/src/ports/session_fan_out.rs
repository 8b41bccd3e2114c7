//! [`SessionFanOut`]: the trait that delivers changes of sessions and channels to the other gateways of an installation. [`SessionUpdate`]
//! is a change for all of them, [`SocketMessage`] a message for one.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::domain::ids::{AgentId, ChannelId, GatewayNumber, ProjectId, SessionId};
use crate::domain::session::StoredSession;

/// The other gateways of the installation. It must neither wait nor panic.
pub(crate) trait SessionFanOut: fmt::Debug + Send + Sync {
    /// The number of this gateway.
    fn gateway(&self) -> GatewayNumber;

    /// True if a gateway has been heard of lately.
    fn is_alive(&self, gateway: GatewayNumber) -> bool;

    /// Sends a change to all other gateways. A gateway that misses it notices that, and reads everything again.
    fn publish(&self, update: SessionUpdate);

    /// Sends a message to one gateway. It may be lost.
    fn send(&self, to: GatewayNumber, message: &SocketMessage);
}

/// A change of sessions or channels at one gateway, after it was stored.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SessionUpdate {
    /// A session began.
    Began(StoredSession),
    /// A session ended.
    Ended { project: ProjectId, agent: AgentId, session: SessionId, has_timed_out: bool },
    /// Sessions were heard from.
    Heard(Vec<SessionHeartbeat>),
    /// An agent left a channel.
    Left { project: ProjectId, agent: AgentId, channel: ChannelId },
    /// A channel was deleted.
    ChannelRemoved(ChannelId),
    /// A message was sent to a channel. The text is the event for its subscribers.
    Message { channel: ChannelId, position: i64, event: Box<RawValue> },
    /// An event of the application for the subscribers of a channel.
    ChannelEvent { channel: ChannelId, event: Box<RawValue> },
    /// The sockets of an agent at the gateway are these.
    Sockets(AgentSockets),
}

/// The last time that a session was heard from.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SessionHeartbeat {
    pub(crate) project: ProjectId,
    pub(crate) agent: AgentId,
    pub(crate) session: SessionId,
    pub(crate) heartbeat_ms: i64,
}

impl From<&StoredSession> for SessionHeartbeat {
    fn from(session: &StoredSession) -> Self {
        let StoredSession { project_id, agent_id, id, heartbeat_ms, .. } = session;
        let (project, agent, session) = (project_id.clone(), agent_id.clone(), id.clone());
        Self { project, agent, session, heartbeat_ms: *heartbeat_ms }
    }
}

/// The sockets of an agent at one gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AgentSockets {
    pub(crate) project: ProjectId,
    pub(crate) agent: AgentId,
    /// The time when each socket was last heard from, as far as other gateways know.
    pub(crate) heard_ms: Vec<i64>,
}

/// A message for the sockets of an agent at one gateway.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SocketMessage {
    /// An event for all of them.
    Event { project: ProjectId, agent: AgentId, event: Box<RawValue> },
    /// The agent has too many sockets: the one that was heard from least recently is to end.
    TooMany { project: ProjectId, agent: AgentId },
}
