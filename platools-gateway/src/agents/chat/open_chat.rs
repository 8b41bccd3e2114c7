//! [`OpenChat`]: one message to an agent, which passed every check and has a conversation. It waits for its turn, runs the agent and stores
//! the answer.

use std::fmt;

use super::conversation_turn::ConversationTurn;
use super::run_events::RunEvents;
use super::{ChatPermit, ChatReply, ChatRequest, Conversations};
use crate::agents::{ChatSink, Message, RunInput};
use crate::authority::Action;
use crate::domain::agent::Agent;
use crate::domain::conversation::StoredConversation;
use crate::domain::error::{Error, ErrorKind};
use crate::domain::identity::Caller;
use crate::domain::ids::{ConversationId, RunId};
use crate::domain::number::saturating_i64;
use crate::ports::time::now_ms;

/// The number of messages of a conversation that an agent gets, the newest.
const HISTORY: i64 = 200;

/// A message to an agent that passed every check, and its conversation. It counts among the caller's chats until it is dropped.
pub struct OpenChat<'a> {
    conversations: &'a Conversations,
    caller: &'a Caller,
    agent: Agent,
    conversation: ConversationId,
    message: String,
    _under_way: ChatPermit,
}

impl Conversations {
    /// Checks a message to an agent, and finds its conversation or begins one. The agent does not get the message yet.
    ///
    /// # Errors
    /// The role is not enough, the caller speaks for no user, there is no such agent or conversation, the agent lacks a setting, the
    /// caller begins or has too many chats, or the database failed.
    pub async fn open<'a>(&'a self, caller: &'a Caller, request: ChatRequest) -> Result<OpenChat<'a>, Error> {
        let user = self.check_chat(caller, &request.message)?;
        let under_way = self.permit(caller)?;
        let agent = self.agent_named(caller, &request.agent)?;
        self.check_agent(caller, &agent.profile)?;
        let conversation = match &request.conversation {
            Some(id) => self.conversation_with(caller, &agent, id).await?,
            None => self.new_conversation(caller, &agent, user, request.channel).await?,
        };
        let message = request.message;
        Ok(OpenChat { conversations: self, caller, agent, conversation, message, _under_way: under_way })
    }

    /// The conversation that a message goes on with.
    async fn conversation_with(
        &self,
        caller: &Caller,
        agent: &Agent,
        id: &ConversationId,
    ) -> Result<ConversationId, Error> {
        let row = self.stored(caller, Action::Chat, id).await?;
        if row.agent_id != agent.id {
            let message = "this conversation is with another agent; leave `sessionId` out to begin one with this agent";
            return Err(Error::new(ErrorKind::InvalidRequest, message));
        }
        Ok(row.id)
    }

    async fn new_conversation(
        &self,
        caller: &Caller,
        agent: &Agent,
        user: &str,
        channel: String,
    ) -> Result<ConversationId, Error> {
        let now = now_ms();
        let row = StoredConversation {
            id: ConversationId::random(),
            project_id: caller.project_id.clone(),
            agent_id: agent.id.clone(),
            user_id: user.to_owned(),
            channel,
            created_ms: now,
            updated_ms: now,
        };
        self.store.add_conversation(&row, self.settings.bounds()).await?;
        Ok(row.id)
    }
}

impl OpenChat<'_> {
    /// The conversation that the message belongs to.
    #[must_use]
    pub fn conversation(&self) -> &ConversationId {
        &self.conversation
    }

    /// Waits for the message's turn in the conversation, runs the agent, and sends the events of the run to the sink. Dropped before
    /// its end, the run and its calls of tools are cancelled.
    ///
    /// The conversation stores the user's message when the run begins, and the agent's messages and calls when it has answered. A message that
    /// is repeated after a failed run is stored once.
    ///
    /// # Errors
    /// The conversation has a run under way ([`WhenBusy::Refuse`](super::WhenBusy::Refuse)) or too many messages wait for it, it was deleted
    /// meanwhile, the agent failed or took too long, or the database failed.
    pub async fn answer(self, run: &RunId, sink: &dyn ChatSink) -> Result<ChatReply, Error> {
        let Self { conversations, caller, agent, conversation, message, .. } = &self;
        let turn = conversations.turn(conversation, run).await?;
        // It may have been deleted while this waited for its turn.
        conversations.stored(caller, Action::Chat, conversation).await?;
        let history = self.add_message(&turn).await?;
        tracing::debug!(run.id = %run, conversation.id = %conversation, agent = agent.slug, "run begins");
        let events = RunEvents::begin(sink, conversation);
        let input = RunInput { profile: &agent.profile, instructions: &[], history: &history, message };
        let (content, output) = turn.keep(conversations.run_agent(caller, agent, input, sink)).await?;
        self.store_messages(&turn, &output.messages).await?;
        events.completed();
        Ok(ChatReply { content, usage: output.usage, conversation: self.conversation.clone() })
    }

    /// Adds the message to the conversation, and returns the messages before it. If the conversation ends with the same message, that
    /// one had no answer and is sent again: it is kept once.
    async fn add_message(&self, turn: &ConversationTurn) -> Result<Vec<Message>, Error> {
        let Self { conversations, conversation, .. } = self;
        let max_bytes = saturating_i64(conversations.settings.max_history_bytes);
        let mut history = conversations.store.messages(conversation, HISTORY, max_bytes).await?;
        let message = Message::user(self.message.as_str());
        if history.last() == Some(&message) {
            history.pop();
        } else {
            self.store_messages(turn, &[message]).await?;
        }
        Ok(history)
    }

    async fn store_messages(&self, turn: &ConversationTurn, messages: &[Message]) -> Result<(), Error> {
        let Self { conversations, conversation, .. } = self;
        turn.add_messages(&*conversations.store, conversation, messages, conversations.settings.bounds()).await
    }
}

/// Shows nothing of the message, which belongs to the user.
impl fmt::Debug for OpenChat<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (agent, conversation) = (&self.agent.slug, &self.conversation);
        f.debug_struct("OpenChat").field("agent", agent).field("conversation", conversation).finish_non_exhaustive()
    }
}
