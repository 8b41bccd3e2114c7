//! The routes of `/v1/keys`, which list, add and revoke the keys of callers.

use axum::Json;
use axum::http::StatusCode;

use crate::dto::{KeyDto, KeyWithSecret};
use crate::listen::http::ErrorView;
use crate::listen::http::extract::{Body, Path, Query};
use crate::listen::http::problem::Problem;
use crate::listen::params::{KeyRequest, Page};
use crate::listen::rest::auth::Administrator;
use crate::listen::rest::page::PageQuery;

/// List the keys, oldest first.
#[utoipa::path(get, path = "/v1/keys", tag = "directory", params(PageQuery),
    responses((status = 200, body = Page<KeyDto>), (status = "4XX", body = Problem)))]
pub(super) async fn list(
    administrator: Administrator,
    Query(window): Query<PageQuery>,
) -> Result<Json<Page<KeyDto>>, ErrorView> {
    let page = window.page(administrator.directory()?.keys(), |key| key.id.as_str())?;
    Ok(Json(page.map(KeyDto::from)))
}

/// Add a key. It is shown this once.
#[utoipa::path(post, path = "/v1/keys", tag = "directory", request_body = KeyRequest,
    responses((status = 201, body = KeyWithSecret), (status = "4XX", body = Problem)))]
pub(super) async fn add(
    administrator: Administrator,
    Body(new): Body<KeyRequest>,
) -> Result<(StatusCode, Json<KeyWithSecret>), ErrorView> {
    Ok((StatusCode::CREATED, Json(administrator.directory()?.add_key(new.read()?).await?.into())))
}

/// Revoke a key, with the tokens that were minted with it.
#[utoipa::path(delete, path = "/v1/keys/{key}", tag = "directory", params(("key", description = "Id")),
    responses((status = 204), (status = "4XX", body = Problem)))]
pub(super) async fn revoke(administrator: Administrator, Path(key): Path<String>) -> Result<StatusCode, ErrorView> {
    administrator.directory()?.revoke_key(&key).await?;
    Ok(StatusCode::NO_CONTENT)
}
