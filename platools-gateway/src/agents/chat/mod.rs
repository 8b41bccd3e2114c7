//! [`Conversations`]: stores the conversations of users with agents, and runs the agent for each new message. A conversation has one run at
//! a time; further messages wait, also at other gateways. [`OpenChat`] takes one message from its checks to its answer.

mod completion;
mod conversation;
mod conversation_turn;
mod open_chat;
mod run_events;
mod run_queues;
mod stored_run_queues;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt as _;
use tokio::time::timeout;

use super::{AgentRunner, ChatSink, CommandAgent, RunInput, RunOutput, RunTools, Speech, Usage};
use crate::authority::{Action, Resource, authorize};
use crate::calls::Calls;
use crate::directory::{Directory, missing_agent};
use crate::domain::agent::Agent;
use crate::domain::agent_profile::{AgentKind, Profile};
use crate::domain::conversation::ConversationBounds;
use crate::domain::error::{Error, ErrorKind};
use crate::domain::identity::Caller;
use crate::domain::ids::{ConversationId, RunId};
use crate::domain::number::saturating_i64;
use crate::domain::text_rule::USER_ID;
use crate::limits::Limiter;
use crate::ports::conversations::ConversationStore;
use crate::tools::Tools;

pub use crate::domain::conversation::StoredMessage;
pub use crate::settings::{ChatSettings, WhenBusy};
pub use completion::{ChatPermit, Completion};
pub use conversation::{Conversation, ConversationQuery, ConversationsBefore};
pub use open_chat::OpenChat;

use conversation_turn::ConversationTurn;
use run_queues::RunQueues;
use stored_run_queues::{LeaseTimes, StoredRunQueues};

/// Conversations of users with agents.
#[derive(Debug)]
pub struct Conversations {
    directory: Arc<Directory>,
    limiter: Arc<Limiter>,
    tools: Arc<Tools>,
    calls: Arc<Calls>,
    store: Arc<dyn ConversationStore>,
    settings: ChatSettings,
    /// The implementation of agents of kind model. None: they cannot answer.
    model: Option<Arc<dyn AgentRunner>>,
    runs: RunQueues,
    /// The queues that several gateways share. None: this one is alone.
    shared_runs: Option<StoredRunQueues>,
}

/// The services and the store that [`Conversations`] needs.
pub(crate) struct ConversationServices {
    pub(crate) directory: Arc<Directory>,
    pub(crate) limiter: Arc<Limiter>,
    pub(crate) tools: Arc<Tools>,
    pub(crate) calls: Arc<Calls>,
    pub(crate) store: Arc<dyn ConversationStore>,
}

/// A message of a user to an agent.
#[derive(Debug, Clone)]
pub struct ChatRequest {
    /// The agent, by slug or id.
    pub agent: String,
    /// The text.
    pub message: String,
    /// The conversation to go on with. Without one, a new one begins.
    pub conversation: Option<ConversationId>,
    /// The protocol of the message, such as `websocket`.
    pub channel: String,
}

/// The agent's answer.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ChatReply {
    /// The text of the answer.
    pub content: String,
    /// The cost of the answer.
    pub usage: Usage,
    /// The conversation, to go on with.
    pub conversation: ConversationId,
}

impl Conversations {
    pub(crate) fn new(
        services: ConversationServices,
        settings: ChatSettings,
        model: Option<Arc<dyn AgentRunner>>,
    ) -> Self {
        let ConversationServices { directory, limiter, tools, calls, store } = services;
        let (runs, shared_runs) = (RunQueues::default(), None);
        Self { directory, limiter, tools, calls, store, settings, model, runs, shared_runs }
    }

    /// Shares the queues of runs with the other gateways of the installation.
    pub(crate) fn shared(mut self) -> Self {
        self.shared_runs = Some(StoredRunQueues::new(Arc::clone(&self.store), LeaseTimes::default()));
        self
    }

    /// Waits until the places of runs that have ended are free for other gateways.
    pub(crate) async fn close(&self) {
        if let Some(shared) = &self.shared_runs {
            shared.close().await;
        }
    }

    /// Waits for the turn of a run in a conversation.
    async fn turn(&self, id: &ConversationId, run: &RunId) -> Result<ConversationTurn, Error> {
        match &self.shared_runs {
            None => self.runs.turn(id, self.settings.busy).await.map(ConversationTurn::Own),
            Some(shared) => shared.turn(id, run, self.settings.busy).await.map(ConversationTurn::Shared),
        }
    }

    /// Sends a message to an agent and waits for its answer: [`Conversations::open`] and [`OpenChat::answer`].
    ///
    /// # Errors
    /// As of [`Conversations::open`] and [`OpenChat::answer`].
    pub async fn chat(
        &self,
        caller: &Caller,
        request: ChatRequest,
        run: &RunId,
        sink: &dyn ChatSink,
    ) -> Result<ChatReply, Error> {
        self.open(caller, request).await?.answer(run, sink).await
    }

    /// Runs an agent for a caller, within the limit. An agent that panics has failed.
    async fn run_agent(
        &self,
        caller: &Caller,
        agent: &Agent,
        input: RunInput<'_>,
        sink: &dyn ChatSink,
    ) -> Result<(String, RunOutput), Error> {
        let profile = &agent.profile;
        // The record of a call has the agent that made it.
        let caller = Caller { agent_id: Some(agent.id.clone()), ..caller.clone() };
        let tools = RunTools::new(&self.tools, &self.calls, &caller, sink, profile).await?;
        let speech = Speech::new(sink);
        let implementation = self.implementation(profile)?;
        let run = AssertUnwindSafe(async { implementation.run(input, &tools, &speech).await }).catch_unwind();
        let answer = match timeout(self.settings.run_limit, run).await {
            Ok(ended) => ended.unwrap_or_else(|_| Err(panicked())),
            Err(_) => Err(self.took_too_long()),
        };
        let answer = answer.map_err(|error| error.after_tool_calls(tools.call_count()))?;
        Ok((speech.into_text(), answer))
    }

    fn took_too_long(&self) -> Error {
        let seconds = self.settings.run_limit.as_secs_f64();
        Error::new(ErrorKind::AgentTimeout, format!("the agent did not answer within {seconds} seconds"))
    }

    /// Checks that an agent can answer, before anything begins.
    fn check_agent(&self, caller: &Caller, profile: &Profile) -> Result<(), Error> {
        self.implementation(profile)?.check(profile)?;
        self.directory.environment_of(caller, profile.environment.as_deref()).map(drop)
    }

    /// The implementation of an agent.
    fn implementation(&self, profile: &Profile) -> Result<&dyn AgentRunner, Error> {
        match profile.kind {
            AgentKind::Command => Ok(&CommandAgent),
            AgentKind::Model => self.model.as_deref().ok_or_else(|| {
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
            bytes: saturating_i64(self.max_conversation_bytes),
            project_bytes: saturating_i64(self.max_project_bytes),
            of_user: i64::from(self.max_conversations),
        }
    }
}

/// The longest message, in bytes: a little less than the longest message of the gateway RPC protocol.
const MAX_MESSAGE_BYTES: usize = 512 * 1024;

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
    use platools_bus::memory::Network;
    use tokio::task::yield_now;

    use super::*;
    use crate::core::Core;
    use crate::core::CoreOptions;
    use crate::domain::ids::GatewayNumber;
    use crate::limits::Limits;
    use crate::ports::store::Storage;
    use crate::store::SqlStore;

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
        let id = core.conversations.chat(&caller, request.clone(), &RunId::random(), &()).await.unwrap().conversation;
        let turn = core.conversations.runs.turn(&id, WhenBusy::Queue).await.unwrap();
        request.conversation = Some(id.clone());
        let run = RunId::random();
        let message = core.conversations.chat(&caller, request, &run, &());
        let deletion = async {
            while core.conversations.runs.waiting(&id) < 2 {
                yield_now().await;
            }
            core.conversations.store.remove_conversation(&id).await.unwrap();
            drop(turn);
        };
        let (end, ()) = tokio::join!(message, deletion);
        assert_eq!(end.unwrap_err().kind(), ErrorKind::NotFound);
    }

    #[tokio::test]
    async fn messages_at_two_gateways_are_answered_one_after_the_other() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqlStore::open(folder.path()).await.unwrap();
        let tasks = store.tasks().clone();
        let store: Arc<dyn Storage> = Arc::new(store);
        let network = Network::new();
        let start = async |number: u16| {
            let options = CoreOptions {
                gateway: GatewayNumber::new(number).unwrap(),
                bus: Some(Arc::new(network.join())),
                ..CoreOptions::default()
            };
            Core::start(Arc::clone(&store), tasks.clone(), Some(folder.path()), options).await.unwrap()
        };
        let one = start(1).await;
        one.local_admin().add_agent("desk", Profile::default()).await.unwrap();
        let two = start(2).await;
        let caller = Caller {
            project_id: one.authenticator.anonymous().project_id,
            user_id: Some("u-1".to_owned()),
            ..Caller::sample("key_operator")
        };
        let request = |text: &str, conversation: Option<&ConversationId>| ChatRequest {
            agent: "desk".to_owned(),
            message: text.to_owned(),
            conversation: conversation.cloned(),
            channel: "test".to_owned(),
        };
        let id = one.conversations.open(&caller, request("/help", None)).await.unwrap().conversation().clone();
        let chat = async |core: &Core, text: &str| {
            core.conversations.chat(&caller, request(text, Some(&id)), &RunId::random(), &()).await.unwrap();
        };
        tokio::join!(chat(&one, "/help a"), chat(&two, "/help b"), chat(&one, "/help c"), chat(&two, "/help d"));
        let (_, messages) = one.conversations.get(&caller, &id, None, 100).await.unwrap();
        let is_of_user: Vec<_> =
            messages.iter().map(|stored| matches!(stored.message, crate::agents::Message::User { .. })).collect();
        assert_eq!(is_of_user, [true, false].repeat(4), "{messages:?}");
        one.conversations.delete(&caller, &id).await.unwrap();
        let gone = two.conversations.chat(&caller, request("/help", Some(&id)), &RunId::random(), &()).await;
        assert_eq!(gone.unwrap_err().kind(), ErrorKind::NotFound);
        one.conversations.close().await;
        two.conversations.close().await;
    }
}
