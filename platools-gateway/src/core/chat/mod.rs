//! Conversations with agents: one run after the other in each, stored, and seen by nobody but their user.

mod complete;
mod conversation;
mod runs;
mod settings;

use tokio::time::timeout;

use super::Core;
use super::admin::{USER_ID, missing_agent};
use super::agent::{Agent, Answer, ChatSink, CommandAgent, Input, Kind, Message, Profile, Speech, Tools, Usage};
use super::clock::now_ms;
use super::error::{Error, ErrorKind};
use super::identity::Caller;
use super::ids::{ConversationId, RunId};
use crate::authority::{Action, Resource, authorize};
use crate::store::{AgentRow, ConversationBounds, ConversationRow};

pub use complete::{ChatPermit, Completion};
pub use conversation::{Conversation, ConversationQuery, ConversationsBefore, StoredMessage};
pub use settings::{ChatSettings, WhenBusy};

pub(crate) use runs::Runs;

/// A message has at most so many bytes: what the gateway RPC protocol lets through, and a little less.
const MAX_MESSAGE_BYTES: usize = 512 * 1024;

/// So many messages of a conversation are told to an agent, the newest.
const HISTORY: i64 = 200;

/// What a user says to an agent.
#[derive(Debug, Clone)]
pub struct ChatRequest {
    /// The agent, by slug or id.
    pub agent: String,
    /// What is said.
    pub message: String,
    /// The conversation to go on with. Without one, a new one begins.
    pub conversation: Option<ConversationId>,
    /// Where it is said, such as `websocket`.
    pub channel: String,
}

/// What the agent answered.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ChatReply {
    /// All that it said.
    pub content: String,
    /// What that cost.
    pub usage: Usage,
    /// The conversation, to go on with.
    pub conversation: ConversationId,
}

impl Core {
    /// Says something to an agent and waits for its answer. The sink is told what happens meanwhile. Dropped before its end, the
    /// run is given up, and the calls of tools with it; what the user said stays in the conversation.
    ///
    /// # Errors
    /// The role is not enough, the caller speaks for no user, there is no such agent or conversation, the conversation has a run
    /// under way ([`WhenBusy::Refuse`]) or too many wait for it, the caller begins or has too many chats, the agent failed or took too long, or the database failed.
    pub async fn chat(
        &self,
        caller: &Caller,
        request: ChatRequest,
        run: &RunId,
        sink: &dyn ChatSink,
    ) -> Result<ChatReply, Error> {
        let user = self.check_chat(caller, &request.message)?;
        let _under_way = self.permit_chat(caller)?;
        let agent = self.agent_named(caller, &request.agent)?;
        let conversation = self.open_conversation(caller, &agent, user, &request).await?;
        let _turn = self.runs.turn(&conversation, self.chat.busy).await?;
        // It may have been deleted while this waited for its turn.
        self.conversation_of(caller, Action::Chat, &conversation).await?;
        let history = self.store.messages(&conversation, HISTORY, as_i64(self.chat.max_history_bytes)).await?;
        let said = Message::user(request.message.as_str());
        let bounds = self.chat.bounds();
        self.store.add_messages(&conversation, &[said], now_ms(), bounds).await?;
        tracing::debug!(run.id = %run, conversation.id = %conversation, agent = agent.slug, "run begins");
        let input = Input { profile: &agent.profile, instructions: &[], history: &history, message: &request.message };
        let (content, answer) = self.answer_as(caller, &agent, input, sink).await?;
        self.store.add_messages(&conversation, &answer.messages, now_ms(), bounds).await?;
        Ok(ChatReply { content, usage: answer.usage, conversation })
    }

    /// Runs an agent for a caller, within the limit.
    async fn answer_as(
        &self,
        caller: &Caller,
        agent: &AgentRow,
        input: Input<'_>,
        sink: &dyn ChatSink,
    ) -> Result<(String, Answer), Error> {
        let profile = &agent.profile;
        // Whoever looks at the calls sees which agent made them.
        let caller = Caller { agent_id: Some(agent.id.clone()), ..caller.clone() };
        let (allowed, environment) = (profile.tools.as_deref(), profile.environment.as_deref());
        let tools = Tools::new(self, &caller, sink, allowed, environment).await?;
        let speech = Speech::new(sink);
        let run = self.thinker(profile)?.run(input, &tools, &speech);
        let limit = self.chat.run_limit;
        let answer = timeout(limit, run).await.map_err(|_| {
            Error::new(ErrorKind::AgentTimeout, format!("the agent did not answer within {} seconds", limit.as_secs()))
        })??;
        Ok((speech.into_text(), answer))
    }

    /// What thinks for an agent.
    fn thinker(&self, profile: &Profile) -> Result<&dyn Agent, Error> {
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

    fn agent_named(&self, caller: &Caller, name: &str) -> Result<AgentRow, Error> {
        let snapshot = self.directory.snapshot();
        let found = snapshot.agent_named(&caller.project_id, name).cloned();
        found.ok_or_else(|| missing_agent(&snapshot, &caller.project_id, name))
    }

    /// The conversation that a request goes on with, or a new one.
    async fn open_conversation(
        &self,
        caller: &Caller,
        agent: &AgentRow,
        user: &str,
        request: &ChatRequest,
    ) -> Result<ConversationId, Error> {
        if let Some(id) = &request.conversation {
            let row = self.conversation_of(caller, Action::Chat, id).await?;
            if row.agent_id != agent.id {
                let message =
                    "this conversation is with another agent; leave `sessionId` out to begin one with this agent";
                return Err(Error::new(ErrorKind::InvalidRequest, message));
            }
            return Ok(row.id);
        }
        let now = now_ms();
        let row = ConversationRow {
            id: ConversationId::random(),
            project_id: caller.project_id.clone(),
            agent_id: agent.id.clone(),
            user_id: user.to_owned(),
            channel: request.channel.clone(),
            created_ms: now,
            updated_ms: now,
        };
        self.store.add_conversation(&row, self.chat.bounds()).await?;
        Ok(row.id)
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

fn no_user() -> Error {
    let message =
        "conversations belong to users, and this caller speaks for none; use a key or token that may speak for a user";
    Error::new(ErrorKind::InvalidRequest, message)
}

#[cfg(test)]
mod tests {
    use tokio::task::yield_now;

    use super::*;
    use crate::core::limits::Limits;

    #[tokio::test]
    async fn a_message_that_waits_behind_a_deletion_finds_no_conversation() {
        let folder = tempfile::tempdir().unwrap();
        let core = Core::open(folder.path(), &Limits::default()).await.unwrap();
        core.local_admin().add_agent("desk", Profile::default()).await.unwrap();
        let caller = Caller {
            project_id: core.nobody().project_id,
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
