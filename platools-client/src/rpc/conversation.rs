//! [`Conversation`]: sends one message after the other to an agent, all under one conversation id. `chat.rs` receives the agent's answers.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use super::chat::Chat;
use super::chat_channel::SessionId;
use super::client::RpcClient;
use super::error::RequestError;

/// A conversation with an agent: it keeps the gateway's id for it and passes that on with each message, also after a
/// reconnect. Clones belong to the same conversation.
///
/// The id is known from the event `agent` of the first run on, and from a failure that [names it](RequestError::session_id). A message that
/// was refused before a conversation began leaves this one as new as it was.
#[derive(Clone)]
pub struct Conversation {
    client: RpcClient,
    agent: String,
    session_id: SessionId,
}

impl RpcClient {
    /// Begins a conversation with an agent.
    #[must_use]
    pub fn conversation(&self, agent: impl Into<String>) -> Conversation {
        Conversation::new(self.clone(), agent.into(), None)
    }

    /// Resumes a conversation, whose id a [reply](platools_protocol::rpc::ChatReply::session_id) had.
    #[must_use]
    pub fn resume(&self, agent: impl Into<String>, session_id: impl Into<String>) -> Conversation {
        Conversation::new(self.clone(), agent.into(), Some(session_id.into()))
    }
}

impl Conversation {
    pub(super) fn new(client: RpcClient, agent: String, session_id: Option<String>) -> Self {
        Self { client, agent, session_id: Arc::new(Mutex::new(session_id)) }
    }

    /// Sends a message in the conversation, as [`RpcClient::chat`] does in a new one.
    ///
    /// # Errors
    /// As for [`RpcClient::chat`].
    pub async fn say(&self, message: impl Into<String>) -> Result<Chat, RequestError> {
        self.client.begin_chat(self.agent.clone(), message.into(), Some(&self.session_id)).await
    }

    /// The gateway's id for the conversation, once that is known. [`RpcClient::resume`] goes on with it in another process.
    #[must_use]
    pub fn session_id(&self) -> Option<String> {
        self.session_id.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl fmt::Debug for Conversation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Conversation")
            .field("agent", &self.agent)
            .field("session_id", &self.session_id())
            .finish_non_exhaustive()
    }
}
