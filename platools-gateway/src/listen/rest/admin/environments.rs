//! `/v1/environments`

use axum::Json;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::admin::WhenInUse;
use crate::domain::environment;
use crate::listen::dto::Page;
use crate::listen::http::problem::Problem;
use crate::listen::rest::auth::Administrator;
use crate::listen::rest::body::Body;
use crate::listen::rest::page::PageQuery;
use crate::listen::rest::path_and_query::{Path, Query};

/// An environment of the project.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Environment {
    id: String,
    /// Its name in URLs; `dev`, `stage`, `stg` and `prod` stand for the usual ones.
    slug: String,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewEnvironment {
    slug: String,
}

/// List the environments.
#[utoipa::path(get, path = "/v1/environments", tag = "directory", params(PageQuery),
    responses((status = 200, body = Page<Environment>), (status = "4XX", body = Problem)))]
pub(super) async fn list(
    administrator: Administrator,
    Query(window): Query<PageQuery>,
) -> Result<Json<Page<Environment>>, Problem> {
    let page = window.page(administrator.directory()?.environments(), |environment| &environment.slug)?;
    Ok(Json(page.map(shown)))
}

/// Add an environment.
#[utoipa::path(post, path = "/v1/environments", tag = "directory", request_body = NewEnvironment,
    responses((status = 201, body = Environment), (status = "4XX", body = Problem)))]
pub(super) async fn add(
    administrator: Administrator,
    Body(new): Body<NewEnvironment>,
) -> Result<(StatusCode, Json<Environment>), Problem> {
    let added = administrator.directory()?.add_environment(&new.slug).await?;
    Ok((StatusCode::CREATED, Json(shown(added))))
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
) -> Result<StatusCode, Problem> {
    let when_in_use = if removal.force { WhenInUse::Remove } else { WhenInUse::Refuse };
    administrator.directory()?.remove_environment(&environment, when_in_use).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn shown(environment: environment::Environment) -> Environment {
    Environment { id: environment.id.to_string(), slug: environment.slug }
}
