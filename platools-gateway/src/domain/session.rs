//! [`StoredSession`]: the stored session of an agent. [`SessionWrite`]: a change of a session, a channel or a message that is to be stored.

use super::channel::StoredChannelMessage;
use super::ids::{AgentId, ChannelId, ProjectId, SessionId};

/// A session as it is stored.
#[derive(Debug, Clone)]
pub(crate) struct StoredSession {
    pub(crate) id: SessionId,
    pub(crate) agent_id: AgentId,
    pub(crate) project_id: ProjectId,
    pub(crate) address: String,
    pub(crate) title: Option<String>,
    pub(crate) metadata: String,
    pub(crate) connected_ms: i64,
    pub(crate) heartbeat_ms: i64,
}

/// A change of what is stored of sessions and their channels. Many are written together.
#[derive(Debug)]
pub(crate) enum SessionWrite<'a> {
    /// Puts a session in the place of the agent's older one. It has no effect if the agent is gone.
    Put(&'a StoredSession),
    /// Removes a session, unless another has taken its place.
    Remove { agent: &'a AgentId, session: &'a SessionId },
    /// Stores when sessions were last heard from.
    Heartbeats(&'a [(SessionId, AgentId, i64)]),
    /// Makes an agent a member of a channel. A member stays what it is.
    Join { channel: &'a ChannelId, agent: &'a AgentId, now_ms: i64 },
    /// Ends an agent's membership.
    Leave { channel: &'a ChannelId, agent: &'a AgentId, now_ms: i64 },
    /// Appends a message to a channel. The oldest messages make room if the channel has too many or too many bytes then; if its
    /// project has, those of its largest channel do. It has no effect if the sender is no member.
    Message { channel: &'a ChannelId, message: &'a StoredChannelMessage },
    /// Deletes a channel with its members and messages.
    RemoveChannel(&'a ChannelId),
}
