//! Writes tools as the Model Context Protocol declares them.

use serde_json::{Map, Value, json};

use super::portable::{Side, portable};
use crate::tool::ToolDefinition;

/// The hints of `ToolAnnotations` that are true or false.
const HINTS: [&str; 4] = ["readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"];

pub(super) fn tool(tool: &ToolDefinition) -> Value {
    let mut out = json!({
        "name": tool.name,
        "description": tool.description,
        "inputSchema": portable(&tool.input_schema, Side::Arguments),
    });
    if let Some(schema) = tool.structured_schema() {
        out["outputSchema"] = portable(&schema, Side::Result);
    }
    let annotations = annotations(tool);
    if !annotations.is_empty() {
        out["annotations"] = Value::Object(annotations);
    }
    out
}

/// The annotations that the protocol knows, with values of its types.
fn annotations(tool: &ToolDefinition) -> Map<String, Value> {
    let is_known = |name: &str, value: &Value| {
        (name == "title" && value.is_string()) || (HINTS.contains(&name) && value.is_boolean())
    };
    let known = tool.annotations.iter().filter(|(name, value)| is_known(name, value));
    known.map(|(name, value)| (name.clone(), value.clone())).collect()
}
