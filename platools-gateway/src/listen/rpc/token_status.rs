//! [`TokenStatus`]: tells whether the token of a `connect` request was accepted, missing or unknown. Errors about a role that is too low
//! repeat it.

use platools_protocol::rpc::{ErrorCode, RpcError};
use serde_json::json;

use crate::domain::identity::{Caller, Role};

/// The standing of a caller's token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenStatus {
    /// The gateway knows it, or asks for none.
    Accepted,
    /// There was none, or an empty one.
    Missing,
    /// The gateway does not know it.
    Unknown,
}

impl TokenStatus {
    /// The warning in the reply to `connect`.
    pub(super) fn warning(self) -> Option<&'static str> {
        (self == Self::Unknown).then_some(
            "the token is not known to this gateway (mistyped, revoked or expired), so this connection has the role viewer; connect \
             again with a key or token of this gateway",
        )
    }

    /// The refusal of a method whose role the caller lacks; none for a token in good standing, which the rules have words for.
    pub(super) fn refusal(self, method: &str, needed: Role, caller: &Caller) -> Option<RpcError> {
        let (token, reason) = match self {
            Self::Accepted => return None,
            Self::Missing => ("missing", "its `connect` had no `token`"),
            Self::Unknown => ("unknown", "its token is not known to this gateway (mistyped, revoked or expired)"),
        };
        let has = caller.role;
        let message = format!("`{method}`: this needs the role {needed}; this connection has {has}: {reason}");
        let details = json!({"code": "forbidden", "token": token});
        Some(RpcError::new(ErrorCode::Forbidden, message).with_details(details))
    }
}
