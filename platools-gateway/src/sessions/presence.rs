//! Functions of [`Sessions`] that begin and end the session of an agent, and take its heartbeats. [`PresentAgents`] is the list of agents
//! with a session.

use std::time::{Duration, Instant};

use super::session::{ActiveSession, PresentAgent};
use super::socket::AgentSocket;
use super::writer::SessionChange;
use super::{Peer, Sessions};
use crate::authority::{Action, Resource, authorize};
use crate::domain::audit::action;
use crate::domain::error::{Error, ErrorKind};
use crate::domain::identity::Caller;
use crate::domain::ids::SessionId;
use crate::domain::session::StoredSession;
use crate::ports::session_fan_out::{SessionFanOut, SessionUpdate};
use crate::ports::time::now_ms;

impl Sessions {
    /// Begins a session, which replaces an older one.
    ///
    /// # Errors
    /// The agent asks for too much, it is gone, the gateway stops, or the database failed.
    pub(crate) async fn begin(&self, peer: &Peer, metadata: String) -> Result<StoredSession, Error> {
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
            generation: self.shared.clock.next(),
        };
        self.writer.write(SessionChange::Begin(session.clone())).await?;
        self.audit.signed_in(action::SESSION_BEGIN, (&peer.caller).into(), |event| {
            event.in_project(&peer.caller.project_id).on(session.id.as_str())
        });
        Ok(session)
    }

    /// Notes a heartbeat of the agent, and returns its time.
    ///
    /// # Errors
    /// There is no session.
    pub(crate) fn beat(&self, peer: &Peer) -> Result<i64, Error> {
        let beat = self.shared.table().beat(&peer.caller.project_id, &peer.id, now_ms());
        beat.ok_or_else(|| {
            let message = "there is no session, or it went without a heartbeat for too long; begin one with \
                           `POST /v1/runtime/connect`";
            Error::new(ErrorKind::NotFound, message)
        })
    }

    /// Notes a heartbeat of an agent with an open socket. Begins a session if the agent's has ended.
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
    pub(crate) fn session_of(&self, peer: &Peer) -> Option<StoredSession> {
        self.shared.table().session(&peer.caller.project_id, &peer.id).map(|session| session.row.clone())
    }

    /// Ends the agent's session and its sockets. Without an id, an agent without a session is no error.
    ///
    /// # Errors
    /// The id is not that of the agent's session, or the database failed.
    pub(crate) async fn end(&self, peer: &Peer, id: Option<&SessionId>) -> Result<(), Error> {
        let project = peer.caller.project_id.clone();
        let current = self.shared.table().session(&project, &peer.id).map(|session| session.row.id.clone());
        match (current, id) {
            (current, Some(id)) if current.as_ref() != Some(id) => {
                Err(Error::new(ErrorKind::NotFound, "the agent has no session of that id"))
            }
            (Some(session), _) => {
                let agent = peer.id.clone();
                self.writer.write(SessionChange::End { project, agent, session }).await.map(drop)
            }
            (None, _) => Ok(()),
        }
    }

    /// Lists the agents of the caller's project that have a session.
    ///
    /// # Errors
    /// The caller may not read channels and presence.
    pub(crate) fn present(&self, caller: &Caller, limit: usize, offset: usize) -> Result<PresentAgents, Error> {
        authorize(caller, Action::View, Resource::Channels(&caller.project_id))?;
        let state = self.shared.table();
        let mut sessions: Vec<_> = state.sessions(&caller.project_id).collect();
        sessions.sort_by(|left, right| left.list_position().cmp(&right.list_position()));
        let total = sessions.len();
        let agents = sessions.into_iter().skip(offset).take(limit).map(|session| state.present(session)).collect();
        Ok(PresentAgents { agents, total })
    }

    /// Ends sessions without a message for longer than the timeout, and those of agents that are gone.
    pub(crate) fn end_silent(&self) {
        if let Some(fan_out) = &self.shared.fan_out {
            return self.end_silent_of_many(&**fan_out);
        }
        let snapshot = self.directory.snapshot();
        let (now, timeout) = (Instant::now(), self.settings().session_timeout);
        let has_ended = |session: &ActiveSession| {
            session.is_silent(now, timeout) || snapshot.agent(&session.row.agent_id).is_none()
        };
        let ended = self.shared.table().end_where(has_ended);
        for StoredSession { agent_id: agent, id: session, .. } in ended.into_iter().map(|session| session.row) {
            tracing::info!(agent.id = %agent, "agent session timed out");
            // If this is lost, the next start of the gateway takes the session up, and it ends as it did here.
            let _ = self.writer.send(SessionChange::Forget { agent, session });
        }
    }

    /// Tells the other gateways of heartbeats, and ends the silent sessions that began here or at gateways that are gone. The database
    /// decides: it has the heartbeats of all gateways, also if their messages are lost.
    fn end_silent_of_many(&self, fan_out: &dyn SessionFanOut) {
        let heartbeats = self.shared.table().take_unpublished_heartbeats();
        if !heartbeats.is_empty() {
            fan_out.publish(SessionUpdate::Heard(heartbeats));
        }
        let snapshot = self.directory.snapshot();
        self.shared.table().end_where(|session| snapshot.agent(&session.row.agent_id).is_none());
        let (now, timeout) = (Instant::now(), self.settings().session_timeout);
        let silent = {
            let table = self.shared.table();
            let is_own = |session: &ActiveSession| table.is_own(session, |gateway| fan_out.is_alive(gateway));
            table.some_where(|session| session.is_silent(now, timeout) && is_own(session))
        };
        let heard_ms = now_ms().saturating_sub(saturating_ms(timeout));
        for session in silent {
            // If this is lost, the next look ends it.
            let _ = self.writer.send(SessionChange::EndSilent { session, heard_ms });
        }
    }

    /// Stores the heartbeats that came since the last call.
    pub(crate) fn store_heartbeats(&self) {
        self.shared.tickets.sweep();
        let heartbeats = self.shared.table().take_heartbeats();
        if !heartbeats.is_empty() {
            // If this is lost, the next heartbeat is stored again.
            let _ = self.writer.send(SessionChange::Heartbeats(heartbeats));
        }
    }
}

/// A page of the agents that have a session.
#[derive(Debug)]
pub(crate) struct PresentAgents {
    /// The agents of the page, in the order in which their sessions began.
    pub(crate) agents: Vec<PresentAgent>,
    /// The number of all of them.
    pub(crate) total: usize,
}

fn saturating_ms(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}
