//! [`EnvironmentDto`]: the JSON of an environment.

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::environment::Environment;

/// An environment of the project.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Environment)]
pub struct EnvironmentDto {
    id: String,
    /// Its name in URLs; `dev`, `stage`, `stg` and `prod` stand for the usual ones.
    slug: String,
}

impl From<Environment> for EnvironmentDto {
    fn from(environment: Environment) -> Self {
        Self { id: environment.id.to_string(), slug: environment.slug }
    }
}
