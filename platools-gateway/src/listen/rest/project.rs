//! The route `GET /v1/project`, which shows the project of the caller's key or token.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use crate::core::Core;
use crate::dto::ProjectDto;
use crate::listen::http::ErrorView;
use crate::listen::http::extract::Authenticated;
use crate::listen::http::problem::Problem;

/// Show the project of the caller. Nothing of any other is ever shown.
#[utoipa::path(get, path = "/v1/project", tag = "directory",
    responses((status = 200, body = ProjectDto), (status = "4XX", body = Problem)))]
pub(super) async fn show(
    State(core): State<Arc<Core>>,
    Authenticated(caller): Authenticated,
) -> Result<Json<ProjectDto>, ErrorView> {
    Ok(Json(core.directory.project(&caller)?.into()))
}
