//! `GET /v1/project`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::auth::Known;
use crate::core::Core;
use crate::domain::project;
use crate::listen::http::problem::Problem;

/// The project that a key or token is for.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Project {
    organization: String,
    project: String,
    organization_id: String,
    project_id: String,
}

/// Show the project of the caller. Nothing of any other is ever shown.
#[utoipa::path(get, path = "/v1/project", tag = "directory",
    responses((status = 200, body = Project), (status = "4XX", body = Problem)))]
pub(super) async fn show(State(core): State<Arc<Core>>, Known(caller): Known) -> Result<Json<Project>, Problem> {
    let project::Project { id, organization_id, name } = core.directory.project(&caller)?;
    Ok(Json(Project {
        organization: name.organization,
        project: name.project,
        organization_id: organization_id.to_string(),
        project_id: id.to_string(),
    }))
}
