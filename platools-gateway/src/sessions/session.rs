//! [`ActiveSession`]: a session that has not ended, in memory.

use std::time::Instant;

use super::names::AgentNames;
use crate::domain::ids::{AgentId, ProjectId, SessionId};
use crate::domain::session::StoredSession;

/// A session that has not ended.
#[derive(Debug, Clone)]
pub(super) struct ActiveSession {
    pub(super) id: SessionId,
    pub(super) project_id: ProjectId,
    pub(super) agent_id: AgentId,
    /// The agent's names at the session's begin, for use after the agent was removed.
    pub(super) names: AgentNames,
    pub(super) metadata: String,
    pub(super) connected_ms: i64,
    pub(super) heartbeat_ms: i64,
    /// Time of the agent's last message, or of the gateway's start if that is later.
    pub(super) heard: Instant,
    /// True if the store has the last heartbeat.
    is_stored: bool,
}

impl ActiveSession {
    pub(super) fn beat(&mut self, now: Instant, now_ms: i64) {
        self.heard = now;
        self.is_stored = false;
        // The clock may be set back, and the time of the last heartbeat must not move back with it.
        self.heartbeat_ms = self.heartbeat_ms.max(now_ms);
    }

    /// The position in lists: the oldest session comes first.
    pub(super) fn list_position(&self) -> (i64, &AgentId) {
        (self.connected_ms, &self.agent_id)
    }

    /// Takes the last heartbeat if the store does not have it. It counts as stored from then on.
    pub(super) fn take_heartbeat(&mut self) -> Option<(SessionId, AgentId, i64)> {
        let is_new = !std::mem::replace(&mut self.is_stored, true);
        is_new.then(|| (self.id.clone(), self.agent_id.clone(), self.heartbeat_ms))
    }
}

impl From<StoredSession> for ActiveSession {
    fn from(row: StoredSession) -> Self {
        Self {
            id: row.id,
            project_id: row.project_id,
            agent_id: row.agent_id,
            names: AgentNames { address: row.address, title: row.title },
            metadata: row.metadata,
            connected_ms: row.connected_ms,
            heartbeat_ms: row.heartbeat_ms,
            heard: Instant::now(),
            is_stored: true,
        }
    }
}
