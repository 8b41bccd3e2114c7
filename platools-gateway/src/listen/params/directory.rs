//! Parameters of requests that change the directory, for REST and gateway RPC: [`KeyRequest`] adds a key, and functions read roles,
//! policies and changes of agents.

use std::time::Duration;

use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

use super::InvalidParam;
use crate::admin::{AgentChange, NewCredential, NewKey};
use crate::domain::agent_profile::ProfileChange;
use crate::domain::identity::{Policy, Role, SpeaksFor};
use crate::dto::SpeaksForDto;

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
    #[schema(value_type = Option<SpeaksForDto>)]
    pub(in crate::listen) speaks_for: Option<SpeaksFor>,
    /// The environments it reaches, by slug or id. Default: those of the credential that adds it.
    pub(in crate::listen) environments: Option<Vec<String>>,
    /// Its lifetime. Without it, until it is revoked.
    pub(in crate::listen) ttl_seconds: Option<u64>,
}

impl KeyRequest {
    /// The key to add.
    pub(in crate::listen) fn read(self) -> Result<NewKey, InvalidParam> {
        let credential = NewCredential {
            name: self.name,
            role: role_of(&self.role)?,
            tool_roles: self.tool_roles,
            agent: self.agent_id,
            speaks_for: self.speaks_for,
            environments: self.environments,
        };
        Ok(NewKey { credential, ttl: self.ttl_seconds.map(Duration::from_secs) })
    }
}

/// Reads a role.
pub(in crate::listen) fn role_of(name: &str) -> Result<Role, InvalidParam> {
    Role::from_name(name).ok_or(InvalidParam("`role` must be viewer, operator or admin"))
}

/// Reads the policy of an entity. Without one, it is the default.
pub(in crate::listen) fn policy_of(name: Option<&str>) -> Result<Policy, InvalidParam> {
    let policy = name.map_or(Some(Policy::default()), Policy::from_name);
    policy.ok_or(InvalidParam("`policy` must be supersede or pool"))
}

/// Reads a change of an agent, which has to change something.
pub(in crate::listen) fn agent_change(
    profile: Option<ProfileChange>,
    owner: Option<String>,
    title: Option<String>,
    address: Option<String>,
) -> Result<AgentChange, InvalidParam> {
    if profile.is_none() && owner.is_none() && title.is_none() && address.is_none() {
        return Err(InvalidParam("say what changes: the `profile`, the `owner`, the `title`, or the `address`"));
    }
    Ok(AgentChange { profile: profile.unwrap_or_default(), owner, title, address })
}

/// Reads a text of a change: `null` removes the present one, as an empty text does. Use it with `#[serde(default)]`, so that a member that
/// is left out changes nothing.
pub(in crate::listen) fn text_change<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(Some(Option::deserialize(deserializer)?.unwrap_or_default()))
}
