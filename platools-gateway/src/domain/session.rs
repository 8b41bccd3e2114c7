//! [`StoredSession`]: the stored session of an agent. [`SessionWrite`]: a change of a session, a channel or a message that is to be stored,
//! with its [`WriteEffect`].

use serde::{Deserialize, Serialize};

use super::channel::StoredChannelMessage;
use super::generation::Generation;
use super::ids::{AgentId, ChannelId, ProjectId, SessionId};

/// A session as it is stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct StoredSession {
    pub(crate) id: SessionId,
    pub(crate) agent_id: AgentId,
    pub(crate) project_id: ProjectId,
    pub(crate) address: String,
    pub(crate) title: Option<String>,
    pub(crate) metadata: String,
    pub(crate) connected_ms: i64,
    pub(crate) heartbeat_ms: i64,
    /// Of two sessions of an agent the later one stays. It names the gateway where the session began, which ends it when it is silent.
    pub(crate) generation: Generation,
}

/// A change of what is stored of sessions and their channels. Many are written together.
#[derive(Debug)]
pub(crate) enum SessionWrite<'a> {
    /// Puts a session in the place of the agent's older one, with a later generation. It has no effect if the agent is gone.
    Put(&'a StoredSession),
    /// Removes a session, unless another has taken its place.
    Remove { agent: &'a AgentId, session: &'a SessionId },
    /// Removes a session, unless another has taken its place or it was heard from after some time.
    RemoveSilent { agent: &'a AgentId, session: &'a SessionId, heard_ms: i64 },
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

/// The effect of a [`SessionWrite`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WriteEffect {
    /// It had none.
    Nothing,
    /// The change is made.
    Made,
    /// The session has this generation, which may be later than the one that was asked for.
    Began(Generation),
    /// The message has this position in its channel. Each message has the position after that of the message before it.
    Sent { position: i64 },
}
