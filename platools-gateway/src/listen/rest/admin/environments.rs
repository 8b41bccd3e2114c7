//! The routes of `/v1/environments`, which list, add and remove environments.

use axum::Json;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::admin::WhenInUse;
use crate::dto::EnvironmentDto;
use crate::listen::http::ErrorView;
use crate::listen::http::extract::{Body, Path, Query};
use crate::listen::http::problem::Problem;
use crate::listen::params::Page;
use crate::listen::rest::auth::Administrator;
use crate::listen::rest::page::PageQuery;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewEnvironment {
    slug: String,
}

/// List the environments.
#[utoipa::path(get, path = "/v1/environments", tag = "directory", params(PageQuery),
    responses((status = 200, body = Page<EnvironmentDto>), (status = "4XX", body = Problem)))]
pub(super) async fn list(
    administrator: Administrator,
    Query(window): Query<PageQuery>,
) -> Result<Json<Page<EnvironmentDto>>, ErrorView> {
    let page = window.page(administrator.directory()?.environments(), |environment| &environment.slug)?;
    Ok(Json(page.map(EnvironmentDto::from)))
}

/// Add an environment.
#[utoipa::path(post, path = "/v1/environments", tag = "directory", request_body = NewEnvironment,
    responses((status = 201, body = EnvironmentDto), (status = "4XX", body = Problem)))]
pub(super) async fn add(
    administrator: Administrator,
    Body(new): Body<NewEnvironment>,
) -> Result<(StatusCode, Json<EnvironmentDto>), ErrorView> {
    let added = administrator.directory()?.add_environment(&new.slug).await?;
    Ok((StatusCode::CREATED, Json(added.into())))
}

/// Parameters of the removal of an environment.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Removal {
    /// `true` removes an environment that is in use: that has tools, connected workers or agents.
    force: bool,
}

/// Remove an environment with its tools. Sockets of its workers are closed.
#[utoipa::path(delete, path = "/v1/environments/{environment}", tag = "directory",
    params(("environment", description = "Slug or id"), Removal),
    responses((status = 204), (status = "4XX", body = Problem)))]
pub(super) async fn remove(
    administrator: Administrator,
    Path(environment): Path<String>,
    Query(removal): Query<Removal>,
) -> Result<StatusCode, ErrorView> {
    let when_in_use = if removal.force { WhenInUse::Remove } else { WhenInUse::Refuse };
    administrator.directory()?.remove_environment(&environment, when_in_use).await?;
    Ok(StatusCode::NO_CONTENT)
}
