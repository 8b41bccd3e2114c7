//! Answers without a conversation: what was said before is the caller's to keep.

use super::{Action, Answer, ChatSink, Core, Error, Input, Message, Resource, authorize};
use crate::domain::identity::Caller;
use crate::domain::text::USER_ID;
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

/// A caller's leave for one chat or completion, counted among those under way until it is dropped.
#[derive(Debug)]
pub struct ChatPermit(#[expect(dead_code, reason = "it is kept, not used")] ChatPermits);

impl Core {
    /// Counts a chat or completion before it begins.
    ///
    /// # Errors
    /// The caller begins too many, or it or the gateway has too many under way.
    pub fn permit_chat(&self, caller: &Caller) -> Result<ChatPermit, Error> {
        self.limiter.chat(caller).map(ChatPermit)
    }

    /// Has an agent answer, and returns all that it said. The sink is told what happens meanwhile. Dropped before its end, the
    /// run is given up, and the calls of tools with it.
    ///
    /// # Errors
    /// The role is not enough, there is no such agent, it failed or took too long, or the database failed.
    pub async fn complete(
        &self,
        caller: &Caller,
        permit: ChatPermit,
        request: Completion<'_>,
        sink: &dyn ChatSink,
    ) -> Result<(String, Answer), Error> {
        let _under_way = permit;
        authorize(caller, Action::Chat, Resource::Project(&caller.project_id))?;
        USER_ID.check_any(caller.user_id.as_deref())?;
        let agent = self.agent_named(caller, request.agent)?;
        let Completion { instructions, history, message, .. } = request;
        self.answer_as(caller, &agent, Input { profile: &agent.profile, instructions, history, message }, sink).await
    }
}
