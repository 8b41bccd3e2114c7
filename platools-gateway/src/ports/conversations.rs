//! [`ConversationStore`]: the port that stores conversations with agents, and their messages.

use std::time::Duration;

use async_trait::async_trait;

use crate::domain::conversation::{
    ConversationBounds, ConversationFilter, MessagePage, RunPosition, StoredConversation, StoredMessage,
};
use crate::domain::error::Error;
use crate::domain::ids::{ConversationId, ProjectId, RunId};
use crate::domain::message::Message;
use crate::domain::page::Listing;

/// Stores conversations with agents, and their messages.
#[async_trait]
pub(crate) trait ConversationStore: std::fmt::Debug + Send + Sync {
    /// Adds a conversation. If its user has too many then, those that were quiet for longest are deleted.
    async fn add_conversation(
        &self,
        conversation: &StoredConversation,
        bounds: ConversationBounds,
    ) -> Result<(), Error>;

    /// Finds a conversation of a project.
    async fn conversation(&self, project: &ProjectId, id: &ConversationId)
    -> Result<Option<StoredConversation>, Error>;

    /// Conversations, those with the latest message first. A list that looks at too many for one page ends before the page is full,
    /// and returns where it goes on.
    async fn conversations(
        &self,
        filter: &ConversationFilter,
        limit: i64,
    ) -> Result<Listing<StoredConversation, (i64, ConversationId)>, Error>;

    /// Appends messages to a conversation, all or none. The oldest make room if it has too many of them or too many bytes then, and
    /// quiet conversations do if its project has too many bytes.
    ///
    /// # Errors
    /// The conversation was deleted, or the database failed.
    async fn add_messages(
        &self,
        id: &ConversationId,
        messages: &[Message],
        now_ms: i64,
        bounds: ConversationBounds,
    ) -> Result<(), Error>;

    /// Appends messages of a run like [`add_messages`](Self::add_messages), if the run still has a place in the queue of its conversation.
    ///
    /// # Errors
    /// As of `add_messages`; or the run has no place any more.
    async fn add_messages_of_run(
        &self,
        (id, run): (&ConversationId, &RunId),
        messages: &[Message],
        now_ms: i64,
        bounds: ConversationBounds,
    ) -> Result<(), Error>;

    /// Puts a run into the queue of its conversation, unless `limit` runs are in there. The run keeps its place for the time of `lease`,
    /// which the database's clock measures, and gives room for others afterwards.
    ///
    /// # Errors
    /// The conversation was deleted, or the database failed.
    async fn queue_run(
        &self,
        id: &ConversationId,
        run: &RunId,
        lease: Duration,
        limit: i64,
    ) -> Result<RunPosition, Error>;

    /// Renews the place of a run for the time of `lease`, and returns it. Runs whose lease is over lose theirs.
    async fn renew_run(&self, id: &ConversationId, run: &RunId, lease: Duration) -> Result<RunPosition, Error>;

    /// The place of a run. `Turn` if only runs whose lease is over are before it: [`renew_run`](Self::renew_run) then gives the turn.
    ///
    /// # Errors
    /// The conversation was deleted, or the database failed.
    async fn run_position(&self, id: &ConversationId, run: &RunId) -> Result<RunPosition, Error>;

    /// Takes a run out of the queue of its conversation.
    async fn end_run(&self, id: &ConversationId, run: &RunId) -> Result<(), Error>;

    /// The newest messages of a conversation that have up to so many bytes together, the oldest first.
    async fn messages(&self, id: &ConversationId, limit: i64, max_bytes: i64) -> Result<Vec<Message>, Error> {
        let page = MessagePage { before: i64::MAX, limit, max_bytes, at_least: 0 };
        let stored = self.stored_messages(id, &page).await?;
        Ok(stored.into_iter().map(|stored| stored.message).collect())
    }

    /// The last messages of a conversation before a position, the oldest first.
    async fn stored_messages(&self, id: &ConversationId, page: &MessagePage) -> Result<Vec<StoredMessage>, Error>;

    /// Removes the messages of a conversation.
    async fn clear_conversation(&self, id: &ConversationId) -> Result<(), Error>;

    /// Removes a conversation and its messages.
    async fn remove_conversation(&self, id: &ConversationId) -> Result<(), Error>;

    /// Deletes the conversations without a message since some time, some in each transaction.
    async fn forget_conversations_before(&self, ms: i64) -> Result<(), Error>;
}
