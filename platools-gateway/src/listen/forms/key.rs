//! How a caller's key is shown.

use secrecy::ExposeSecret as _;
use serde::Serialize;
use utoipa::ToSchema;

use super::Misfit;
use crate::core::admin::{self, WithSecret};
use crate::core::clock::rfc3339;
use crate::core::identity::Role;

/// A caller's key, without the key itself.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::listen) struct Key {
    id: String,
    /// `viewer`, `operator` or `admin`.
    role: &'static str,
    /// The roles it has in the eyes of tools.
    tool_roles: Vec<String>,
    agent_id: Option<String>,
    created_at: String,
    expires_at: Option<String>,
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
            role: key.role.as_str(),
            tool_roles: key.tool_roles,
            agent_id: key.agent_id.map(|id| id.to_string()),
            created_at: rfc3339(key.created_ms),
            expires_at: key.expires_ms.map(rfc3339),
        }
    }
}

impl From<WithSecret<admin::Key>> for KeyWithSecret {
    fn from(added: WithSecret<admin::Key>) -> Self {
        Self { key: added.new.into(), secret: added.secret.expose_secret().to_owned() }
    }
}

/// The role of that name.
pub(in crate::listen) fn role_of(name: &str) -> Result<Role, Misfit> {
    Role::from_name(name).ok_or(Misfit("`role` must be viewer, operator or admin"))
}
