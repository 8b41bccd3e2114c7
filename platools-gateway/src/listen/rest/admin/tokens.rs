//! The routes of `/v1/tokens`, which list, sign and revoke tokens.

use std::time::Duration;

use axum::Json;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::admin::{self, NewCredential, NewToken, TokensBefore};
use crate::domain::identity::SpeaksFor;
use crate::dto::{SignedTokenDto, SpeaksForDto, TokenDto};
use crate::listen::http::ErrorView;
use crate::listen::http::extract::{Body, Path, Query};
use crate::listen::http::problem::Problem;
use crate::listen::params::{ListPosition, Page, role_of};
use crate::listen::rest::auth::Administrator;
use crate::listen::rest::page::PageQuery;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewToken)]
pub(super) struct TokenRequest {
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
    #[schema(value_type = Option<SpeaksForDto>)]
    speaks_for: Option<SpeaksFor>,
    /// The environments it reaches, by slug or id. Default: those of the credential that mints it.
    environments: Option<Vec<String>>,
    /// Its lifetime; at most 366 days, and no longer than the credential that mints it.
    ttl_seconds: u64,
}

/// List the tokens that are good, of callers and of workers, latest first.
#[utoipa::path(get, path = "/v1/tokens", tag = "directory", params(PageQuery),
    responses((status = 200, body = Page<TokenDto>), (status = "4XX", body = Problem)))]
pub(super) async fn list(
    administrator: Administrator,
    Query(window): Query<PageQuery>,
) -> Result<Json<Page<TokenDto>>, ErrorView> {
    let (limit, place) = window.place()?;
    let before = place.map(|place| TokensBefore { created_ms: place.at_ms, id: place.id });
    let tokens = administrator.directory()?.tokens(before.as_ref(), limit + 1).await?;
    let cursor = |token: &admin::Token| ListPosition { at_ms: token.created_ms, id: token.id.clone() }.cursor();
    Ok(Json(Page::cut(tokens, limit, cursor).map(TokenDto::from)))
}

/// Sign a token for a caller. It ends with the credential that mints it, and allows no more than that.
#[utoipa::path(post, path = "/v1/tokens", tag = "directory", request_body = TokenRequest,
    responses((status = 201, body = SignedTokenDto), (status = "4XX", body = Problem)))]
pub(super) async fn mint(
    administrator: Administrator,
    Body(new): Body<TokenRequest>,
) -> Result<(StatusCode, Json<SignedTokenDto>), ErrorView> {
    let credential = NewCredential {
        name: new.name,
        role: role_of(&new.role)?,
        tool_roles: new.tool_roles,
        agent: new.agent_id,
        speaks_for: new.speaks_for,
        environments: new.environments,
    };
    let new = NewToken { credential, user_id: new.user_id, ttl: Duration::from_secs(new.ttl_seconds) };
    let signed = administrator.directory()?.mint_token(new).await?;
    Ok((StatusCode::CREATED, Json(signed.into())))
}

/// Revoke a token, of a caller or of a worker, with all that were minted with it, and close the sockets that were opened with them.
#[utoipa::path(delete, path = "/v1/tokens/{token}", tag = "directory", params(("token", description = "Id")),
    responses((status = 204), (status = "4XX", body = Problem)))]
pub(super) async fn revoke(administrator: Administrator, Path(token): Path<String>) -> Result<StatusCode, ErrorView> {
    administrator.directory()?.revoke_token(&token).await?;
    Ok(StatusCode::NO_CONTENT)
}
