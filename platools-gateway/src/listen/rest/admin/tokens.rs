//! `/v1/tokens`

use axum::Json;
use axum::http::StatusCode;
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::seconds;
use crate::admin::{self, TokensBefore};
use crate::domain::identity::SpeaksFor;
use crate::listen::dto::{ListPosition, Page, SpeaksForForm, role_of};
use crate::listen::http::problem::Problem;
use crate::listen::rest::auth::Administrator;
use crate::listen::rest::body::Body;
use crate::listen::rest::page::PageQuery;
use crate::listen::rest::path_and_query::{Path, Query};
use crate::ports::time::rfc3339;

/// A signed token. It is stored nowhere, and good until it ends, is revoked, or what minted it ends.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct SignedToken {
    /// Its id, by which it can be revoked.
    id: String,
    token: String,
    expires_at: String,
}

/// A token that was signed, without the token itself.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Token {
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
    #[schema(value_type = Option<SpeaksForForm>)]
    speaks_for: Option<SpeaksFor>,
    /// The environments it reaches, by slug; none are all of them.
    environments: Option<Vec<String>>,
    /// The key or token that minted it, and with which it ends; none for the command line.
    parent: Option<String>,
    created_at: String,
    expires_at: String,
    /// Time of its last use, to the minute.
    last_used_at: Option<String>,
    #[serde(skip)]
    created_ms: i64,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct NewToken {
    /// Its name for people, in 1 to 128 characters. Default: none.
    name: Option<String>,
    /// `viewer`, `operator` or `admin`.
    role: String,
    /// The roles it has in the eyes of tools.
    #[serde(default)]
    tool_roles: Vec<String>,
    /// The user it is for.
    user_id: Option<String>,
    /// The agent it belongs to, by slug or id. Default: that of the credential that mints it.
    agent_id: Option<String>,
    /// The users it may speak for, apart from its own: `"nobody"`, `"anybody"`, or a list of them. Default: nobody for viewers, agents
    /// and users, and else anybody.
    #[schema(value_type = Option<SpeaksForForm>)]
    speaks_for: Option<SpeaksFor>,
    /// The environments it reaches, by slug or id. Default: those of the credential that mints it.
    environments: Option<Vec<String>>,
    /// Its lifetime; at most 366 days, and no longer than the credential that mints it.
    ttl_seconds: u64,
}

/// List the tokens that are good, of callers and of workers, latest first.
#[utoipa::path(get, path = "/v1/tokens", tag = "directory", params(PageQuery),
    responses((status = 200, body = Page<Token>), (status = "4XX", body = Problem)))]
pub(super) async fn list(
    administrator: Administrator,
    Query(window): Query<PageQuery>,
) -> Result<Json<Page<Token>>, Problem> {
    let (limit, place) = window.place()?;
    let before = place.map(|place| TokensBefore { created_ms: place.at_ms, id: place.id });
    let tokens = administrator.directory()?.tokens(before.as_ref(), limit + 1).await?;
    let tokens = tokens.into_iter().map(shown).collect();
    let cursor = |token: &Token| ListPosition { at_ms: token.created_ms, id: token.id.clone() }.cursor();
    Ok(Json(Page::cut(tokens, limit, cursor)))
}

/// Sign a token for a caller. It ends with the credential that mints it, and allows no more than that.
#[utoipa::path(post, path = "/v1/tokens", tag = "directory", request_body = NewToken,
    responses((status = 201, body = SignedToken), (status = "4XX", body = Problem)))]
pub(super) async fn mint(
    administrator: Administrator,
    Body(new): Body<NewToken>,
) -> Result<(StatusCode, Json<SignedToken>), Problem> {
    let new = admin::NewToken {
        name: new.name,
        role: role_of(&new.role)?,
        tool_roles: new.tool_roles,
        user_id: new.user_id,
        agent: new.agent_id,
        speaks_for: new.speaks_for,
        environments: new.environments,
        ttl: seconds(new.ttl_seconds),
    };
    let signed = administrator.directory()?.mint_token(new).await?;
    Ok((StatusCode::CREATED, Json(signed.into())))
}

/// Revoke a token, of a caller or of a worker, with all that were minted with it, and close the sockets that were opened with them.
#[utoipa::path(delete, path = "/v1/tokens/{token}", tag = "directory", params(("token", description = "Id")),
    responses((status = 204), (status = "4XX", body = Problem)))]
pub(super) async fn revoke(administrator: Administrator, Path(token): Path<String>) -> Result<StatusCode, Problem> {
    administrator.directory()?.revoke_token(&token).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl From<admin::SignedToken> for SignedToken {
    fn from(signed: admin::SignedToken) -> Self {
        let token = signed.token.expose_secret().to_owned();
        Self { id: signed.id, token, expires_at: rfc3339(signed.expires_ms) }
    }
}

fn shown(token: admin::Token) -> Token {
    Token {
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
        created_ms: token.created_ms,
    }
}
