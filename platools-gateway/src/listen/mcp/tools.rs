//! [`page`]: makes one page of the response to `tools/list`, with the tools that a caller may use.

use rmcp::model::{ErrorData, ListToolsResult, MetaObject, Tool};
use serde_json::{Map, Value, json};

use super::errors::failure;
use crate::core::Core;
use crate::domain::identity::Caller;
use crate::tools::{NamedTool, ToolView};
use platools::mcp::{Revision, ToolPage, after_cursor};
use platools::tool::Dialect;

/// A page of the tools that a caller may use.
pub(super) async fn page(
    core: &Core,
    caller: &Caller,
    view: &ToolView,
    cursor: Option<&str>,
    revision: Revision,
) -> Result<ListToolsResult, ErrorData> {
    let viewed = core.tools.in_view(caller, view).await.map_err(|error| failure(&error))?;
    let mut page = ToolPage::default();
    for tool in after_cursor(&viewed, cursor, |tool| &tool.handle)? {
        if !page.add(&tool.handle, revision.tool(shown(tool).await)) {
            break;
        }
    }
    Ok(page.into_result())
}

async fn shown(viewed: &NamedTool) -> Tool {
    let NamedTool { handle, tool, .. } = viewed;
    // A schema that cannot be used costs its tool nothing but the schema; a client might refuse the whole list for it.
    let exported = tool.export(Dialect::Mcp).await;
    let exported: Option<Tool> = exported.ok().and_then(|exported| serde_json::from_value(with_object(exported)).ok());
    let mut shown = exported
        .unwrap_or_else(|| Tool::new(handle.clone(), tool.declaration.description.clone(), Map::from_iter([object()])));
    if shown.output_schema.is_some() && !tool.result_rule().await.is_structured() {
        shown.output_schema = None;
    }
    shown.name = handle.clone().into();
    shown.meta = Some(MetaObject(Map::from_iter([
        ("platools/entity".to_owned(), json!(tool.identity.entity)),
        ("platools/name".to_owned(), json!(tool.declaration.name)),
        ("platools/online".to_owned(), json!(tool.online)),
    ])));
    shown
}

/// The protocol wants it said that arguments are an object.
fn with_object(mut tool: Value) -> Value {
    if let Some(Value::Object(schema)) = tool.get_mut("inputSchema") {
        schema.extend([object()]);
    }
    tool
}

fn object() -> (String, Value) {
    ("type".to_owned(), json!("object"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_an_object() {
        let tool = |schema: Value| with_object(json!({"name": "t", "inputSchema": schema}))["inputSchema"].clone();
        assert_eq!(tool(json!({})), json!({"type": "object"}));
        let schema = json!({"type": "object", "properties": {"a": {}}});
        assert_eq!(tool(schema.clone()), schema);
    }
}
