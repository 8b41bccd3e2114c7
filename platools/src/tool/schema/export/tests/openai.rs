//! Tests of the function tools for OpenAI.

use serde_json::{Value, json};

use super::{rich, tool_of, tool_with};
use crate::tool::ToolDefinition;
use crate::tool::schema::Dialect;
use crate::tool::schema::export::walk::each_schema;

/// Keywords that the API documents as supported, and those of its structure.
const KNOWN: [&str; 20] = [
    "type",
    "properties",
    "required",
    "additionalProperties",
    "items",
    "anyOf",
    "$ref",
    "$defs",
    "description",
    "enum",
    "const",
    "pattern",
    "format",
    "multipleOf",
    "minimum",
    "exclusiveMinimum",
    "maximum",
    "exclusiveMaximum",
    "minItems",
    "maxItems",
];

fn function(tool: &ToolDefinition) -> (bool, Value) {
    let mut exported = tool.export(Dialect::OpenAi);
    let strict = exported["function"]["strict"].as_bool().expect("a boolean");
    (strict, exported["function"]["parameters"].take())
}

fn strict(tool: &ToolDefinition) -> Value {
    let (strict, schema) = function(tool);
    assert!(strict, "{schema:#}");
    check_rules(&schema);
    schema
}

/// The strict form of one required property.
fn strict_property(schema: Value) -> Value {
    strict(&tool_of(json!({"x": schema})))["properties"]["x"].take()
}

/// The strict form of one property that may be left out.
fn strict_optional(schema: Value) -> Value {
    strict(&tool_with(json!({"type": "object", "properties": {"x": schema}})))["properties"]["x"].take()
}

fn is_strict(property: Value) -> bool {
    function(&tool_of(json!({"x": property}))).0
}

fn check_rules(schema: &Value) {
    assert_eq!(schema["type"], "object");
    let mut schema = schema.clone();
    each_schema(&mut schema, &mut |node| {
        let rest = Value::Object(node.clone());
        assert!(node.keys().all(|keyword| KNOWN.contains(&keyword.as_str())), "{rest:#}");
        assert!(!node.contains_key("$ref") || node.len() == 1, "nothing stands beside a reference: {rest:#}");
        assert!(["type", "anyOf", "$ref"].iter().any(|key| node.contains_key(*key)), "it has a type: {rest:#}");
        let has = |kind: &str| {
            rest["type"] == kind || rest["type"].as_array().is_some_and(|kinds| kinds.contains(&json!(kind)))
        };
        if has("object") {
            let names: Vec<_> = rest["properties"].as_object().expect("properties").keys().collect();
            assert_eq!(rest["required"], json!(names));
            assert_eq!(rest["additionalProperties"], false);
        }
        assert!(!has("array") || rest["items"].is_object(), "{rest:#}");
    });
}

#[test]
fn every_node_of_a_strict_tool_obeys_the_rules() {
    let _ = strict(&rich::strict_tool());
}

#[test]
fn an_optional_property_becomes_required_and_nullable_for_openai() {
    let schema = strict(&tool_with(json!({
        "type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}}, "required": ["b"]
    })));
    assert_eq!(schema["properties"], json!({"a": {"type": ["string", "null"]}, "b": {"type": "string"}}));
    assert_eq!(schema["required"], json!(["a", "b"]));
}

#[test]
fn null_joins_whatever_an_optional_property_accepts() {
    let cases = [
        (json!({"type": ["integer", "null"]}), json!({"type": ["integer", "null"]})),
        (json!({"type": "null"}), json!({"type": "null"})),
        (json!({"type": "string", "enum": ["a"]}), json!({"type": ["string", "null"], "enum": ["a", null]})),
        (json!({"type": "string", "const": "a"}), json!({"type": ["string", "null"], "enum": ["a", null]})),
        (
            json!({"oneOf": [{"type": "string"}, {"type": "number"}]}),
            json!({"anyOf": [{"type": "string"}, {"type": "number"}, {"type": "null"}]}),
        ),
    ];
    for (schema, expected) in cases {
        assert_eq!(strict_optional(schema), expected);
    }
    let tool = tool_with(json!({
        "type": "object",
        "properties": {"x": {"$ref": "#/$defs/X"}},
        "$defs": {"X": {"type": "string"}},
    }));
    assert_eq!(strict(&tool)["properties"]["x"], json!({"anyOf": [{"$ref": "#/$defs/X"}, {"type": "null"}]}));
}

#[test]
fn a_property_with_a_default_is_told_of_it_and_does_not_become_nullable() {
    assert_eq!(
        strict_optional(json!({"type": "integer", "default": 1, "description": "How many"})),
        json!({"type": "integer", "description": "How many. Default: 1."})
    );
    assert_eq!(strict_optional(json!({"type": "integer", "default": null})), json!({"type": ["integer", "null"]}));
}

#[test]
fn what_fits_the_strict_form_fits_the_schema() {
    let tool = rich::strict_tool();
    let schema = strict(&tool);
    let mut value = json!({
        "to": {"street": "Main 1", "zip": null, "floor": 0},
        "payment": {"kind": "bill", "street": "Main 1", "zip": "1", "floor": 2},
        "speed": "overnight", "quantity": 2, "note": null, "corner": [1.0, 2.5], "tags": [],
        "category": {"name": "a", "within": {"name": "b", "within": null, "related": []}, "related": []},
        "key": 7
    });
    assert!(jsonschema::is_valid(&schema, &value), "{schema:#}");
    assert!(jsonschema::is_valid(&tool.input_schema, &value));
    value["to"]["floor"] = Value::Null;
    assert!(!jsonschema::is_valid(&schema, &value), "the declaration has no null there either");
}

#[test]
fn a_keyword_that_strict_form_lacks_becomes_a_sentence() {
    let cases = [
        (json!({"type": "string", "maxLength": 50}), "At most 50 characters."),
        (json!({"type": "string", "minLength": 1, "maxLength": 1}), "Exactly 1 character."),
        (json!({"type": "string", "minLength": 2, "maxLength": 9}), "2 to 9 characters."),
        (json!({"type": "string", "format": "uri"}), "Format: uri."),
        (
            json!({"type": "string", "default": "a", "examples": ["b", "c"]}),
            "Default: \"a\". For example: \"b\", \"c\".",
        ),
        (json!({"type": "string", "contentEncoding": "base64", "deprecated": true}), "Encoded as base64. Deprecated."),
    ];
    for (schema, expected) in cases {
        assert_eq!(strict_property(schema), json!({"type": "string", "description": expected}));
    }
    assert_eq!(
        strict_property(json!({"type": "array", "items": {"type": "string"}, "uniqueItems": true, "minItems": 1})),
        json!({"type": "array", "items": {"type": "string"}, "minItems": 1, "description": "No item twice."})
    );
}

#[test]
fn supported_keywords_stay_and_formats_of_numbers_go() {
    let kept = json!({"type": "string", "pattern": "^a", "format": "date-time"});
    assert_eq!(strict_property(kept.clone()), kept);
    let number = json!({"type": "integer", "format": "uint8", "minimum": 0, "maximum": 255, "multipleOf": 5});
    assert_eq!(strict_property(number), json!({"type": "integer", "minimum": 0, "maximum": 255, "multipleOf": 5}));
}

#[test]
fn what_stands_beside_a_reference_goes_around_it() {
    let schema = strict(&tool_with(json!({
        "type": "object",
        "properties": {"x": {"$ref": "#/$defs/X", "description": "Which one", "minimum": 3}},
        "required": ["x"],
        "$defs": {"X": {"type": "integer"}},
    })));
    assert_eq!(
        schema["properties"]["x"],
        json!({"anyOf": [{"$ref": "#/$defs/X"}], "description": "Which one. At least 3."})
    );
}

#[test]
fn a_tuple_of_one_type_is_an_array_of_that_length() {
    assert_eq!(
        strict_property(json!({
            "type": "array", "prefixItems": [{"type": "number"}, {"type": "number"}], "minItems": 2, "maxItems": 2
        })),
        json!({"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2})
    );
}

#[test]
fn a_listed_value_says_its_type() {
    assert_eq!(strict_property(json!({"enum": ["a", 1]})), json!({"type": ["string", "integer"], "enum": ["a", 1]}));
    assert_eq!(strict_property(json!({"const": "a"})), json!({"type": "string", "const": "a"}));
}

#[test]
fn flattened_parts_are_put_together() {
    let schema = strict_property(json!({
        "type": "object",
        "properties": {"a": {"type": "string"}},
        "required": ["a"],
        "allOf": [{"type": "object", "properties": {"b": {"type": "string"}}, "required": ["b"]}],
    }));
    assert_eq!(schema["required"], json!(["a", "b"]));
}

#[test]
fn a_tool_without_arguments_is_strict() {
    assert_eq!(
        strict(&tool_of(json!({}))),
        json!({"type": "object", "properties": {}, "required": [], "additionalProperties": false})
    );
}

#[test]
fn what_has_no_strict_form_says_so() {
    let loose = [
        json!(true),
        json!({}),
        json!({"description": "Anything."}),
        json!({"type": "object"}),
        json!({"type": "object", "additionalProperties": {"type": "string"}}),
        json!({"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": true}),
        json!({"type": "object", "properties": {}, "patternProperties": {"^a": {"type": "string"}}}),
        json!({"type": "object", "properties": {}, "required": ["a"]}),
        json!({"type": "object", "properties": {}, "oneOf": [{"type": "object"}]}),
        json!({"type": "array"}),
        json!({"type": "array", "prefixItems": [{"type": "string"}, {"type": "number"}], "maxItems": 2}),
        json!({"type": "array", "prefixItems": [{"type": "string"}]}),
        json!({"type": "string", "not": {"const": "a"}}),
        json!({"type": "string", "anyOf": [{"minLength": 1}]}),
        json!({"anyOf": [{"type": "string"}, true]}),
        json!({"$ref": "https://example.com/schema"}),
        json!({"$ref": "#/$defs/missing"}),
    ];
    for schema in loose {
        assert!(!is_strict(schema.clone()), "{schema}");
    }
}

#[test]
fn objects_of_a_union_that_start_with_the_same_key_are_told_apart_by_a_tag_or_not_strict() {
    let object = |first: Value, second: &str| json!({"type": "object", "properties": {"a": first, second: {"type": "null"}}, "required": ["a", second]});
    let plain = json!({"type": "string"});
    assert!(!is_strict(json!({"anyOf": [object(plain.clone(), "b"), object(plain.clone(), "c")]})));
    assert!(!is_strict(json!({"anyOf": [object(plain, "b"), object(json!({"const": "x"}), "c")]})));
    assert!(is_strict(json!({"anyOf": [object(json!({"const": "x"}), "b"), object(json!({"const": "y"}), "c")]})));
}

#[test]
fn a_union_at_the_root_is_not_strict() {
    let branch = json!({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]});
    let (strict, _) = function(&tool_with(json!({"type": "object", "oneOf": [branch]})));
    assert!(!strict);
}

#[test]
fn a_part_that_contains_itself_is_not_strict() {
    let (strict, _) = function(&tool_with(json!({
        "type": "object",
        "properties": {"tree": {"$ref": "#/$defs/Tree"}},
        "required": ["tree"],
        "$defs": {"Tree": {
            "type": "object",
            "properties": {"child": {"type": "object", "$ref": "#/$defs/Tree", "properties": {"n": {"type": "null"}}}}
        }},
    })));
    assert!(!strict);
}

#[test]
fn a_loose_schema_stays_but_every_array_gets_items() {
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {
            "map": {"type": "object", "additionalProperties": {"type": "string"}, "default": {"type": "array"}},
            "list": {"type": ["array", "null"]},
            "pair": {"type": "array", "prefixItems": [{"type": "string"}, {"type": "number"}], "maxItems": 2},
        },
    });
    let (_, loose) = function(&tool_with(schema.clone()));
    schema.as_object_mut().expect("an object").shift_remove("$schema");
    schema["properties"]["list"]["items"] = json!({});
    schema["properties"]["pair"]["items"] = json!({"anyOf": [{"type": "string"}, {"type": "number"}]});
    assert_eq!(loose, schema);
}

#[test]
fn a_description_has_at_most_1024_characters() {
    let described = |description: &str| {
        let tool = ToolDefinition::new("t", description, json!({"type": "object"}));
        tool.export(Dialect::OpenAi)["function"]["description"].as_str().expect("a text").to_owned()
    };
    let longest = "ü".repeat(1024);
    assert_eq!(described(&longest), longest);
    assert_eq!(described(&format!("{longest}x")), format!("{}…", "ü".repeat(1023)));
}
