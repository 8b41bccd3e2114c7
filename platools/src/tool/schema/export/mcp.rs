//! Tools of the Model Context Protocol.

use serde_json::{Map, Value, json};

use super::portable::{Side, portable};
use crate::tool::ToolDefinition;

/// The hints of `ToolAnnotations` that are true or false.
const HINTS: [&str; 4] = ["readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"];

pub(super) fn tool(tool: &ToolDefinition) -> Value {
    let title = tool.annotations.get("title").filter(|title| title.is_string());
    let mut out = Map::from_iter([("name".to_owned(), json!(tool.name))]);
    if let Some(title) = title {
        out.insert("title".to_owned(), title.clone());
    }
    out.insert("description".to_owned(), json!(tool.description));
    out.insert("inputSchema".to_owned(), portable(&tool.input_schema, Side::Arguments));
    if let Some(schema) = tool.structured_schema() {
        out.insert("outputSchema".to_owned(), portable(&schema, Side::Result));
    }
    let annotations = annotations(tool, title);
    if !annotations.is_empty() {
        out.insert("annotations".to_owned(), Value::Object(annotations));
    }
    Value::Object(out)
}

/// The title is repeated here: the protocol's first versions had it nowhere else.
fn annotations(tool: &ToolDefinition, title: Option<&Value>) -> Map<String, Value> {
    let hints = HINTS.iter().filter_map(|hint| {
        let value = tool.annotations.get(*hint).filter(|value| value.is_boolean())?;
        Some(((*hint).to_owned(), value.clone()))
    });
    title.map(|title| ("title".to_owned(), title.clone())).into_iter().chain(hints).collect()
}
