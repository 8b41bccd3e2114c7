//! [`StoredToken`]: the record of a signed token, without the token itself.

use super::identity::{Role, SpeaksFor};
use super::ids::{AgentId, EntityId, EnvironmentId, KeyId, ProjectId, SecretId};

/// The record of a signed token.
#[derive(Debug, Clone)]
pub(crate) struct StoredToken {
    /// Its `jti`.
    pub(crate) id: String,
    pub(crate) project_id: ProjectId,
    pub(crate) name: Option<String>,
    /// None for a worker's.
    pub(crate) role: Option<Role>,
    pub(crate) tool_roles: Vec<String>,
    pub(crate) user_id: Option<String>,
    pub(crate) speaks_for: Option<SpeaksFor>,
    pub(crate) environments: Option<Vec<EnvironmentId>>,
    pub(crate) agent_id: Option<AgentId>,
    pub(crate) entity_id: Option<EntityId>,
    /// The secret that a worker's token stands in for.
    pub(crate) secret_id: Option<SecretId>,
    /// The key at the beginning of those that minted it.
    pub(crate) key_id: Option<KeyId>,
    /// The key or token that minted it.
    pub(crate) parent: Option<String>,
    /// The id of the key that signed it.
    pub(crate) signed_by: String,
    pub(crate) created_ms: i64,
    pub(crate) expires_ms: i64,
    pub(crate) last_used_ms: Option<i64>,
}

impl StoredToken {
    /// A record of a project without rights, name and signature.
    pub(crate) fn blank(project_id: ProjectId) -> Self {
        Self {
            id: String::new(),
            project_id,
            name: None,
            role: None,
            tool_roles: Vec::new(),
            user_id: None,
            speaks_for: None,
            environments: None,
            agent_id: None,
            entity_id: None,
            secret_id: None,
            key_id: None,
            parent: None,
            signed_by: String::new(),
            created_ms: 0,
            expires_ms: 0,
            last_used_ms: None,
        }
    }
}

/// The outcome of an attempt to record a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenAddition {
    Added,
    /// A credential that it would end with has ended.
    ParentEnded,
    /// The project has as many as it may have.
    ProjectIsFull,
}

/// A page of the valid tokens of a project, latest first.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TokenPage<'a> {
    pub(crate) project: &'a ProjectId,
    /// Only tokens that were signed by these keys; all without them.
    pub(crate) signed_by: Option<&'a [String]>,
    /// The time and the id of the last token of the page before.
    pub(crate) before: Option<(i64, &'a str)>,
    pub(crate) limit: usize,
    pub(crate) now_ms: i64,
}
