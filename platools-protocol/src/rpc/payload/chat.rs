//! The params, replies and events of chats with an agent. [`ChatSend`] begins a chat, and [`ChatReply`] ends it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::super::open_enum::open_words;

/// The params of `chat.send`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ChatSend {
    /// The agent.
    pub agent_id: String,
    /// The text.
    pub message: String,
    /// The origin of the message; usually `websocket`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// The conversation to go on with; a new one without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
}

impl ChatSend {
    /// The first message of a new conversation, from the channel `websocket`.
    #[must_use]
    pub fn new(agent_id: impl Into<String>, message: impl Into<String>) -> Self {
        let channel = Some("websocket".to_owned());
        Self { agent_id: agent_id.into(), message: message.into(), channel, session_id: None }
    }

    /// Goes on with a conversation.
    #[must_use]
    pub fn with_session_id(mut self, session_id: impl Into<String>) -> Self {
        self.session_id = Some(session_id.into());
        self
    }
}

impl fmt::Debug for ChatSend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { agent_id, message, channel, session_id } = self;
        f.debug_struct("ChatSend")
            .field("agent_id", agent_id)
            .field("message_bytes", &message.len())
            .field("channel", channel)
            .field("session_id", session_id)
            .finish()
    }
}

/// The reply to `chat.send`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ChatReply {
    /// The agent's text.
    pub content: String,
    /// The usage of the model.
    #[serde(default)]
    pub usage: Usage,
    /// The conversation, to be passed back with the next message; empty from a gateway that keeps none.
    #[serde(default)]
    pub session_id: String,
    /// The run that made the reply.
    #[serde(default)]
    pub run_id: String,
}

impl ChatReply {
    /// Makes an agent's message in a conversation.
    #[must_use]
    pub fn new(
        content: impl Into<String>,
        usage: Usage,
        session_id: impl Into<String>,
        run_id: impl Into<String>,
    ) -> Self {
        Self { content: content.into(), usage, session_id: session_id.into(), run_id: run_id.into() }
    }
}

impl fmt::Debug for ChatReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { content, usage, session_id, run_id } = self;
        f.debug_struct("ChatReply")
            .field("content_bytes", &content.len())
            .field("usage", usage)
            .field("session_id", session_id)
            .field("run_id", run_id)
            .finish()
    }
}

/// The usage of a model for a reply, in tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Usage {
    /// Tokens that were read.
    pub input_tokens: u64,
    /// Tokens that were written.
    pub output_tokens: u64,
}

impl Usage {
    /// Makes a usage of tokens that were read and written.
    #[must_use]
    pub fn new(input_tokens: u64, output_tokens: u64) -> Self {
        Self { input_tokens, output_tokens }
    }
}

/// The params of `chat.abort`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ChatAbort {
    /// The run that is to end, as the event `agent` names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
    /// The conversation whose runs are to end, also those that wait for their turn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
}

impl ChatAbort {
    /// The end of one run.
    #[must_use]
    pub fn new(run_id: impl Into<String>) -> Self {
        Self { run_id: Some(run_id.into()), session_id: None }
    }

    /// The end of the caller's runs in one conversation.
    #[must_use]
    pub fn of_session(session_id: impl Into<String>) -> Self {
        Self { run_id: None, session_id: Some(session_id.into()) }
    }
}

open_words! {
    /// The status of an agent's run.
    RunStatus {
        /// It has begun.
        Started = "started",
        /// It has ended with a reply.
        Completed = "completed",
        /// It has ended without one.
        Failed = "failed",
    }
}

/// The event `agent`: a run has started or ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AgentEvent {
    /// The run.
    pub run_id: String,
    /// The status.
    pub status: RunStatus,
    /// The conversation of the run; `None` from a gateway that does not name it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
}

impl AgentEvent {
    /// Makes the status of a run.
    #[must_use]
    pub fn new(run_id: impl Into<String>, status: RunStatus) -> Self {
        Self { run_id: run_id.into(), status, session_id: None }
    }

    /// Names the conversation of the run.
    #[must_use]
    pub fn with_session_id(mut self, session_id: impl Into<String>) -> Self {
        self.session_id = Some(session_id.into());
        self
    }
}

/// The event `chat`: an agent's answer grows.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ChatChunk {
    /// The text so far.
    pub chunk: String,
    /// The text that this event adds.
    #[serde(default)]
    pub delta: String,
    /// The run whose answer grows; `None` from a gateway that does not name it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
}

impl ChatChunk {
    /// The text so far, which ends with what is new.
    #[must_use]
    pub fn new(chunk: impl Into<String>, delta: impl Into<String>) -> Self {
        Self { chunk: chunk.into(), delta: delta.into(), run_id: None }
    }

    /// Names the run.
    #[must_use]
    pub fn with_run_id(mut self, run_id: impl Into<String>) -> Self {
        self.run_id = Some(run_id.into());
        self
    }
}

impl fmt::Debug for ChatChunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { chunk, delta, run_id } = self;
        f.debug_struct("ChatChunk")
            .field("chunk_bytes", &chunk.len())
            .field("delta_bytes", &delta.len())
            .field("run_id", run_id)
            .finish()
    }
}
