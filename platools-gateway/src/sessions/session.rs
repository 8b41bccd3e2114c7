//! [`ActiveSession`]: a session of an agent that has not ended, in memory. [`PresentAgent`] is its agent as other agents see it.

use std::time::{Duration, Instant};

use crate::domain::agent::Agent;
use crate::domain::ids::{AgentId, SessionId};
use crate::domain::session::StoredSession;
use crate::ports::session_fan_out::SessionHeartbeat;

/// A session that has not ended.
#[derive(Debug, Clone)]
pub(super) struct ActiveSession {
    /// The session with its last heartbeat. Its names are those at its begin, for use after the agent was removed.
    pub(super) row: StoredSession,
    /// Time of the agent's last message, or of the gateway's start if that is later.
    heard: Instant,
    /// True if the store has the last heartbeat.
    is_stored: bool,
    /// True if the other gateways know of the last heartbeat.
    is_published: bool,
}

impl ActiveSession {
    /// Returns true if the agent has sent nothing for as long as the timeout.
    pub(super) fn is_silent(&self, now: Instant, timeout: Duration) -> bool {
        now.saturating_duration_since(self.heard) >= timeout
    }

    pub(super) fn beat(&mut self, now: Instant, now_ms: i64) {
        self.heard = now;
        self.is_stored = false;
        self.is_published = false;
        // The clock may be set back, and the time of the last heartbeat must not move back with it.
        self.row.heartbeat_ms = self.row.heartbeat_ms.max(now_ms);
    }

    /// Notes a heartbeat at another gateway, which stores it.
    pub(super) fn note_remote_heartbeat(&mut self, now: Instant, heartbeat_ms: i64) {
        self.heard = now;
        self.row.heartbeat_ms = self.row.heartbeat_ms.max(heartbeat_ms);
    }

    /// Takes the last heartbeat if the other gateways do not know of it. They do from then on.
    pub(super) fn take_unpublished_heartbeat(&mut self) -> Option<SessionHeartbeat> {
        let is_new = !std::mem::replace(&mut self.is_published, true);
        is_new.then(|| SessionHeartbeat::from(&self.row))
    }

    /// The position in lists: the oldest session comes first.
    pub(super) fn list_position(&self) -> (i64, &AgentId) {
        (self.row.connected_ms, &self.row.agent_id)
    }

    /// Takes the last heartbeat if the store does not have it. It counts as stored from then on.
    pub(super) fn take_heartbeat(&mut self) -> Option<(SessionId, AgentId, i64)> {
        let is_new = !std::mem::replace(&mut self.is_stored, true);
        is_new.then(|| (self.row.id.clone(), self.row.agent_id.clone(), self.row.heartbeat_ms))
    }
}

impl From<StoredSession> for ActiveSession {
    fn from(row: StoredSession) -> Self {
        Self { row, heard: Instant::now(), is_stored: true, is_published: true }
    }
}

/// An agent with a session, as other agents see it: without the id of its session.
#[derive(Debug, Clone)]
pub(crate) struct PresentAgent {
    pub(crate) agent_id: AgentId,
    /// Its present names.
    pub(crate) names: AgentNames,
    pub(crate) connected_ms: i64,
    pub(crate) heartbeat_ms: i64,
}

impl PresentAgent {
    pub(super) fn new(session: &ActiveSession, names: AgentNames) -> Self {
        let StoredSession { agent_id, connected_ms, heartbeat_ms, .. } = &session.row;
        Self { agent_id: agent_id.clone(), names, connected_ms: *connected_ms, heartbeat_ms: *heartbeat_ms }
    }
}

/// The names of an agent for others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AgentNames {
    /// The address that it was given, such as that of its wallet, or its slug.
    pub(crate) address: String,
    /// Its name for people.
    pub(crate) title: Option<String>,
}

impl From<&Agent> for AgentNames {
    fn from(row: &Agent) -> Self {
        Self { address: row.address.as_ref().unwrap_or(&row.slug).clone(), title: row.title.clone() }
    }
}

impl From<&StoredSession> for AgentNames {
    fn from(row: &StoredSession) -> Self {
        Self { address: row.address.clone(), title: row.title.clone() }
    }
}
