//! [`AgentLookup`]: finds the names and the project of an agent in the directory, for its sessions.

use std::sync::Arc;

use super::session::{ActiveSession, AgentNames};
use crate::directory::Directory;
use crate::domain::ids::{AgentId, ProjectId};

/// Finds agents in the present directory. Without a directory it finds none.
#[derive(Debug, Clone, Default)]
pub(super) struct AgentLookup(pub(super) Option<Arc<Directory>>);

impl AgentLookup {
    /// The present names of an agent with a session. A removed agent keeps those from the begin of the session.
    pub(super) fn names(&self, session: &ActiveSession) -> AgentNames {
        let snapshot = self.0.as_ref().map(|directory| directory.snapshot());
        let row = snapshot.as_ref().and_then(|snapshot| snapshot.agent(&session.row.agent_id));
        row.map_or_else(|| AgentNames::from(&session.row), AgentNames::from)
    }

    /// The project of an agent.
    pub(super) fn project(&self, agent: &AgentId) -> Option<ProjectId> {
        let snapshot = self.0.as_ref()?.snapshot();
        snapshot.agent(agent).map(|row| row.project_id.clone())
    }
}
