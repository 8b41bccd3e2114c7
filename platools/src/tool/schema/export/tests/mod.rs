//! Tests of the exports of tools to every dialect.

use serde_json::{Value, json};

use super::Dialect;
use super::walk::each_schema;
use crate::tool::{Auth, ToolDefinition};

mod gemini;
mod openai;
mod rich;

const DIALECTS: [Dialect; 5] = [Dialect::Platform, Dialect::Mcp, Dialect::OpenAi, Dialect::Anthropic, Dialect::Gemini];

/// A tool with these properties, all of them required.
fn tool_of(properties: Value) -> ToolDefinition {
    let required: Vec<_> = properties.as_object().expect("properties").keys().cloned().collect();
    tool_with(json!({"type": "object", "properties": properties, "required": required}))
}

fn tool_with(schema: Value) -> ToolDefinition {
    ToolDefinition::new("t", "A tool.", schema)
}

/// The schemas in an exported tool, whatever each dialect calls them.
fn schemas(exported: &Value) -> Vec<Value> {
    let keys =
        ["/input_schema", "/output_schema", "/inputSchema", "/outputSchema", "/function/parameters", "/parameters"];
    keys.iter().filter_map(|key| exported.pointer(key)).filter(|schema| !schema.is_null()).cloned().collect()
}

#[test]
fn a_rich_tool_in_every_dialect() {
    for dialect in DIALECTS {
        insta::assert_json_snapshot!(format!("rich_{dialect:?}"), rich::tool().export(dialect));
    }
    insta::assert_json_snapshot!("strict_OpenAi", rich::strict_tool().export(Dialect::OpenAi));
}

#[test]
fn every_exported_schema_is_a_schema() {
    for dialect in DIALECTS {
        for tool in [rich::tool(), rich::strict_tool()] {
            for schema in schemas(&tool.export(dialect)) {
                if let Err(error) = jsonschema::draft202012::meta::validate(&schema) {
                    panic!("{dialect:?}: {error} in {schema:#}");
                }
            }
        }
    }
}

#[test]
fn an_export_leaves_the_declaration_as_it_was() {
    let tool = rich::tool();
    for dialect in DIALECTS {
        let _ = tool.export(dialect);
    }
    assert_eq!(tool, rich::tool());
}

#[test]
fn a_registration_has_seven_keys() {
    let mut tool = rich::tool();
    tool.output_schema = None;
    tool.auth = Auth::Admin;
    let exported = tool.export(Dialect::Platform);
    let keys: Vec<_> = exported.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(keys, ["name", "description", "input_schema", "output_schema", "auth", "roles", "annotations"]);
    assert_eq!((&exported["output_schema"], &exported["auth"]), (&Value::Null, &json!("admin")));
}

#[test]
fn mcp_shows_only_the_hints_it_knows() {
    let mut tool = tool_of(json!({}));
    tool.annotations = json!({"category": "x", "readOnlyHint": true, "openWorldHint": "yes", "title": "Look up"})
        .as_object()
        .expect("an object")
        .clone();
    let exported = tool.export(Dialect::Mcp);
    assert!(exported.get("title").is_none());
    assert_eq!(exported["annotations"], json!({"title": "Look up", "readOnlyHint": true}));
}

#[test]
fn mcp_shows_neither_absent_annotations_nor_an_output_that_is_no_object() {
    let mut tool = tool_of(json!({}));
    for output in [None, Some(json!({"type": "string"})), Some(json!({"type": ["object", "null"]})), Some(json!(true))]
    {
        tool.output_schema = output;
        let exported = tool.export(Dialect::Mcp);
        let keys: Vec<_> = exported.as_object().expect("an object").keys().map(String::as_str).collect();
        assert_eq!(keys, ["name", "description", "inputSchema"]);
    }
}

#[test]
fn a_walk_leaves_values_that_look_like_schemas_alone() {
    let mut schema = json!({
        "properties": {"items": {"default": {"type": "array"}, "enum": [{"type": "array"}], "const": {"type": "array"}}},
        "allOf": [{"items": {}}],
    });
    let mut seen = 0;
    each_schema(&mut schema, &mut |_| seen += 1);
    assert_eq!(seen, 4, "the root, `items` the property, the part and its items");
}
