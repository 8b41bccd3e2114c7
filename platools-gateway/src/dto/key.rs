//! [`KeyDto`]: the JSON of a key.

use secrecy::ExposeSecret as _;
use serde::Serialize;
use utoipa::ToSchema;

use crate::admin::{Key, WithSecret};
use crate::domain::identity::SpeaksFor;
use crate::ports::time::rfc3339;

/// A caller's key, without the key itself.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Key)]
pub struct KeyDto {
    id: String,
    /// Its name for people.
    name: Option<String>,
    /// `viewer`, `operator` or `admin`.
    role: &'static str,
    /// The roles it has in the eyes of tools.
    tool_roles: Vec<String>,
    agent_id: Option<String>,
    /// The users it may speak for: `"nobody"`, `"anybody"`, or a list of them.
    #[schema(value_type = SpeaksForDto)]
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
pub enum SpeaksForDto {
    /// `nobody` or `anybody`.
    Word(String),
    /// Their ids.
    Users(Vec<String>),
}

/// A key with its secret, which is shown this once.
#[derive(Debug, Serialize, ToSchema)]
pub struct KeyWithSecret {
    key: KeyDto,
    secret: String,
}

impl From<Key> for KeyDto {
    fn from(key: Key) -> Self {
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

impl From<WithSecret<Key>> for KeyWithSecret {
    fn from(added: WithSecret<Key>) -> Self {
        Self { key: added.new.into(), secret: added.secret.expose_secret().to_owned() }
    }
}
