//! Conversations with agents: one run after the other in each, stored, and seen by nobody but their user. [`OpenChat`] is one message
//! of them, from its check to its answer.

mod complete;
mod conversation;
mod lifecycle;
mod open;
mod runs;

use std::panic::AssertUnwindSafe;

use futures::FutureExt as _;
use tokio::time::timeout;

use super::{Answer, ChatSink, CommandAgent, Input, Message, RunTools, Speech, Usage};
use crate::agents;
use crate::authority::{Action, Resource, authorize};
use crate::core::Core;
use crate::directory::missing_agent;
use crate::domain::agent::Agent;
use crate::domain::conversation::ConversationBounds;
use crate::domain::error::{Error, ErrorKind};
use crate::domain::identity::Caller;
use crate::domain::ids::{ConversationId, RunId};
use crate::domain::profile::{Kind, Profile};
use crate::domain::text::USER_ID;

pub use crate::domain::conversation::StoredMessage;
pub use crate::settings::{ChatSettings, WhenBusy};
pub use complete::{ChatPermit, Completion};
pub use conversation::{Conversation, ConversationQuery, ConversationsBefore};
pub use open::OpenChat;

pub(crate) use runs::Runs;

/// A message has at most so many bytes: what the gateway RPC protocol lets through, and a little less.
const MAX_MESSAGE_BYTES: usize = 512 * 1024;

/// A message of a user to an agent.
#[derive(Debug, Clone)]
pub struct ChatRequest {
    /// The agent, by slug or id.
    pub agent: String,
    /// The text.
    pub message: String,
    /// The conversation to go on with. Without one, a new one begins.
    pub conversation: Option<ConversationId>,
    /// The place where it is said, such as `websocket`.
    pub channel: String,
}

/// The agent's answer.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ChatReply {
    /// All that it said.
    pub content: String,
    /// The cost of the answer.
    pub usage: Usage,
    /// The conversation, to go on with.
    pub conversation: ConversationId,
}

impl Core {
    /// Says something to an agent and waits for its answer: [`Core::open_chat`] and [`OpenChat::answer`].
    ///
    /// # Errors
    /// Those of both.
    pub async fn chat(
        &self,
        caller: &Caller,
        request: ChatRequest,
        run: &RunId,
        sink: &dyn ChatSink,
    ) -> Result<ChatReply, Error> {
        self.open_chat(caller, request).await?.answer(run, sink).await
    }

    /// Runs an agent for a caller, within the limit. An agent that panics has failed.
    async fn answer_as(
        &self,
        caller: &Caller,
        agent: &Agent,
        input: Input<'_>,
        sink: &dyn ChatSink,
    ) -> Result<(String, Answer), Error> {
        let profile = &agent.profile;
        // Whoever looks at the calls sees which agent made them.
        let caller = Caller { agent_id: Some(agent.id.clone()), ..caller.clone() };
        let (allowed, environment) = (profile.tools.as_deref(), profile.environment.as_deref());
        let tools = RunTools::new(self, &caller, sink, allowed, environment).await?;
        let speech = Speech::new(sink);
        let thinker = self.thinker(profile)?;
        let run = AssertUnwindSafe(async { thinker.run(input, &tools, &speech).await }).catch_unwind();
        let answer = match timeout(self.chat.run_limit, run).await {
            Ok(ended) => ended.unwrap_or_else(|_| Err(panicked())),
            Err(_) => Err(self.took_too_long()),
        };
        let answer = answer.map_err(|error| error.after_tool_calls(tools.calls()))?;
        Ok((speech.into_text(), answer))
    }

    fn took_too_long(&self) -> Error {
        let seconds = self.chat.run_limit.as_secs_f64();
        Error::new(ErrorKind::AgentTimeout, format!("the agent did not answer within {seconds} seconds"))
    }

    /// Checks that an agent can answer, so that nothing begins if it cannot.
    fn check_agent(&self, caller: &Caller, profile: &Profile) -> Result<(), Error> {
        self.thinker(profile)?.check(profile)?;
        self.directory.environment_of(caller, profile.environment.as_deref()).map(drop)
    }

    /// Returns the implementation that thinks for an agent.
    fn thinker(&self, profile: &Profile) -> Result<&dyn agents::Agent, Error> {
        match profile.kind {
            Kind::Command => Ok(&CommandAgent),
            Kind::Model => self.model.as_deref().ok_or_else(|| {
                let message =
                    "this agent needs a model, and the gateway was started without one; start it with `--model-url`";
                Error::new(ErrorKind::NotConfigured, message)
            }),
        }
    }

    fn check_chat<'a>(&self, caller: &'a Caller, message: &str) -> Result<&'a str, Error> {
        authorize(caller, Action::Chat, Resource::Project(&caller.project_id))?;
        if message.trim().is_empty() || message.len() > MAX_MESSAGE_BYTES {
            return Err(Error::new(
                ErrorKind::InvalidRequest,
                "`message` must have some text, and at most 512 KiB of it",
            ));
        }
        let user = caller.user_id.as_deref().ok_or_else(no_user)?;
        USER_ID.check(user)?;
        Ok(user)
    }

    fn agent_named(&self, caller: &Caller, name: &str) -> Result<Agent, Error> {
        let snapshot = self.directory.snapshot();
        let found = snapshot.agent_named(&caller.project_id, name).cloned();
        found.ok_or_else(|| missing_agent(&snapshot, &caller.project_id, name))
    }
}

impl ChatSettings {
    fn bounds(&self) -> ConversationBounds {
        ConversationBounds {
            messages: i64::from(self.max_messages),
            bytes: as_i64(self.max_conversation_bytes),
            project_bytes: as_i64(self.max_project_bytes),
            of_user: i64::from(self.max_conversations),
        }
    }
}

fn as_i64(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn panicked() -> Error {
    Error::new(ErrorKind::AgentFailed, "the agent failed because of a fault in the gateway; the gateway's log has it")
}

fn no_user() -> Error {
    let message =
        "conversations belong to users, and this caller speaks for none; use a key or token that may speak for a user";
    Error::new(ErrorKind::InvalidRequest, message)
}

#[cfg(test)]
mod tests {
    use tokio::task::yield_now;

    use super::*;
    use crate::limits::Limits;

    #[tokio::test]
    async fn a_message_that_waits_behind_a_deletion_finds_no_conversation() {
        let folder = tempfile::tempdir().unwrap();
        let core = Core::open(folder.path(), &Limits::default()).await.unwrap();
        core.local_admin().add_agent("desk", Profile::default()).await.unwrap();
        let caller = Caller {
            project_id: core.authenticator.anonymous().project_id,
            user_id: Some("u-1".to_owned()),
            ..Caller::sample("key_operator")
        };
        let mut request = ChatRequest {
            agent: "desk".to_owned(),
            message: "/help".to_owned(),
            conversation: None,
            channel: "test".to_owned(),
        };
        let id = core.chat(&caller, request.clone(), &RunId::random(), &()).await.unwrap().conversation;
        let turn = core.runs.turn(&id, WhenBusy::Queue).await.unwrap();
        request.conversation = Some(id.clone());
        let run = RunId::random();
        let message = core.chat(&caller, request, &run, &());
        let deletion = async {
            while core.runs.waiting(&id) < 2 {
                yield_now().await;
            }
            core.store.remove_conversation(&id).await.unwrap();
            drop(turn);
        };
        let (end, ()) = tokio::join!(message, deletion);
        assert_eq!(end.unwrap_err().kind(), ErrorKind::NotFound);
    }
}
