//! The JSON of a key, and of a request for one.

use std::time::Duration;

use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Misfit;
use crate::admin::{self, WithSecret};
use crate::domain::identity::{Role, SpeaksFor};
use crate::ports::time::rfc3339;

/// A caller's key, without the key itself.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::listen) struct Key {
    id: String,
    /// Its name for people.
    name: Option<String>,
    /// `viewer`, `operator` or `admin`.
    role: &'static str,
    /// The roles it has in the eyes of tools.
    tool_roles: Vec<String>,
    agent_id: Option<String>,
    /// The users it may speak for: `"nobody"`, `"anybody"`, or a list of them.
    #[schema(value_type = SpeaksForForm)]
    speaks_for: SpeaksFor,
    /// The environments it reaches, by slug; none are all of them.
    environments: Option<Vec<String>>,
    created_at: String,
    /// The key or token that it was added with; none for the command line.
    created_by: Option<String>,
    expires_at: Option<String>,
    /// Time of its last use, to the minute.
    last_used_at: Option<String>,
}

/// The users that a key or token may speak for: `"nobody"`, `"anybody"`, or a list of them.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SpeaksFor)]
#[serde(untagged)]
#[expect(dead_code, reason = "it only describes the form")]
pub(in crate::listen) enum SpeaksForForm {
    /// `nobody` or `anybody`.
    Word(String),
    /// Their ids.
    Users(Vec<String>),
}

/// A key with what its holder sends, which is shown this once.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::listen) struct KeyWithSecret {
    key: Key,
    secret: String,
}

impl From<admin::Key> for Key {
    fn from(key: admin::Key) -> Self {
        Self {
            id: key.id.to_string(),
            name: key.name,
            role: key.role.as_str(),
            tool_roles: key.tool_roles,
            agent_id: key.agent_id.map(|id| id.to_string()),
            speaks_for: key.speaks_for,
            environments: key.environments,
            created_at: rfc3339(key.created_ms),
            created_by: key.created_by,
            expires_at: key.expires_ms.map(rfc3339),
            last_used_at: key.last_used_ms.map(rfc3339),
        }
    }
}

impl From<WithSecret<admin::Key>> for KeyWithSecret {
    fn from(added: WithSecret<admin::Key>) -> Self {
        Self { key: added.new.into(), secret: added.secret.expose_secret().to_owned() }
    }
}

/// A request for a key.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = NewKey)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::listen) struct KeyRequest {
    /// Its name for people, in 1 to 128 characters. Default: none.
    pub(in crate::listen) name: Option<String>,
    /// `viewer`, `operator` or `admin`.
    pub(in crate::listen) role: String,
    /// The roles it has in the eyes of tools.
    #[serde(default)]
    pub(in crate::listen) tool_roles: Vec<String>,
    /// The agent it belongs to, by slug or id. Default: that of the credential that adds it.
    pub(in crate::listen) agent_id: Option<String>,
    /// The users it may speak for: `"nobody"`, `"anybody"`, or a list of them. Default: nobody for viewers and agents, and else
    /// anybody.
    #[schema(value_type = Option<SpeaksForForm>)]
    pub(in crate::listen) speaks_for: Option<SpeaksFor>,
    /// The environments it reaches, by slug or id. Default: those of the credential that adds it.
    pub(in crate::listen) environments: Option<Vec<String>>,
    /// Its lifetime. Without it, until it is revoked.
    pub(in crate::listen) ttl_seconds: Option<u64>,
}

impl KeyRequest {
    /// The key that is asked for.
    pub(in crate::listen) fn read(self) -> Result<admin::NewKey, Misfit> {
        Ok(admin::NewKey {
            name: self.name,
            role: role_of(&self.role)?,
            tool_roles: self.tool_roles,
            agent: self.agent_id,
            speaks_for: self.speaks_for,
            environments: self.environments,
            ttl: self.ttl_seconds.map(Duration::from_secs),
        })
    }
}

/// The role of that name.
pub(in crate::listen) fn role_of(name: &str) -> Result<Role, Misfit> {
    Role::from_name(name).ok_or(Misfit("`role` must be viewer, operator or admin"))
}
