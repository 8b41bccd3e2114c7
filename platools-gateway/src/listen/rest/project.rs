//! The route `GET /v1/project`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use super::auth::Known;
use crate::core::Core;
use crate::dto::ProjectDto;
use crate::listen::http::problem::Problem;

/// Show the project of the caller. Nothing of any other is ever shown.
#[utoipa::path(get, path = "/v1/project", tag = "directory",
    responses((status = 200, body = ProjectDto), (status = "4XX", body = Problem)))]
pub(super) async fn show(State(core): State<Arc<Core>>, Known(caller): Known) -> Result<Json<ProjectDto>, Problem> {
    Ok(Json(core.directory.project(&caller)?.into()))
}
