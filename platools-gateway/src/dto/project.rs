//! [`ProjectDto`]: the JSON of a project.

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::project::Project;

/// A project: of a caller, the one that its key or token is for.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Project)]
pub struct ProjectDto {
    organization: String,
    project: String,
    organization_id: String,
    project_id: String,
}

impl From<Project> for ProjectDto {
    fn from(Project { id, organization_id, name }: Project) -> Self {
        Self {
            organization: name.organization,
            project: name.project,
            organization_id: organization_id.to_string(),
            project_id: id.to_string(),
        }
    }
}
