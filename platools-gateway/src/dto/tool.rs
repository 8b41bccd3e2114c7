//! [`ToolDto`]: the JSON of a tool, with its declaration, its health, and whether it is online and enabled.

use platools_protocol::tool_sync::{HealthStatus, ToolDeclaration};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::links::tool_health::ReportedHealth;
use crate::ports::time::rfc3339;
use crate::tools::ListedTool;

/// A tool, as its worker declared it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Tool)]
pub struct ToolDto {
    name: String,
    description: String,
    entity: String,
    entity_id: String,
    environment: String,
    environment_id: String,
    /// True if a worker that has it is connected.
    online: bool,
    /// True if it is enabled.
    enabled: bool,
    /// The health that its worker reported; null if it reported nothing.
    health: Option<ToolHealthDto>,
    /// A hash of the declaration. Equal declarations have equal fingerprints.
    fingerprint: String,
    /// Time of the last change of the declaration.
    changed_at: String,
    /// Left out of lists that were asked for without them.
    #[serde(flatten)]
    schemas: Option<DeclaredSchemas>,
    /// `none`, `user` or `admin`: who may call it.
    auth: String,
    /// The caller needs one of these, if there are any.
    roles: Vec<String>,
    annotations: Map<String, Value>,
}

/// The schemas of a tool, in draft 2020-12. They are most of its JSON.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct DeclaredSchemas {
    /// JSON Schema of the arguments.
    input_schema: Value,
    /// JSON Schema of the result.
    output_schema: Option<Value>,
}

impl ToolDto {
    /// The same tool without its schemas.
    #[must_use]
    pub fn without_schemas(self) -> Self {
        Self { schemas: None, ..self }
    }
}

/// The health of a tool, as its worker reported it; of a pool's, the worst of its workers.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ToolHealth)]
pub struct ToolHealthDto {
    /// `healthy`, `degraded` or `down`.
    status: &'static str,
    /// The time of the first report of this status.
    since: String,
    /// Mean time of a call, in milliseconds.
    avg_latency_ms: u64,
    /// Calls that failed within the last hour.
    errors_last_hour: u64,
    /// The beginning of the latest error, for operators and admins that belong to no user and no agent.
    last_error: Option<String>,
}

impl From<ReportedHealth> for ToolHealthDto {
    fn from(health: ReportedHealth) -> Self {
        let ReportedHealth { status, avg_latency_ms, errors_last_hour, last_error, since_ms, .. } = health;
        let status = match status {
            HealthStatus::Healthy => "healthy",
            HealthStatus::Degraded => "degraded",
            HealthStatus::Down => "down",
        };
        Self { status, since: rfc3339(since_ms), avg_latency_ms, errors_last_hour, last_error }
    }
}

impl From<ListedTool> for ToolDto {
    fn from(tool: ListedTool) -> Self {
        let ListedTool { identity, declaration, online, enabled, fingerprint, changed_ms, health } = tool;
        let ToolDeclaration { name, description, input_schema, output_schema, auth, roles, annotations, .. } =
            ToolDeclaration::clone(&declaration);
        Self {
            name,
            description,
            entity: identity.entity.clone(),
            entity_id: identity.entity_id.to_string(),
            environment: identity.environment.clone(),
            environment_id: identity.environment_id.to_string(),
            online,
            enabled,
            health: health.map(ToolHealthDto::from),
            fingerprint,
            changed_at: rfc3339(changed_ms),
            schemas: Some(DeclaredSchemas { input_schema, output_schema }),
            auth,
            roles,
            annotations,
        }
    }
}
