//! `Sessions`: agents with sessions, their sockets, and the channels in which they exchange messages.
//!
//! The state is in memory. One task, `SessionWriter`, stores the changes in batches.

mod agent_event;
mod agent_lookup;
mod agent_runtime;
mod channel_listeners;
mod channels;
mod event_handlers;
mod event_queue;
mod events;
mod message_reader;
mod messages;
mod presence;
mod remote_sockets;
mod remote_updates;
mod session;
mod shared_sessions;
mod socket;
mod socket_queue;
mod table;
mod tickets;
mod writer;

use std::sync::Arc;

use tokio_util::task::AbortOnDropHandle;

use crate::audit::Audit;
use crate::background::retention_clock::RetentionClock;
use crate::background::tasks::Tasks;
use crate::connections::Authenticator;
use crate::directory::Directory;
use crate::domain::error::{Error, ErrorKind};
use crate::domain::generation::GenerationClock;
use crate::domain::identity::Caller;
use crate::domain::ids::{AgentId, GatewayNumber, ProjectId};
use crate::limits::Limiter;
use crate::ports::call_observer::CallObserver;
use crate::ports::channels::ChannelStore;
use crate::ports::remote_tickets::RemoteTickets;
use crate::ports::session_fan_out::SessionFanOut;
use crate::ports::sessions::SessionStore;

pub use crate::settings::RuntimeSettings;
pub use agent_event::AgentEvent;
pub(crate) use agent_event::EventHandler;
pub use agent_runtime::AgentRuntime;
pub(crate) use channels::NewChannel;
pub use event_handlers::AgentEventFigures;
pub(crate) use messages::NewMessage;
pub(crate) use session::{AgentNames, PresentAgent};
pub(crate) use socket::AgentSocket;
pub use socket_queue::SocketEnd;

pub(crate) use crate::domain::channel::{StoredChannel, StoredChannelMessage, StoredMember};
pub(crate) use crate::domain::session::StoredSession;

use agent_lookup::AgentLookup;
use session::ActiveSession;
use shared_sessions::SharedSessions;
use tickets::Tickets;
use writer::SessionWriter;

/// Agents with sessions, their sockets and channels.
#[derive(Debug)]
pub(crate) struct Sessions {
    directory: Arc<Directory>,
    limiter: Arc<Limiter>,
    audit: Arc<Audit>,
    authenticator: Arc<Authenticator>,
    store: Arc<dyn ChannelStore>,
    session_store: Arc<dyn SessionStore>,
    /// The other gateways of the installation. None: this one is alone.
    remote_tickets: Option<Arc<dyn RemoteTickets>>,
    shared: Arc<SharedSessions>,
    writer: SessionWriter,
    /// Reads messages from the database, if other gateways write to channels as well.
    _reader: Option<AbortOnDropHandle<()>>,
}

/// The services and stores that [`Sessions`] needs.
pub(crate) struct SessionServices {
    pub(crate) directory: Arc<Directory>,
    pub(crate) limiter: Arc<Limiter>,
    pub(crate) audit: Arc<Audit>,
    pub(crate) authenticator: Arc<Authenticator>,
    pub(crate) sessions: Arc<dyn SessionStore>,
    pub(crate) channels: Arc<dyn ChannelStore>,
    /// Makes the generations of sessions.
    pub(crate) clock: Arc<GenerationClock>,
    /// The other gateways of the installation, if there are any.
    pub(crate) fan_out: Option<Arc<dyn SessionFanOut>>,
    /// The number of this gateway.
    pub(crate) gateway: GatewayNumber,
    /// The other gateways of the installation. None: this one is alone.
    pub(crate) remote_tickets: Option<Arc<dyn RemoteTickets>>,
}

impl Sessions {
    /// Takes up the sessions that did not end, and begins to write, on the current tokio runtime. Without settings no session
    /// begins, and nothing is stored.
    pub(crate) async fn start(
        services: SessionServices,
        settings: Option<RuntimeSettings>,
        handlers: Vec<EventHandler>,
        tasks: &Tasks,
    ) -> Result<Self, Error> {
        let SessionServices { directory, limiter, audit, authenticator, remote_tickets, .. } = services;
        let SessionServices { sessions, channels, clock, fan_out, gateway, .. } = services;
        let is_started = settings.is_some();
        let fan_out = fan_out.filter(|_| is_started);
        let agents = AgentLookup(Some(Arc::clone(&directory)));
        let installation = (Tickets::new(gateway), clock, fan_out);
        let shared = SharedSessions::new(settings.unwrap_or_default(), agents, handlers, installation, tasks);
        let shared = Arc::new(shared);
        let writer = if is_started {
            let stored = sessions.runtime_sessions().await?;
            stored.iter().for_each(|row| shared.clock.observe(row.generation));
            stored.into_iter().for_each(|row| shared.table().resume(ActiveSession::from(row)));
            SessionWriter::start(sessions.clone(), Arc::clone(&shared), tasks)
        } else {
            SessionWriter::closed()
        };
        let reader = shared.fan_out.is_some().then(|| {
            let (store, shared) = (channels.clone(), Arc::clone(&shared));
            tasks.keep("channel messages", move || message_reader::read_missing(store.clone(), Arc::clone(&shared)))
        });
        let (store, session_store) = (channels, sessions);
        Ok(Self {
            directory,
            limiter,
            audit,
            authenticator,
            store,
            session_store,
            remote_tickets,
            shared,
            writer,
            _reader: reader,
        })
    }

    /// The settings of agents with sessions.
    pub(crate) fn settings(&self) -> &RuntimeSettings {
        &self.shared.settings
    }

    /// The observer that tells agents of their own calls.
    pub(crate) fn observer(&self) -> Arc<dyn CallObserver> {
        Arc::clone(&self.shared) as _
    }

    /// Finds the agent that a key or token belongs to.
    ///
    /// # Errors
    /// The key or token belongs to no agent.
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

    /// The numbers of sessions and sockets of a project's agents.
    pub(crate) fn counts(&self, project: &ProjectId) -> (usize, usize) {
        self.shared.table().counts(project)
    }

    /// Removes channels without a message for longer than the settings allow.
    pub(crate) async fn forget_idle_channels(&self, clock: &RetentionClock) -> Result<(), Error> {
        self.store.forget_channels_before(clock.cutoff_ms(self.settings().channel_idle)).await
    }

    /// Ends the handlers of custom events at once.
    pub(crate) fn abort(&self) {
        self.shared.handlers.abort();
    }

    /// Writes the commands that are queued, and lets the handlers treat the last custom events.
    pub(crate) async fn close(&self) {
        tokio::join!(self.writer.close(), self.shared.handlers.close());
    }
}

/// An authenticated agent.
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use async_trait::async_trait;
    use platools_bus::memory::{MemberId, Network};
    use sqlx::Connection as _;
    use tokio::time::timeout;

    use super::*;
    use crate::core::{Core, CoreOptions};
    use crate::domain::agent_profile::Profile;
    use crate::domain::channel::ChannelBounds;
    use crate::domain::identity::{Credential, SpeaksFor};
    use crate::domain::origin::{Protocol, RequestOrigin};
    use crate::domain::session::{SessionWrite, WriteEffect};
    use crate::ops::readiness::NotReady;
    use crate::ports::store::{FailureExtent, StoreFailure};

    async fn core() -> (tempfile::TempDir, Core, Peer) {
        let folder = tempfile::tempdir().unwrap();
        let options = CoreOptions { sessions: Some(RuntimeSettings::default()), ..CoreOptions::default() };
        let core = Core::open_with(folder.path(), options).await.unwrap();
        let agent = core.local_admin().add_agent("scout", Profile::default()).await.unwrap();
        let caller = Caller {
            project_id: core.authenticator.anonymous().project_id,
            agent_id: Some(agent.id),
            ..Caller::sample("key_1")
        };
        let peer = core.sessions.peer(caller).unwrap();
        (folder, core, peer)
    }

    #[tokio::test]
    async fn heartbeats_are_stored_once() {
        let (_folder, core, peer) = core().await;
        let session = core.sessions.begin(&peer, "{}".to_owned()).await.unwrap();
        let stored = async || core.store.runtime_sessions().await.unwrap()[0].heartbeat_ms;
        // The clock may not have moved since.
        let later = session.heartbeat_ms + 5;
        core.sessions.shared.table().beat(&peer.caller.project_id, &peer.id, later);
        core.sessions.store_heartbeats();
        core.sessions.settle_writes().await;
        assert_eq!(stored().await, later);
        assert!(core.sessions.shared.table().take_heartbeats().is_empty(), "it is stored once");
    }

    #[tokio::test]
    async fn a_runtime_that_is_closed_takes_nothing_and_has_stored_everything() {
        let (_folder, core, peer) = core().await;
        let session = core.sessions.begin(&peer, "{}".to_owned()).await.unwrap();
        core.sessions.shared.table().beat(&peer.caller.project_id, &peer.id, session.heartbeat_ms + 5);
        core.sessions.close().await;
        assert_eq!(core.store.runtime_sessions().await.unwrap()[0].heartbeat_ms, session.heartbeat_ms + 5);
        let refused = core.sessions.begin(&peer, "{}".to_owned()).await.unwrap_err();
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
        let begin = |metadata: &str| core.sessions.begin(&peer, metadata.to_owned());
        let (first, bad, last) = tokio::join!(begin("{}"), begin("bad"), begin("{}"));
        assert_eq!(bad.unwrap_err().kind(), ErrorKind::Storage);
        first.unwrap();
        assert_eq!(core.store.runtime_sessions().await.unwrap()[0].id, last.unwrap().id);
    }

    /// A store whose first transaction loses against another.
    #[derive(Debug, Default)]
    struct ConflictingStore(AtomicUsize);

    #[async_trait]
    impl SessionStore for ConflictingStore {
        async fn runtime_sessions(&self) -> Result<Vec<StoredSession>, Error> {
            Ok(Vec::new())
        }

        async fn write_sessions(
            &self,
            writes: &[SessionWrite<'_>],
            _: ChannelBounds,
        ) -> Result<Vec<WriteEffect>, Error> {
            if self.0.fetch_add(1, Ordering::Relaxed) > 0 {
                return Ok(vec![WriteEffect::Made; writes.len()]);
            }
            let failure = StoreFailure::new("deadlock detected".to_owned(), FailureExtent::Transaction);
            Err(Error::new(ErrorKind::Storage, "for the test").caused_by(failure))
        }
    }

    #[tokio::test]
    async fn a_command_that_lost_against_another_transaction_is_tried_again() {
        let (_folder, core, _) = core().await;
        let store = Arc::new(ConflictingStore::default());
        let writer = SessionWriter::start(store.clone(), Arc::clone(&core.sessions.shared), &core.tasks);
        writer.write(writer::SessionChange::Heartbeats(Vec::new())).await.unwrap();
        assert_eq!(store.0.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn a_writer_that_panics_is_started_again_and_meanwhile_the_gateway_is_not_ready() {
        let (_folder, core, peer) = core().await;
        core.sessions.writer.send(writer::SessionChange::Panic).unwrap();
        let is_down = async {
            while core.tasks.down() != ["sessions writer"] {
                tokio::task::yield_now().await;
            }
        };
        timeout(Duration::from_secs(20), is_down).await.unwrap();
        assert!(matches!(core.readiness.check().await, Err(NotReady::TasksDown(_))));
        let begun = timeout(Duration::from_secs(20), core.sessions.begin(&peer, "{}".to_owned())).await;
        begun.expect("it runs again").unwrap();
        core.readiness.check().await.unwrap();
    }

    #[tokio::test]
    async fn a_ticket_of_one_gateway_opens_one_socket_at_another() {
        let (folder, network) = (tempfile::tempdir().unwrap(), Network::new());
        let start = async |number: u16| {
            let options = CoreOptions {
                gateway: GatewayNumber::new(number).unwrap(),
                bus: Some(Arc::new(network.join())),
                sessions: Some(RuntimeSettings::default()),
                ..CoreOptions::default()
            };
            Core::open_with(folder.path(), options).await.unwrap()
        };
        let one = start(1).await;
        let agent = one.local_admin().add_agent("scout", Profile::default()).await.unwrap();
        let two = start(2).await;
        for core in [&one, &two] {
            while core.cluster.as_ref().unwrap().members().count() < 2 {
                tokio::task::yield_now().await;
            }
        }
        let caller = Caller {
            project_id: one.authenticator.anonymous().project_id,
            agent_id: Some(agent.id.clone()),
            tool_roles: vec!["buyer".to_owned()],
            ..Caller::sample("key_1")
        };
        let peer = one.sessions.peer(caller.clone()).unwrap();
        let redeem = async |core: &Core, ticket| {
            let origin = RequestOrigin::local(Protocol::Runtime);
            core.sessions.admit_by_ticket(Some(ticket), None, origin).await
        };
        let ticket = one.sessions.issue_ticket(&peer).unwrap();
        let admitted = redeem(&two, &ticket).await.unwrap();
        assert_eq!((&admitted.id, &admitted.caller.credential), (&agent.id, &caller.credential));
        assert_eq!((admitted.caller.role, &admitted.caller.tool_roles), (caller.role, &caller.tool_roles));
        for core in [&one, &two] {
            assert_eq!(redeem(core, &ticket).await.unwrap_err().kind(), ErrorKind::Unauthenticated, "it was used");
        }
        let ticket = one.sessions.issue_ticket(&peer).unwrap();
        network.disconnect(MemberId(0));
        assert_eq!(redeem(&two, &ticket).await.unwrap_err().kind(), ErrorKind::Unauthenticated);
        redeem(&one, &ticket).await.unwrap();
    }

    #[test]
    fn a_caller_is_the_same_after_its_way_to_another_gateway() {
        let token = Credential::Token {
            id: "t-1".to_owned(),
            expires_ms: 17,
            signed_by: "current".to_owned(),
            parents: vec![Credential::Key("key_1".into()), Credential::Nothing],
        };
        let caller = Caller {
            credential: token,
            speaks_for: SpeaksFor::Users(vec!["u-1".to_owned()]),
            environments: Some(vec!["env_1".into()]),
            agent_id: Some("agent_1".into()),
            user_id: Some("u-1".to_owned()),
            origin: RequestOrigin::local(Protocol::Rest),
            ..Caller::sample("key_1")
        };
        let read: Caller = serde_json::from_str(&serde_json::to_string(&caller).unwrap()).unwrap();
        let without_origin = Caller { origin: RequestOrigin::default(), ..caller };
        assert_eq!(format!("{read:?}"), format!("{without_origin:?}"));
    }

    impl Sessions {
        /// Waits until the writer has written all earlier commands.
        async fn settle_writes(&self) {
            let (project, agent) = (ProjectId::from("prj_none"), AgentId::from("agent_nobody"));
            let nothing = writer::SessionChange::End { project, agent, session: "sess_none".into() };
            self.writer.write(nothing).await.unwrap();
        }
    }
}
