//! Answers without a conversation: what was said before is the caller's to keep.

use super::{Answer, ChatSink, Core, Error, Input, Message, Role};
use crate::core::admin::USER_ID;
use crate::core::identity::Caller;

/// What an agent is to answer, without a conversation.
#[derive(Debug, Clone, Copy)]
pub struct Completion<'a> {
    /// The agent, by slug or id.
    pub agent: &'a str,
    /// What a model is told after the agent's own system prompt.
    pub instructions: &'a [String],
    /// What was said before, the oldest first.
    pub history: &'a [Message],
    /// What is said now.
    pub message: &'a str,
}

impl Core {
    /// Has an agent answer, and returns all that it said. The sink is told what happens meanwhile. Dropped before its end, the
    /// run is given up, and the calls of tools with it.
    ///
    /// # Errors
    /// The role is not enough, there is no such agent, it failed or took too long, or the database failed.
    pub async fn complete(
        &self,
        caller: &Caller,
        request: Completion<'_>,
        sink: &dyn ChatSink,
    ) -> Result<(String, Answer), Error> {
        caller.require(Role::Operator)?;
        USER_ID.check_any(caller.user_id.as_deref())?;
        let agent = self.agent_named(caller, request.agent)?;
        let Completion { instructions, history, message, .. } = request;
        self.answer_as(caller, &agent, Input { profile: &agent.profile, instructions, history, message }, sink).await
    }
}
