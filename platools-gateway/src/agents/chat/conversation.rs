//! Functions of [`Conversations`] that list, read, reset and delete stored conversations.

use super::Conversations;
use crate::authority::{Action, ConversationScope, Resource, authorize};
use crate::background::retention_clock::RetentionClock;
use crate::domain::conversation::{ConversationFilter, MessagePage, StoredConversation, StoredMessage};
use crate::domain::error::{Error, ErrorKind};
use crate::domain::identity::Caller;
use crate::domain::ids::{AgentId, ConversationId, RunId};
use crate::domain::number::saturating_i64;
use crate::domain::page::Listing;

/// Bytes of messages on one page; a longer message is on a page of its own.
const PAGE_BYTES: i64 = 4 * 1024 * 1024;

/// A conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Conversation {
    /// Its id.
    pub id: ConversationId,
    /// The agent it is with.
    pub agent_id: AgentId,
    /// The agent's slug.
    pub agent: String,
    /// The user of the conversation.
    pub user_id: String,
    /// The place where it began, such as `websocket`.
    pub channel: String,
    /// Time when it began, in milliseconds since 1970.
    pub created_ms: i64,
    /// Time of the last message, in milliseconds since 1970.
    pub updated_ms: i64,
}

/// Filter for conversations. A field without a value matches everything.
#[derive(Debug, Clone, Default)]
pub struct ConversationQuery {
    /// The agent, by slug or id.
    pub agent: Option<String>,
    /// The user. Only an admin names another one than it speaks for.
    pub user_id: Option<String>,
    /// Conversations after another one in the list, which goes from the latest to the oldest.
    pub before: Option<ConversationsBefore>,
}

/// A place in the list of conversations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConversationsBefore {
    /// Time of the last message of the last conversation of the page, in milliseconds since 1970.
    pub updated_ms: i64,
    /// The last conversation of the page.
    pub id: ConversationId,
}

impl Conversations {
    /// Lists the conversations of the caller's user, the latest first. An admin sees those of all users. A search for conditions that few
    /// conversations meet ends after some 20,000 of them, with fewer items than `limit` and the position to go on from.
    ///
    /// # Errors
    /// The role is not enough, there is no such agent, too many lists are read at the moment, the list took too long, or the database
    /// failed.
    pub async fn list(
        &self,
        caller: &Caller,
        query: ConversationQuery,
        limit: usize,
    ) -> Result<Listing<Conversation, ConversationsBefore>, Error> {
        authorize(caller, Action::View, Resource::Project(&caller.project_id))?;
        let nothing = || Listing { items: Vec::new(), more: None };
        let user_id = match (query.user_id, ConversationScope::of(caller)) {
            (_, ConversationScope::Nothing) => return Ok(nothing()),
            (Some(wanted), ConversationScope::User(own)) if wanted != own => return Ok(nothing()),
            (_, ConversationScope::User(own)) => Some(own),
            (wanted, ConversationScope::All) => wanted,
        };
        let agent_id = match query.agent {
            Some(name) => Some(self.agent_named(caller, &name)?.id),
            None => None,
        };
        let before = query.before.map(|before| (before.updated_ms, before.id));
        let filter = ConversationFilter { project_id: caller.project_id.clone(), user_id, agent_id, before };
        let found = self.store.conversations(&filter, saturating_i64(limit)).await?;
        Ok(found.map(|row| self.shown(row), |(updated_ms, id)| ConversationsBefore { updated_ms, id }))
    }

    /// A conversation and its last messages, the oldest first. Before a position, if one is given. A page has up to 4 MiB of
    /// messages, or a single longer one.
    ///
    /// # Errors
    /// The role is not enough, there is no such conversation that the caller may see, or the database failed.
    pub async fn get(
        &self,
        caller: &Caller,
        id: &ConversationId,
        before: Option<i64>,
        limit: usize,
    ) -> Result<(Conversation, Vec<StoredMessage>), Error> {
        let row = self.stored(caller, Action::View, id).await?;
        let page = MessagePage {
            before: before.unwrap_or(i64::MAX),
            limit: saturating_i64(limit),
            max_bytes: PAGE_BYTES,
            at_least: 1,
        };
        let messages = self.store.stored_messages(id, &page).await?;
        Ok((self.shown(row), messages))
    }

    /// Removes the messages of a conversation, after the run that is under way. The conversation stays.
    ///
    /// # Errors
    /// Like [`Conversations::get`], or the role is not enough to change it.
    pub async fn reset(&self, caller: &Caller, id: &ConversationId) -> Result<(), Error> {
        self.stored(caller, Action::Change, id).await?;
        let _turn = self.turn(id, &RunId::random()).await?;
        self.store.clear_conversation(id).await
    }

    /// Deletes a conversation, after the run that is under way.
    ///
    /// # Errors
    /// Like [`Conversations::get`], or the role is not enough to change it.
    pub async fn delete(&self, caller: &Caller, id: &ConversationId) -> Result<(), Error> {
        self.stored(caller, Action::Change, id).await?;
        let _turn = self.turn(id, &RunId::random()).await?;
        self.store.remove_conversation(id).await
    }

    /// Finds a conversation that a caller may see or change. The error does not tell a forbidden conversation from a missing one.
    pub(super) async fn stored(
        &self,
        caller: &Caller,
        action: Action,
        id: &ConversationId,
    ) -> Result<StoredConversation, Error> {
        authorize(caller, action, Resource::Project(&caller.project_id))?;
        let missing = || Error::new(ErrorKind::NotFound, format!("there is no conversation `{id}`"));
        let row = self.store.conversation(&caller.project_id, id).await?.ok_or_else(missing)?;
        let conversation = Resource::Conversation { project: &row.project_id, user: &row.user_id };
        authorize(caller, action, conversation).map_err(|denial| denial.or_missing(missing))?;
        Ok(row)
    }

    /// Removes conversations without a message for longer than the settings allow.
    pub(crate) async fn forget_old(&self, clock: &RetentionClock) -> Result<(), Error> {
        self.store.forget_conversations_before(clock.cutoff_ms(self.settings.max_age)).await
    }

    fn shown(&self, row: StoredConversation) -> Conversation {
        let snapshot = self.directory.snapshot();
        let agent = snapshot.agent(&row.agent_id);
        Conversation {
            agent: agent.map_or_else(|| row.agent_id.to_string(), |agent| agent.slug.clone()),
            id: row.id,
            agent_id: row.agent_id,
            user_id: row.user_id,
            channel: row.channel,
            created_ms: row.created_ms,
            updated_ms: row.updated_ms,
        }
    }
}
