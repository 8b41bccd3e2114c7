//! Tests of the declarations for Gemini.

use serde_json::{Value, json};

use super::{rich, tool_of, tool_with};
use crate::tool::schema::Dialect;
use crate::tool::schema::export::walk::each_schema;

/// The fields of the API's `Schema` that are written.
const KNOWN: [&str; 18] = [
    "type",
    "format",
    "description",
    "nullable",
    "enum",
    "items",
    "maxItems",
    "minItems",
    "properties",
    "required",
    "minProperties",
    "maxProperties",
    "minLength",
    "maxLength",
    "pattern",
    "anyOf",
    "propertyOrdering",
    "minimum",
];

fn parameters(schema: Value) -> Value {
    let mut parameters = tool_with(schema).export(Dialect::Gemini)["parameters"].take();
    let exported = parameters.clone();
    each_schema(&mut parameters, &mut |node| {
        let known = |keyword: &String| KNOWN.contains(&keyword.as_str()) || keyword == "maximum";
        assert!(node.keys().all(known), "{exported:#}");
        assert!(node.contains_key("type") != node.contains_key("anyOf"), "a type or a union: {exported:#}");
        assert!(!node.contains_key("anyOf") || node.len() == 1, "nothing stands beside a union: {exported:#}");
        assert!(node.get("type").is_none_or(Value::is_string), "{exported:#}");
        assert!(!node.contains_key("enum") || node["type"] == "string", "{exported:#}");
        assert!(node.get("type") != Some(&json!("array")) || node.contains_key("items"), "{exported:#}");
    });
    exported
}

fn property(schema: Value) -> Value {
    parameters(tool_of(json!({"x": schema})).input_schema)["properties"]["x"].take()
}

#[test]
fn every_node_of_a_declaration_obeys_the_rules() {
    let _ = parameters(rich::tool().input_schema);
}

#[test]
fn null_makes_the_rest_nullable() {
    assert_eq!(property(json!({"type": ["string", "null"]})), json!({"type": "string", "nullable": true}));
    assert_eq!(
        property(json!({"anyOf": [{"type": "boolean"}, {"type": "null"}]})),
        json!({"type": "boolean", "nullable": true})
    );
    assert_eq!(
        property(json!({"type": ["string", "null"], "enum": ["a", null]})),
        json!({"type": "string", "enum": ["a"], "nullable": true})
    );
}

#[test]
fn a_union_of_types_splits_what_is_said_of_each() {
    assert_eq!(
        property(json!({"type": ["string", "integer"], "maxLength": 3, "minimum": 1, "description": "Key"})),
        json!({"anyOf": [
            {"type": "string", "maxLength": 3, "description": "Key"},
            {"type": "integer", "minimum": 1, "description": "Key"},
        ]})
    );
}

#[test]
fn only_strings_are_listed() {
    assert_eq!(property(json!({"const": "a"})), json!({"type": "string", "enum": ["a"]}));
    assert_eq!(
        property(json!({"type": "integer", "enum": [1, 2]})),
        json!({"type": "integer", "description": "One of 1, 2."})
    );
    assert_eq!(property(json!({"const": true})), json!({"type": "boolean", "description": "Always true."}));
}

#[test]
fn unknown_keywords_and_formats_become_sentences() {
    assert_eq!(
        property(json!({"type": "string", "format": "uuid", "title": "Id", "default": "a"})),
        json!({"type": "string", "description": "Format: uuid. Default: \"a\"."})
    );
    assert_eq!(
        property(json!({"type": "number", "format": "double", "exclusiveMinimum": 0.5})),
        json!({"type": "number", "format": "double", "description": "More than 0.5."})
    );
    assert_eq!(
        property(json!({"type": "integer", "format": "uint8"})),
        json!({"type": "integer", "minimum": 0, "maximum": 255})
    );
}

#[test]
fn a_reference_is_written_out_under_its_own_description() {
    let parameters = parameters(json!({
        "type": "object",
        "properties": {"x": {"$ref": "#/$defs/X", "description": "Which", "default": "b"}},
        "$defs": {"X": {"type": "string", "description": "A letter.", "maxLength": 1}},
    }));
    assert_eq!(
        parameters["properties"]["x"],
        json!({"type": "string", "maxLength": 1, "description": "Which. Default: \"b\". A letter."})
    );
}

#[test]
fn a_recursive_type_ends_at_its_first_repetition() {
    let tree = json!({"type": "object", "properties": {
        "children": {"type": "array", "items": {"$ref": "#/$defs/Tree"}}
    }});
    let parameters = parameters(json!({
        "type": "object", "properties": {"x": {"$ref": "#/$defs/Tree"}}, "$defs": {"Tree": tree},
    }));
    assert_eq!(
        parameters["properties"]["x"]["properties"]["children"]["items"],
        json!({"type": "object", "description": "Another Tree."})
    );
}

#[test]
fn types_that_refer_to_each_other_in_many_ways_stay_small() {
    let names: Vec<_> = (0..12).map(|number| format!("T{number}")).collect();
    let properties: Value =
        names.iter().map(|name| (name.clone(), json!({"$ref": format!("#/$defs/{name}")}))).collect();
    let of_all = json!({"type": "object", "properties": properties});
    let definitions: Value = names.iter().map(|name| (name.clone(), of_all.clone())).collect();
    let parameters = parameters(json!({"type": "object", "properties": properties, "$defs": definitions}));
    assert!(parameters.to_string().len() < 2_000_000);
}

#[test]
fn a_part_that_contains_itself_ends_there() {
    let shared = json!({"type": "object", "$ref": "#/$defs/Tree", "properties": {"n": {"type": "null"}}});
    let in_a_choice = json!({"type": "object", "oneOf": [{"type": "object", "$ref": "#/$defs/Tree"}]});
    for child in [shared, in_a_choice] {
        let parameters = parameters(json!({
            "type": "object",
            "properties": {"tree": {"$ref": "#/$defs/Tree"}},
            "$defs": {"Tree": {"type": "object", "properties": {"child": child}}},
        }));
        assert_eq!(parameters["properties"]["tree"]["properties"]["child"]["type"], "object");
    }
}

#[test]
fn groups_of_properties_become_optional_ones() {
    let schema = json!({
        "type": "object",
        "properties": {"id": {"type": "string"}},
        "required": ["id"],
        "oneOf": [
            {"type": "object", "properties": {"kind": {"const": "a"}, "n": {"type": "integer"}}, "required": ["kind", "n"]},
            {"type": "object", "properties": {"kind": {"const": "b"}}, "required": ["kind"]},
        ],
    });
    assert_eq!(
        property(schema),
        json!({
            "type": "object",
            "description": "Exactly one of these groups of keys goes along: `kind`: \"a\", `n`; `kind`: \"b\".",
            "properties": {
                "id": {"type": "string"}, "kind": {"type": "string", "enum": ["a", "b"]}, "n": {"type": "integer"}
            },
            "required": ["id", "kind"],
            "propertyOrdering": ["id", "kind", "n"],
        })
    );
}

#[test]
fn maps_and_tuples_are_told_of() {
    assert_eq!(
        property(json!({"type": "object", "additionalProperties": {"type": "integer"}})),
        json!({"type": "object", "description": "Keys are free; each holds: integer."})
    );
    assert_eq!(
        property(json!({
            "type": "object", "patternProperties": {"^[0-9]+$": {"type": "boolean"}}, "additionalProperties": false
        })),
        json!({"type": "object", "description": "Keys that match `^[0-9]+$` hold: boolean."})
    );
    assert_eq!(
        property(json!({"type": "array", "prefixItems": [{"type": "string"}, {"type": "number"}], "maxItems": 2})),
        json!({
            "type": "array", "maxItems": 2, "description": "By position: string, number.",
            "items": {"anyOf": [{"type": "string"}, {"type": "number"}]}
        })
    );
}

#[test]
fn properties_are_ordered_as_declared() {
    let parameters = parameters(tool_of(json!({"b": {"type": "string"}, "a": {"type": "string"}})).input_schema);
    assert_eq!(parameters["propertyOrdering"], json!(["b", "a"]));
}

#[test]
fn a_value_of_any_shape_has_every_type() {
    assert!(property(json!(true))["anyOf"].is_array());
    assert!(property(json!({"description": "Anything"}))["anyOf"][0]["description"] == "Anything");
}

#[test]
fn a_function_without_parameters_has_none() {
    for schema in [json!({"type": "object"}), json!({"type": "object", "properties": {}})] {
        assert_eq!(tool_with(schema).export(Dialect::Gemini), json!({"name": "t", "description": "A tool."}));
    }
}
