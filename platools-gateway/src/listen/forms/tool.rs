//! How a tool is shown.

use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::core::ListedTool;
use crate::core::clock::rfc3339;

/// One tool, as its worker declared it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::listen) struct Tool {
    name: String,
    description: String,
    entity: String,
    entity_id: String,
    environment: String,
    environment_id: String,
    /// Whether a worker that has it is connected.
    online: bool,
    /// Whether it may be called.
    enabled: bool,
    /// The same as long as the declaration is the same.
    fingerprint: String,
    /// When the declaration became what it is.
    changed_at: String,
    /// JSON Schema of the arguments.
    input_schema: Value,
    /// JSON Schema of the result.
    output_schema: Option<Value>,
    /// `none`, `user` or `admin`: who may call it.
    auth: String,
    /// The caller needs one of these, if there are any.
    roles: Vec<String>,
    annotations: Map<String, Value>,
}

impl From<ListedTool> for Tool {
    fn from(tool: ListedTool) -> Self {
        let ListedTool { identity, declaration, online, enabled, fingerprint, changed_ms } = tool;
        Self {
            name: declaration.name,
            description: declaration.description,
            entity: identity.entity,
            entity_id: identity.entity_id.to_string(),
            environment: identity.environment,
            environment_id: identity.environment_id.to_string(),
            online,
            enabled,
            fingerprint,
            changed_at: rfc3339(changed_ms),
            input_schema: declaration.input_schema,
            output_schema: declaration.output_schema,
            auth: declaration.auth,
            roles: declaration.roles,
            annotations: declaration.annotations,
        }
    }
}
