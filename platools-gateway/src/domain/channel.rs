//! [`StoredChannel`]: a stored channel of agents with sessions, with its members and its messages.

use super::error::{Error, ErrorKind};
use super::ids::{AgentId, ChannelId, MessageId, ProjectId};

/// A channel as one agent sees it.
#[derive(Debug, Clone)]
pub(crate) struct StoredChannel {
    pub(crate) id: ChannelId,
    pub(crate) slug: String,
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    pub(crate) metadata: String,
    pub(crate) created_ms: i64,
    pub(crate) members: i64,
    pub(crate) is_member: bool,
}

impl StoredChannel {
    /// A channel of a test.
    #[cfg(test)]
    pub(crate) fn sample(id: &str) -> Self {
        Self {
            id: id.into(),
            slug: id.to_owned(),
            name: id.to_owned(),
            description: None,
            metadata: "{}".to_owned(),
            created_ms: 1,
            members: 1,
            is_member: true,
        }
    }

    /// Refuses an agent that is not a member.
    pub(crate) fn check_member(&self) -> Result<(), Error> {
        if self.is_member { Ok(()) } else { Err(self.not_a_member()) }
    }

    /// The error for an agent that is not a member.
    pub(crate) fn not_a_member(&self) -> Error {
        let (id, slug) = (&self.id, &self.slug);
        let message =
            format!("the agent is no member of the channel `{slug}`; join it with `POST /v1/channels/{id}/join`");
        Error::new(ErrorKind::Forbidden, message)
    }
}

/// A channel that is about to be added.
#[derive(Debug)]
pub(crate) struct AddedChannel {
    pub(crate) id: ChannelId,
    pub(crate) project_id: ProjectId,
    pub(crate) slug: String,
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    pub(crate) metadata: String,
    pub(crate) created_ms: i64,
}

/// The outcome of adding a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChannelAddition {
    Added,
    SlugTaken,
    /// The project has as many as it may have.
    ProjectIsFull,
    /// The agent has made as many as it may.
    AgentIsFull,
}

/// The largest numbers of channels.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ChannelLimits {
    pub(crate) of_project: i64,
    pub(crate) of_agent: i64,
}

/// An agent in a channel.
#[derive(Debug, Clone)]
pub(crate) struct StoredMember {
    pub(crate) agent_id: AgentId,
    pub(crate) address: String,
    pub(crate) title: Option<String>,
    pub(crate) role: String,
    pub(crate) joined_ms: i64,
}

/// A message of a channel.
#[derive(Clone)]
pub(crate) struct StoredChannelMessage {
    pub(crate) id: MessageId,
    pub(crate) agent_id: AgentId,
    pub(crate) address: String,
    pub(crate) from_name: Option<String>,
    pub(crate) message_type: String,
    pub(crate) content: String,
    pub(crate) metadata: Option<String>,
    pub(crate) created_ms: i64,
    /// The place in the order of its channel, which the store decides.
    pub(crate) position: i64,
}

/// Shows the id only: the text belongs to the agents.
impl std::fmt::Debug for StoredChannelMessage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoredChannelMessage").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Limits on the messages of a channel and of a project.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ChannelBounds {
    /// Messages of one channel.
    pub(crate) messages: i64,
    /// Bytes of one channel.
    pub(crate) bytes: i64,
    /// Bytes of all channels of a project.
    pub(crate) project_bytes: i64,
}
