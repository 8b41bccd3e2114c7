//! Functions of [`Sessions`] that begin and end sessions, take heartbeats, and list the agents that are present.

use super::names::AgentNames;
use super::session::ActiveSession;
use super::sockets::AgentSocket;
use super::state::is_silent;
use super::writer::WriteCommand;
use super::{Peer, Sessions};
use crate::authority::{Action, Resource, authorize};
use crate::domain::audit::action;
use crate::domain::error::{Error, ErrorKind};
use crate::domain::ids::{AgentId, SessionId};
use crate::domain::session::StoredSession;
use crate::ports::time::now_ms;

/// A session as its agent sees it.
#[derive(Debug, Clone)]
pub(crate) struct SessionView {
    pub(crate) id: SessionId,
    pub(crate) metadata: String,
    pub(crate) connected_ms: i64,
    pub(crate) heartbeat_ms: i64,
}

impl From<&ActiveSession> for SessionView {
    fn from(session: &ActiveSession) -> Self {
        Self {
            id: session.id.clone(),
            metadata: session.metadata.clone(),
            connected_ms: session.connected_ms,
            heartbeat_ms: session.heartbeat_ms,
        }
    }
}

/// An agent with a session, as other agents see it: without the id of its session.
#[derive(Debug, Clone)]
pub(crate) struct PresentAgent {
    pub(crate) agent_id: AgentId,
    /// The names that it has now.
    pub(crate) names: AgentNames,
    pub(crate) connected_ms: i64,
    pub(crate) heartbeat_ms: i64,
}

/// A page of the agents that have a session.
#[derive(Debug)]
pub(crate) struct PresentAgents {
    /// The agents of the page, in the order in which their sessions began.
    pub(crate) agents: Vec<PresentAgent>,
    /// The number of all of them.
    pub(crate) total: usize,
}

impl Sessions {
    /// Begins a session, which replaces an older one.
    ///
    /// # Errors
    /// The agent asks for too much, it is gone, the gateway stops, or the database failed.
    pub(crate) async fn begin(&self, peer: &Peer, metadata: String) -> Result<SessionView, Error> {
        let _under_way = self.limiter.admit_call(&peer.caller)?;
        let now_ms = now_ms();
        let session = StoredSession {
            id: SessionId::random(),
            agent_id: peer.id.clone(),
            project_id: peer.caller.project_id.clone(),
            address: peer.names.address.clone(),
            title: peer.names.title.clone(),
            metadata,
            connected_ms: now_ms,
            heartbeat_ms: now_ms,
        };
        let session = self.writer.ask(|reply| WriteCommand::Connect { session, reply }).await?;
        self.audit.signed_in(action::SESSION_BEGIN, (&peer.caller).into(), |event| {
            event.in_project(&peer.caller.project_id).on(session.id.as_str())
        });
        Ok(session)
    }

    /// Keeps the agent's session going, and returns when it was last heard from.
    ///
    /// # Errors
    /// There is no session.
    pub(crate) fn beat(&self, peer: &Peer) -> Result<i64, Error> {
        let beat = self.shared.state().beat(&peer.caller.project_id, &peer.id, now_ms());
        beat.ok_or_else(|| {
            let message = "there is no session, or it went without a heartbeat for too long; begin one with \
                           `POST /v1/runtime/connect`";
            Error::new(ErrorKind::NotFound, message)
        })
    }

    /// Keeps the session going of an agent whose socket is open, or begins one where there is none any more.
    ///
    /// # Errors
    /// The agent asks for too much, it is gone, the gateway stops, or the database failed.
    pub(crate) async fn beat_or_begin(&self, socket: &AgentSocket) -> Result<(), Error> {
        if self.beat(socket.peer()).is_ok() || socket.has_ended() {
            return Ok(());
        }
        self.begin(socket.peer(), "{}".to_owned()).await.map(drop)
    }

    /// The agent's own session, if it has one.
    pub(crate) fn session_of(&self, peer: &Peer) -> Option<SessionView> {
        self.shared.state().session(&peer.caller.project_id, &peer.id).map(SessionView::from)
    }

    /// Ends the agent's session and its sockets. Without an id it is done also if there is none.
    ///
    /// # Errors
    /// The id is not that of the agent's session, or the database failed.
    pub(crate) async fn end(&self, peer: &Peer, id: Option<&SessionId>) -> Result<(), Error> {
        let project = peer.caller.project_id.clone();
        let current = self.shared.state().session(&project, &peer.id).map(|session| session.id.clone());
        match (current, id) {
            (current, Some(id)) if current.as_ref() != Some(id) => {
                Err(Error::new(ErrorKind::NotFound, "the agent has no session of that id"))
            }
            (Some(session), _) => {
                let agent = peer.id.clone();
                self.writer.ask(|reply| WriteCommand::Disconnect { project, agent, session, reply }).await
            }
            (None, _) => Ok(()),
        }
    }

    /// Lists the agents of the agent's project that have a session.
    pub(crate) fn present(&self, peer: &Peer, limit: usize, offset: usize) -> Result<PresentAgents, Error> {
        authorize(&peer.caller, Action::View, Resource::Project(&peer.caller.project_id))?;
        let state = self.shared.state();
        let mut sessions: Vec<_> = state.sessions(&peer.caller.project_id).collect();
        sessions.sort_by(|left, right| left.list_position().cmp(&right.list_position()));
        let total = sessions.len();
        let agents = sessions.into_iter().skip(offset).take(limit).map(|session| state.present(session)).collect();
        Ok(PresentAgents { agents, total })
    }

    /// Ends sessions without a message for longer than the timeout, and those of agents that are gone.
    pub(crate) fn end_silent(&self) {
        let snapshot = self.directory.snapshot();
        let is_silent = is_silent(self.settings().session_timeout);
        let has_ended = |session: &ActiveSession| is_silent(session) || snapshot.agent(&session.agent_id).is_none();
        let ended = self.shared.state().end_where(has_ended);
        for ActiveSession { agent_id: agent, id: session, .. } in ended {
            tracing::info!(agent.id = %agent, "agent session timed out");
            // If this is lost, the next start of the gateway takes the session up, and it ends as it did here.
            let _ = self.writer.send(WriteCommand::Forget { agent, session });
        }
    }
}

impl Sessions {
    /// Stores the heartbeats that came since the last call.
    pub(crate) fn store_heartbeats(&self) {
        self.shared.tickets.sweep();
        let heartbeats = self.shared.state().take_heartbeats();
        if !heartbeats.is_empty() {
            // If this is lost, the next heartbeat is stored again.
            let _ = self.writer.send(WriteCommand::Heartbeats(heartbeats));
        }
    }
}

impl PresentAgent {
    pub(super) fn new(session: &ActiveSession, names: AgentNames) -> Self {
        Self {
            agent_id: session.agent_id.clone(),
            names,
            connected_ms: session.connected_ms,
            heartbeat_ms: session.heartbeat_ms,
        }
    }
}
