//! [`StoredKey`]: the stored record of a caller's key.

use super::identity::{Role, SpeaksFor};
use super::ids::{AgentId, EnvironmentId, KeyId, ProjectId};

/// A caller's key with the hash of its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredKey {
    pub(crate) id: KeyId,
    pub(crate) project_id: ProjectId,
    pub(crate) hash: String,
    /// Its name for people.
    pub(crate) name: Option<String>,
    pub(crate) role: Role,
    pub(crate) tool_roles: Vec<String>,
    /// The users it speaks for.
    pub(crate) speaks_for: SpeaksFor,
    /// The environments it reaches; without them, all.
    pub(crate) environments: Option<Vec<EnvironmentId>>,
    pub(crate) agent_id: Option<AgentId>,
    /// The key or token that made it; none for the command line.
    pub(crate) created_by: Option<String>,
    pub(crate) created_ms: i64,
    pub(crate) expires_ms: Option<i64>,
    /// Its last use, as of when the directory was read.
    pub(crate) last_used_ms: Option<i64>,
}

#[cfg(test)]
impl StoredKey {
    /// A viewer's key.
    pub(crate) fn sample(project: &ProjectId) -> Self {
        let id = KeyId::random();
        Self {
            hash: id.to_string(),
            id,
            project_id: project.clone(),
            name: None,
            role: Role::Viewer,
            tool_roles: Vec::new(),
            speaks_for: SpeaksFor::Nobody,
            environments: None,
            agent_id: None,
            created_by: None,
            created_ms: 0,
            expires_ms: None,
            last_used_ms: None,
        }
    }
}

/// The outcome of a request to revoke a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyRemoval {
    Removed,
    /// No other key administers the whole project.
    IsLastAdmin,
    /// There is no such key.
    Missing,
}
