//! [`Connect`]: introduces a caller to the gateway, in the first request of a socket. [`Connected`] is the gateway's reply.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::super::open_enum::open_words;
use super::super::{MAX_USER_ID_CHARS, PROTOCOL};

open_words! {
    /// The permissions of a caller.
    Role {
        /// Look at things.
        Viewer = "viewer",
        /// Call tools and talk to agents as well.
        Operator = "operator",
        /// Everything.
        Admin = "admin",
    }
}

/// The params of `connect`. `Debug` never shows the token.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Connect {
    /// The gateway's token or an operator's key; without one, the caller is a viewer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// The user for whom the caller acts: opaque, and at most [`MAX_USER_ID_CHARS`] characters.
    pub user_id: String,
}

impl Connect {
    /// A caller without a token.
    #[must_use]
    pub fn new(user_id: impl Into<String>) -> Self {
        Self { token: None, user_id: user_id.into() }
    }

    /// Adds the token.
    #[must_use]
    pub fn with_token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(token.into());
        self
    }

    /// True if the user id is present and not too long.
    #[must_use]
    pub fn has_valid_user_id(&self) -> bool {
        !self.user_id.is_empty() && self.user_id.chars().nth(MAX_USER_ID_CHARS).is_none()
    }
}

impl fmt::Debug for Connect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { token, user_id } = self;
        f.debug_struct("Connect").field("has_token", &token.is_some()).field("user_id", user_id).finish()
    }
}

/// The reply to `connect`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Connected {
    /// The version of the protocol: [`PROTOCOL`].
    pub protocol: u32,
    /// The permissions of the caller.
    pub role: Role,
    /// The user for whom the caller acts, from its request.
    pub user_id: String,
    /// A reason why the caller may do less than it expects, in words: its token is not known. Absent in most replies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
}

impl Connected {
    /// The reply of a gateway that speaks this version.
    #[must_use]
    pub fn new(role: Role, user_id: impl Into<String>) -> Self {
        Self { protocol: PROTOCOL, role, user_id: user_id.into(), warning: None }
    }

    /// Adds a reason why the caller may do less than it expects.
    #[must_use]
    pub fn with_warning(mut self, warning: impl Into<String>) -> Self {
        self.warning = Some(warning.into());
        self
    }
}
