//! [`TokenDto`]: the JSON of a signed token's record. [`SignedTokenDto`]: the JSON of a new token, with the token itself.

use secrecy::ExposeSecret as _;
use serde::Serialize;
use utoipa::ToSchema;

use super::SpeaksForDto;
use crate::admin::{SignedToken, Token};
use crate::domain::identity::SpeaksFor;
use crate::ports::time::rfc3339;

/// A signed token. It is stored nowhere, and good until it ends, is revoked, or what minted it ends.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SignedToken)]
pub struct SignedTokenDto {
    /// Its id, by which it can be revoked.
    id: String,
    token: String,
    expires_at: String,
}

/// A token that was signed, without the token itself.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Token)]
pub struct TokenDto {
    /// Its id, which is `tok_` and the `jti` of its claims.
    id: String,
    /// Its name for people.
    name: Option<String>,
    /// `viewer`, `operator` or `admin`; none for a worker's token.
    role: Option<&'static str>,
    /// The roles it has in the eyes of tools.
    tool_roles: Vec<String>,
    /// The user it is for.
    user_id: Option<String>,
    agent_id: Option<String>,
    /// The entity whose workers it is for.
    entity_id: Option<String>,
    /// The users it may speak for, apart from its own: `"nobody"`, `"anybody"`, or a list of them.
    #[schema(value_type = Option<SpeaksForDto>)]
    speaks_for: Option<SpeaksFor>,
    /// The environments it reaches, by slug; none are all of them.
    environments: Option<Vec<String>>,
    /// The key or token that minted it, and with which it ends; none for the command line.
    parent: Option<String>,
    created_at: String,
    expires_at: String,
    /// Time of its last use, to the minute.
    last_used_at: Option<String>,
}

impl From<SignedToken> for SignedTokenDto {
    fn from(signed: SignedToken) -> Self {
        let token = signed.token.expose_secret().to_owned();
        Self { id: signed.id, token, expires_at: rfc3339(signed.expires_ms) }
    }
}

impl From<Token> for TokenDto {
    fn from(token: Token) -> Self {
        Self {
            id: token.id,
            name: token.name,
            role: token.role.map(|role| role.as_str()),
            tool_roles: token.tool_roles,
            user_id: token.user_id,
            agent_id: token.agent_id.map(|id| id.to_string()),
            entity_id: token.entity_id.map(|id| id.to_string()),
            speaks_for: token.speaks_for,
            environments: token.environments,
            parent: token.parent,
            created_at: rfc3339(token.created_ms),
            expires_at: rfc3339(token.expires_ms),
            last_used_at: token.last_used_ms.map(rfc3339),
        }
    }
}
