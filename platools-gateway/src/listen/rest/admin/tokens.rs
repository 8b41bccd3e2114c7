//! `/v1/tokens`

use axum::Json;
use axum::http::StatusCode;
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::seconds;
use crate::core::admin;
use crate::core::clock::rfc3339;
use crate::listen::forms::role_of;
use crate::listen::rest::auth::Administrator;
use crate::listen::rest::body::Body;
use crate::listen::rest::problem::Problem;

/// A signed token. It is stored nowhere, and good until it ends.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct SignedToken {
    token: String,
    expires_at: String,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct NewToken {
    /// `viewer`, `operator` or `admin`.
    role: String,
    /// The roles it has in the eyes of tools.
    #[serde(default)]
    tool_roles: Vec<String>,
    /// The user it speaks for.
    user_id: Option<String>,
    /// The agent it belongs to, by slug or id.
    agent_id: Option<String>,
    /// How long it is good; at most 366 days.
    ttl_seconds: u64,
}

/// Sign a token for a caller.
#[utoipa::path(post, path = "/v1/tokens", tag = "directory", request_body = NewToken,
    responses((status = 201, body = SignedToken), (status = "4XX", body = Problem)))]
pub(super) async fn mint(
    administrator: Administrator,
    Body(new): Body<NewToken>,
) -> Result<(StatusCode, Json<SignedToken>), Problem> {
    let new = admin::NewToken {
        role: role_of(&new.role)?,
        tool_roles: new.tool_roles,
        user_id: new.user_id,
        agent: new.agent_id,
        ttl: seconds(new.ttl_seconds),
    };
    let signed = administrator.directory()?.mint_token(new).await?;
    Ok((StatusCode::CREATED, Json(signed.into())))
}

impl From<admin::SignedToken> for SignedToken {
    fn from(signed: admin::SignedToken) -> Self {
        Self { token: signed.token.expose_secret().to_owned(), expires_at: rfc3339(signed.expires_ms) }
    }
}
