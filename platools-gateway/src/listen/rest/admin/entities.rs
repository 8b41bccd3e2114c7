//! The routes of `/v1/entities`, which list, add and remove entities, rotate their secrets, and sign tokens for their workers.

use std::time::Duration;

use axum::Json;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::admin;
use crate::dto::{EntityDto, EntityWithSecret, SignedTokenDto};
use crate::listen::http::ErrorView;
use crate::listen::http::extract::{Body, Path, Query};
use crate::listen::http::problem::Problem;
use crate::listen::params::{Page, policy_of};
use crate::listen::rest::auth::Administrator;
use crate::listen::rest::page::PageQuery;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewEntity)]
pub(super) struct EntityRequest {
    slug: String,
    /// `supersede` (default) or `pool`.
    policy: Option<String>,
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = Rotation)]
pub(super) struct SecretRotation {
    /// The time for which the old secret is valid beside the new one, in seconds. Default: 0.
    grace_seconds: Option<u64>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewWorkerToken)]
pub(super) struct WorkerTokenRequest {
    /// Its name for people, in 1 to 128 characters. Default: none.
    name: Option<String>,
    /// The only environment it opens, by slug or id. Without it, all.
    environment_id: Option<String>,
    /// Its lifetime; at most 366 days, and no longer than the credential that mints it.
    ttl_seconds: u64,
}

/// List the entities.
#[utoipa::path(get, path = "/v1/entities", tag = "directory", params(PageQuery),
    responses((status = 200, body = Page<EntityDto>), (status = "4XX", body = Problem)))]
pub(super) async fn list(
    administrator: Administrator,
    Query(window): Query<PageQuery>,
) -> Result<Json<Page<EntityDto>>, ErrorView> {
    let page = window.page(administrator.directory()?.entities(), |entity| &entity.slug)?;
    Ok(Json(page.map(EntityDto::from)))
}

/// Add an entity. Its secret is shown this once.
#[utoipa::path(post, path = "/v1/entities", tag = "directory", request_body = EntityRequest,
    responses((status = 201, body = EntityWithSecret), (status = "4XX", body = Problem)))]
pub(super) async fn add(
    administrator: Administrator,
    Body(new): Body<EntityRequest>,
) -> Result<(StatusCode, Json<EntityWithSecret>), ErrorView> {
    let added = administrator.directory()?.add_entity(&new.slug, policy_of(new.policy.as_deref())?).await?;
    Ok((StatusCode::CREATED, Json(added.into())))
}

/// Remove an entity with its tools, and close its workers' sockets.
#[utoipa::path(delete, path = "/v1/entities/{entity}", tag = "directory", params(("entity", description = "Slug or id")),
    responses((status = 204), (status = "4XX", body = Problem)))]
pub(super) async fn remove(administrator: Administrator, Path(entity): Path<String>) -> Result<StatusCode, ErrorView> {
    administrator.directory()?.remove_entity(&entity).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Give an entity a new secret. Sockets opened with the old one are closed with 4001 at the end of the grace time.
#[utoipa::path(post, path = "/v1/entities/{entity}/rotate", tag = "directory", request_body = SecretRotation,
    params(("entity", description = "Slug or id")),
    responses((status = 200, body = EntityWithSecret), (status = "4XX", body = Problem)))]
pub(super) async fn rotate(
    administrator: Administrator,
    Path(entity): Path<String>,
    Body(rotation): Body<SecretRotation>,
) -> Result<Json<EntityWithSecret>, ErrorView> {
    let grace = Duration::from_secs(rotation.grace_seconds.unwrap_or_default());
    Ok(Json(administrator.directory()?.rotate_entity(&entity, grace).await?.into()))
}

/// Sign a token that a worker may use in place of the entity's secret. It ends with that secret, and with the credential that mints it.
#[utoipa::path(post, path = "/v1/entities/{entity}/tokens", tag = "directory", request_body = WorkerTokenRequest,
    params(("entity", description = "Slug or id")),
    responses((status = 201, body = SignedTokenDto), (status = "4XX", body = Problem)))]
pub(super) async fn mint(
    administrator: Administrator,
    Path(entity): Path<String>,
    Body(new): Body<WorkerTokenRequest>,
) -> Result<(StatusCode, Json<SignedTokenDto>), ErrorView> {
    let WorkerTokenRequest { name, environment_id: environment, ttl_seconds } = new;
    let new = admin::NewWorkerToken { name, environment, ttl: Duration::from_secs(ttl_seconds) };
    let signed = administrator.directory()?.mint_worker_token(&entity, new).await?;
    Ok((StatusCode::CREATED, Json(signed.into())))
}
