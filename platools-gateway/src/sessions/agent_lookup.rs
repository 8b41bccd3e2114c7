//! [`AgentNames`]: the names of an agent for others. [`AgentLookup`] finds those that it has now.

use std::sync::Arc;

use super::session::ActiveSession;
use crate::directory::Directory;
use crate::domain::agent::Agent;
use crate::domain::ids::{AgentId, ProjectId};

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

/// Finds agents in the directory, as it is at that moment. Without a directory it finds none.
#[derive(Debug, Clone, Default)]
pub(super) struct AgentLookup(pub(super) Option<Arc<Directory>>);

impl AgentLookup {
    /// The names that an agent with a session has now, or had last if it is gone.
    pub(super) fn names(&self, session: &ActiveSession) -> AgentNames {
        let snapshot = self.0.as_ref().map(|directory| directory.snapshot());
        let row = snapshot.as_ref().and_then(|snapshot| snapshot.agent(&session.agent_id));
        row.map_or_else(|| session.names.clone(), AgentNames::from)
    }

    /// The project of an agent.
    pub(super) fn project(&self, agent: &AgentId) -> Option<ProjectId> {
        let snapshot = self.0.as_ref()?.snapshot();
        snapshot.agent(agent).map(|row| row.project_id.clone())
    }
}
