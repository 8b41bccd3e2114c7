//! Agents with sessions: who is there, over which sockets, and what they say to each other in channels.
//!
//! What must outlive the gateway is written by one task, in batches; everything else is in memory.

mod agent_event;
mod channels;
mod event_handlers;
mod event_queue;
mod events;
mod handle;
mod lifecycle;
mod messages;
mod names;
mod observer;
mod queue;
mod session;
mod sockets;
mod state;
mod tickets;
mod writer;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::directory::Directory;
use crate::background::tasks::Tasks;
use crate::core::Core;
use crate::domain::error::{Error, ErrorKind};
use crate::domain::identity::Caller;
use crate::domain::ids::{AgentId, ProjectId};
use crate::ports::call_observer::CallObserver;
use crate::ports::sessions::SessionStore;

pub use crate::settings::RuntimeSettings;
pub use agent_event::AgentEvent;
pub(crate) use agent_event::EventHandler;
pub(crate) use channels::NewChannel;
pub use event_handlers::AgentEventFigures;
pub use handle::AgentRuntime;
pub(crate) use lifecycle::{PresentAgent, SessionView};
pub(crate) use messages::NewMessage;
pub(crate) use names::AgentNames;
pub use queue::SocketEnd;
pub(crate) use sockets::AgentSocket;

pub(crate) use crate::domain::channel::{StoredChannel, StoredChannelMessage, StoredMember};

use event_handlers::EventHandlers;
use names::AgentLookup;
use session::Session;
use state::State;
use tickets::Tickets;
use writer::Writer;

/// Everything that is known of agents with sessions.
#[derive(Debug)]
pub(crate) struct Runtime {
    shared: Arc<Shared>,
    writer: Writer,
}

/// The state that requests, sockets and the writer share.
#[derive(Debug, Default)]
struct Shared {
    settings: RuntimeSettings,
    state: Mutex<State>,
    tickets: Tickets,
    agents: AgentLookup,
    /// The application's handlers of custom events.
    handlers: EventHandlers,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // Every section leaves the state whole, so a panic in another task spoils nothing.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Runtime {
    /// A runtime that begins no sessions and stores nothing.
    pub(crate) fn closed() -> Self {
        Self { shared: Arc::default(), writer: Writer::closed() }
    }

    /// Takes up the sessions that did not end, and begins to write, on the current tokio runtime.
    pub(crate) async fn start(
        store: Arc<dyn SessionStore>,
        directory: Arc<Directory>,
        settings: RuntimeSettings,
        tasks: &Tasks,
    ) -> Result<Self, Error> {
        let agents = AgentLookup(Some(directory));
        let state = Mutex::new(State::new(agents.clone()));
        let shared = Arc::new(Shared { settings, state, agents, ..Shared::default() });
        let sessions = store.runtime_sessions().await?;
        sessions.into_iter().for_each(|row| shared.state().resume(Session::from(row)));
        let writer = Writer::start(store, Arc::clone(&shared), tasks);
        Ok(Self { shared, writer })
    }

    /// Adds a handler of custom events, which runs on the current tokio runtime.
    pub(crate) fn add_handler(&self, handler: EventHandler, tasks: &Tasks) {
        self.shared.handlers.add(handler, tasks);
    }

    /// Ends the handlers of custom events at once.
    pub(crate) fn abort(&self) {
        self.shared.handlers.abort();
    }

    /// Writes to the end what is to be written, and has the last custom events handled.
    pub(crate) async fn close(&self) {
        tokio::join!(self.writer.close(), self.shared.handlers.close());
    }

    /// The observer that tells agents of their own calls.
    pub(crate) fn observer(&self) -> Arc<dyn CallObserver> {
        Arc::clone(&self.shared) as _
    }

    /// The numbers of sessions and sockets of a project's agents.
    pub(crate) fn counts(&self, project: &ProjectId) -> (usize, usize) {
        self.state().counts(project)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state()
    }
}

/// An agent that has said who it is.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    /// The credential that the agent presented.
    pub(crate) caller: Caller,
    pub(crate) id: AgentId,
    /// Its name in URLs, for the log.
    pub(crate) slug: String,
    /// Its names for other agents, at the time of the request.
    pub(crate) names: AgentNames,
}

impl Core {
    /// The agent that a key or token belongs to.
    ///
    /// # Errors
    /// It belongs to none.
    pub(crate) fn peer(&self, caller: Caller) -> Result<Peer, Error> {
        let snapshot = self.directory.snapshot();
        let agent = caller.agent_id.as_ref().and_then(|id| snapshot.agent(id));
        let agent = agent.ok_or_else(|| {
            let message = "this is for agents, and the key or token belongs to none; make one that does with \
                           `platools-gateway key add --agent AGENT --role operator`, or with `agentId` of `POST /v1/keys`";
            Error::new(ErrorKind::Forbidden, message)
        })?;
        Ok(Peer { id: agent.id.clone(), slug: agent.slug.clone(), names: agent.into(), caller })
    }

    /// The settings of agents with sessions.
    pub(crate) fn runtime_settings(&self) -> &RuntimeSettings {
        &self.runtime.shared.settings
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sqlx::Connection as _;
    use tokio::time::timeout;

    use super::*;
    use crate::core::CoreOptions;
    use crate::domain::profile::Profile;
    use crate::ops::readiness::NotReady;

    async fn core() -> (tempfile::TempDir, Core, Peer) {
        let folder = tempfile::tempdir().unwrap();
        let options = CoreOptions { sessions: Some(RuntimeSettings::default()), ..CoreOptions::default() };
        let core = Core::open_with(folder.path(), options).await.unwrap();
        let agent = core.local_admin().add_agent("scout", Profile::default()).await.unwrap();
        let caller =
            Caller { project_id: core.nobody().project_id, agent_id: Some(agent.id), ..Caller::sample("key_1") };
        let peer = core.peer(caller).unwrap();
        (folder, core, peer)
    }

    #[tokio::test]
    async fn heartbeats_are_stored_once() {
        let (_folder, core, peer) = core().await;
        let session = core.begin_session(&peer, "{}".to_owned()).await.unwrap();
        let stored = async || core.store.runtime_sessions().await.unwrap()[0].heartbeat_ms;
        // The clock may not have moved since.
        let later = session.heartbeat_ms + 5;
        core.runtime.state().beat(&peer.caller.project_id, &peer.id, later);
        core.runtime.store_heartbeats();
        core.settle_writes().await;
        assert_eq!(stored().await, later);
        assert!(core.runtime.state().take_heartbeats().is_empty(), "it is stored once");
    }

    #[tokio::test]
    async fn a_runtime_that_is_closed_takes_nothing_and_has_stored_everything() {
        let (_folder, core, peer) = core().await;
        let session = core.begin_session(&peer, "{}".to_owned()).await.unwrap();
        core.runtime.state().beat(&peer.caller.project_id, &peer.id, session.heartbeat_ms + 5);
        core.runtime.close().await;
        assert_eq!(core.store.runtime_sessions().await.unwrap()[0].heartbeat_ms, session.heartbeat_ms + 5);
        let refused = core.begin_session(&peer, "{}".to_owned()).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Interrupted);
    }

    #[tokio::test]
    async fn a_command_that_the_database_refuses_costs_no_other() {
        let (folder, core, peer) = core().await;
        let refusing = "CREATE TRIGGER refuse BEFORE INSERT ON runtime_sessions WHEN NEW.metadata = 'bad' \
                        BEGIN SELECT RAISE(ABORT, 'bad'); END";
        let file = sqlx::sqlite::SqliteConnectOptions::new().filename(folder.path().join("gateway.sqlite"));
        let mut database = sqlx::SqliteConnection::connect_with(&file).await.unwrap();
        sqlx::query(refusing).execute(&mut database).await.unwrap();
        let begin = |metadata: &str| core.begin_session(&peer, metadata.to_owned());
        let (first, bad, last) = tokio::join!(begin("{}"), begin("bad"), begin("{}"));
        assert_eq!(bad.unwrap_err().kind(), ErrorKind::Storage);
        first.unwrap();
        assert_eq!(core.store.runtime_sessions().await.unwrap()[0].id, last.unwrap().id);
    }

    #[tokio::test]
    async fn a_writer_that_panics_is_started_again_and_meanwhile_the_gateway_is_not_ready() {
        let (_folder, core, peer) = core().await;
        core.runtime.writer.send(writer::Command::Panic).unwrap();
        let is_down = async {
            while core.tasks().down() != ["sessions writer"] {
                tokio::task::yield_now().await;
            }
        };
        timeout(Duration::from_secs(20), is_down).await.unwrap();
        assert!(matches!(core.check_ready().await, Err(NotReady::TasksDown(_))));
        let begun = timeout(Duration::from_secs(20), core.begin_session(&peer, "{}".to_owned())).await;
        begun.expect("it runs again").unwrap();
        core.check_ready().await.unwrap();
    }

    impl Core {
        /// Waits until everything is written that was to be written before.
        async fn settle_writes(&self) {
            let (project, agent) = (ProjectId::from("prj_none"), AgentId::from("agent_nobody"));
            let nothing = |reply| writer::Command::Disconnect { project, agent, session: "sess_none".into(), reply };
            self.runtime.writer.ask(nothing).await.unwrap();
        }
    }
}
