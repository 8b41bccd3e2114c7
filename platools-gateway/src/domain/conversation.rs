//! `StoredConversation`: a stored conversation of a user with an agent, and its messages.

use super::ids::{AgentId, ConversationId, ProjectId};
use super::message::Message;

/// A stored conversation.
#[derive(Debug, Clone)]
pub(crate) struct StoredConversation {
    pub(crate) id: ConversationId,
    pub(crate) project_id: ProjectId,
    pub(crate) agent_id: AgentId,
    pub(crate) user_id: String,
    pub(crate) channel: String,
    pub(crate) created_ms: i64,
    pub(crate) updated_ms: i64,
}

/// A message of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredMessage {
    /// Its place, from 0 on.
    pub position: i64,
    /// Time of the message, in milliseconds since 1970.
    pub created_ms: i64,
    /// The message.
    pub message: Message,
}

/// Filter for the conversations of a project. A field without a value matches everything.
#[derive(Debug, Clone)]
pub(crate) struct ConversationFilter {
    pub(crate) project_id: ProjectId,
    pub(crate) user_id: Option<String>,
    pub(crate) agent_id: Option<AgentId>,
    /// The last conversation of the previous page.
    pub(crate) before: Option<(i64, ConversationId)>,
}

/// Limits on the conversations of a project.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ConversationBounds {
    /// Messages of one conversation.
    pub(crate) messages: i64,
    /// Bytes of one conversation.
    pub(crate) bytes: i64,
    /// Bytes of all conversations of a project.
    pub(crate) project_bytes: i64,
    /// Conversations of one user.
    pub(crate) of_user: i64,
}

/// The position of a run in the queue of its conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RunPosition {
    /// The run has its turn.
    Turn,
    /// The run waits behind others.
    Waiting,
    /// The run has no place: the queue is full, or the place was not renewed in time and is another run's.
    Nowhere,
}

/// A part of the messages of a conversation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MessagePage {
    /// Messages before this position.
    pub(crate) before: i64,
    /// The largest number of messages.
    pub(crate) limit: i64,
    /// The largest number of bytes of all of them.
    pub(crate) max_bytes: i64,
    /// The number of messages that are returned regardless of their size.
    pub(crate) at_least: usize,
}
