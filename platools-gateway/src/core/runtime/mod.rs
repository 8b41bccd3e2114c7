//! Agents with sessions: who is there, over which sockets, and what they say to each other in channels.
//!
//! What must outlive the gateway is written by one task, in batches; everything else is in memory.

mod channels;
mod events;
mod messages;
mod observer;
mod queue;
mod session;
mod sessions;
mod settings;
mod sockets;
mod state;
mod tickets;
mod writer;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Core;
use super::error::{Error, ErrorKind};
use super::identity::Caller;
use super::ids::{AgentId, ProjectId};
use super::observe::CallObserver;
use crate::store::Store;

pub(crate) use channels::NewChannel;
pub(crate) use messages::NewMessage;
pub use queue::SocketEnd;
pub(crate) use sessions::{PresentAgent, SessionView};
pub use settings::RuntimeSettings;
pub(crate) use sockets::AgentSocket;

pub(crate) use crate::store::{ChannelRow, MemberRow, MessageRow};

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

/// What requests, sockets and the writer have in common.
#[derive(Debug, Default)]
struct Shared {
    settings: RuntimeSettings,
    state: Mutex<State>,
    tickets: Tickets,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // Every section leaves the state whole, so a panic in another task spoils nothing.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Runtime {
    /// One that begins no sessions and keeps nothing.
    pub(super) fn closed() -> Self {
        Self { shared: Arc::default(), writer: Writer::closed() }
    }

    /// Takes up the sessions that did not end, and begins to write, on the current tokio runtime.
    pub(super) async fn start(store: Store, settings: RuntimeSettings) -> Result<Self, Error> {
        let shared = Arc::new(Shared { settings, ..Shared::default() });
        let sessions = store.runtime_sessions().await?;
        sessions.into_iter().for_each(|row| shared.state().resume(Session::from(row)));
        let writer = Writer::start(store, Arc::clone(&shared));
        Ok(Self { shared, writer })
    }

    /// Writes to the end what is to be written.
    pub(super) async fn close(&self) {
        self.writer.close().await;
    }

    /// Whoever tells agents of their own calls.
    pub(super) fn observer(&self) -> Arc<dyn CallObserver> {
        Arc::clone(&self.shared) as _
    }

    /// How many sessions and sockets the agents of a project have.
    pub(super) fn counts(&self, project: &ProjectId) -> (usize, usize) {
        self.state().counts(project)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state()
    }
}

/// An agent that has said who it is.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    /// What it is known by.
    pub(crate) caller: Caller,
    pub(crate) id: AgentId,
    /// Its name for other agents.
    pub(crate) address: String,
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
        Ok(Peer { id: agent.id.clone(), address: agent.slug.clone(), caller })
    }

    /// How agents with sessions are served.
    pub(crate) fn runtime_settings(&self) -> &RuntimeSettings {
        &self.runtime.shared.settings
    }
}
