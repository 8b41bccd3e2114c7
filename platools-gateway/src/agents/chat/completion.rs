//! [`Completion`]: a message that an agent answers without a stored conversation. The caller sends the earlier messages along.

use super::Conversations;
use crate::agents::{ChatSink, Message, RunInput, RunOutput};
use crate::authority::{Action, Resource, authorize};
use crate::domain::error::Error;
use crate::domain::identity::Caller;
use crate::domain::text_rule::USER_ID;
use crate::limits::ChatPermits;

/// A message for an agent, without a conversation.
#[derive(Debug, Clone, Copy)]
pub struct Completion<'a> {
    /// The agent, by slug or id.
    pub agent: &'a str,
    /// Instructions for the model, after the agent's own system prompt.
    pub instructions: &'a [String],
    /// Earlier messages, the oldest first.
    pub history: &'a [Message],
    /// The message to answer.
    pub message: &'a str,
}

/// A permit for one chat or completion, which counts among the caller's until it is dropped.
#[derive(Debug)]
pub struct ChatPermit(#[expect(dead_code, reason = "it is kept, not used")] ChatPermits);

impl Conversations {
    /// Counts a chat or completion before it begins.
    ///
    /// # Errors
    /// The caller begins too many, or it or the gateway has too many under way.
    pub fn permit(&self, caller: &Caller) -> Result<ChatPermit, Error> {
        self.limiter.admit_chat(caller).map(ChatPermit)
    }

    /// Runs an agent, and returns the text of its answer. The sink gets the events of the run. Dropped before its end, the run and its
    /// calls of tools are cancelled.
    ///
    /// # Errors
    /// The role is not enough, there is no such agent, it failed or took too long, or the database failed.
    pub async fn complete(
        &self,
        caller: &Caller,
        permit: ChatPermit,
        request: Completion<'_>,
        sink: &dyn ChatSink,
    ) -> Result<(String, RunOutput), Error> {
        let _under_way = permit;
        authorize(caller, Action::Chat, Resource::Project(&caller.project_id))?;
        USER_ID.check_any(caller.user_id.as_deref())?;
        let agent = self.agent_named(caller, request.agent)?;
        let Completion { instructions, history, message, .. } = request;
        self.run_agent(caller, &agent, RunInput { profile: &agent.profile, instructions, history, message }, sink).await
    }
}
