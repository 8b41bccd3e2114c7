//! Tools in the protocol's form.

use rmcp::model::{ErrorData, ListToolsResult, MetaObject, Tool};
use serde_json::{Map, Value, json};

use super::failure::failure;
use crate::core::identity::Caller;
use crate::core::{Core, NamedTool, ToolView};
use crate::listen::dto::Page;
use platools::mcp::{Revision, TOOLS_PER_PAGE, ToolPage};
use platools::tool::Dialect;

/// One page of the tools that a caller may use.
pub(super) async fn page(
    core: &Core,
    caller: &Caller,
    view: &ToolView,
    cursor: Option<&str>,
    revision: Revision,
) -> Result<ListToolsResult, ErrorData> {
    let viewed = core.tools_in_view(caller, view).await.map_err(|error| failure(&error))?;
    let cursor = cursor.map(read_cursor).transpose()?;
    let page = Page::of(viewed, Some(TOOLS_PER_PAGE), cursor.as_deref(), |tool| &tool.handle);
    let (viewed, mut next) = page.map_err(|misfit| ErrorData::invalid_params(misfit.0, None))?.into_parts();
    let (mut page, mut last) = (ToolPage::default(), None);
    for tool in viewed {
        let handle = tool.handle.clone();
        if !page.add(revision.tool(shown(tool).await)) {
            next = last;
            break;
        }
        last = Some(handle);
    }
    let mut listed = ListToolsResult::with_all_items(page.into_tools());
    listed.next_cursor = next.map(hex::encode);
    Ok(listed)
}

fn read_cursor(cursor: &str) -> Result<String, ErrorData> {
    let text = hex::decode(cursor).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    text.ok_or_else(|| ErrorData::invalid_params("`cursor` is none; take the `nextCursor` of the page before", None))
}

async fn shown(viewed: NamedTool) -> Tool {
    let NamedTool { handle, tool, .. } = viewed;
    // A schema that cannot be used costs its tool nothing but the schema; a client might refuse the whole list for it.
    let exported = tool.export(Dialect::Mcp).await;
    let exported: Option<Tool> = exported.ok().and_then(|exported| serde_json::from_value(with_object(exported)).ok());
    let mut shown = exported
        .unwrap_or_else(|| Tool::new(handle.clone(), tool.declaration.description.clone(), Map::from_iter([object()])));
    if shown.output_schema.is_some() && !tool.result_rule().await.is_structured() {
        shown.output_schema = None;
    }
    shown.name = handle.into();
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
    fn only_a_cursor_leads_anywhere() {
        assert_eq!(read_cursor(&hex::encode("lookup")).unwrap(), "lookup");
        for cursor in ["", "x", "ff"] {
            assert!(read_cursor(cursor).is_err() || cursor.is_empty(), "{cursor}");
        }
    }

    #[test]
    fn arguments_are_an_object() {
        let tool = |schema: Value| with_object(json!({"name": "t", "inputSchema": schema}))["inputSchema"].clone();
        assert_eq!(tool(json!({})), json!({"type": "object"}));
        let schema = json!({"type": "object", "properties": {"a": {}}});
        assert_eq!(tool(schema.clone()), schema);
    }
}
