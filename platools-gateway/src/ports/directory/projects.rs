//! [`ProjectStore`]: the port that stores organizations, projects and their environments.

use async_trait::async_trait;

use crate::domain::error::Error;
use crate::domain::ids::{EnvironmentId, ProjectId};
use crate::domain::project::ProjectName;

/// Stores organizations, projects and their environments.
#[async_trait]
pub(crate) trait ProjectStore: std::fmt::Debug + Send + Sync {
    /// Makes the project that every gateway has, unless it is there, and returns it.
    async fn default_project(&self) -> Result<ProjectId, Error>;

    /// Adds a project with the usual environments, and its organization if that is new. Returns true if its name was free.
    async fn add_project(&self, name: &ProjectName) -> Result<bool, Error>;

    /// Removes a project with everything in it, and its organization if it has no other.
    async fn remove_project(&self, project: &ProjectId) -> Result<(), Error>;

    /// Adds an environment, unless the project has `limit` of them. Returns true if its slug was free, in upper or lower case.
    async fn add_environment(&self, project: &ProjectId, slug: &str, limit: u32) -> Result<bool, Error>;

    /// Removes an environment with its tools.
    async fn remove_environment(&self, environment: &EnvironmentId) -> Result<(), Error>;
}
