//! Tests of schemas in portable form.

use serde_json::Map;

use super::*;

fn arguments(schema: Value) -> Value {
    portable(&schema, Side::Arguments)
}

fn result(schema: Value) -> Value {
    portable(&schema, Side::Result)
}

#[test]
fn formats_of_numbers_become_bounds() {
    let schema = json!({"type": "object", "properties": {
        "a": {"type": "integer", "format": "uint32", "minimum": 0},
        "b": {"type": "integer", "format": "int64"},
        "c": {"type": "number", "format": "double"},
        "d": {"type": "integer", "format": "int8", "exclusiveMinimum": 3, "maximum": 9},
        "e": {"type": "string", "format": "date-time"},
        "f": {"default": {"format": "double"}}
    }, "required": ["a", "b", "c", "d", "e", "f"]});
    assert_eq!(
        arguments(schema)["properties"],
        json!({
            "a": {"type": "integer", "minimum": 0, "maximum": 4_294_967_295_u32},
            "b": {"type": "integer"},
            "c": {"type": "number"},
            "d": {"type": "integer", "exclusiveMinimum": 3, "maximum": 9},
            "e": {"type": "string", "format": "date-time"},
            "f": {"default": {"format": "double"}}
        })
    );
}

#[test]
fn unit_variants_become_one_enum_with_their_descriptions() {
    let sort = json!({"description": "The order.", "oneOf": [
        {"type": "string", "enum": ["a", "b"]},
        {"type": "string", "const": "c", "description": "The third"}
    ]});
    let expected = json!({"description": "The order. `c`: The third", "type": "string", "enum": ["a", "b", "c"]});
    assert_eq!(arguments(sort), expected);
    let mixed = json!([{"const": "a"}, {"type": "object"}]);
    assert_eq!(arguments(json!({ "oneOf": mixed })), json!({ "anyOf": mixed }));
}

#[test]
fn what_may_be_left_out_is_not_shown_as_null() {
    let schema = json!({"type": "object", "properties": {
        "a": {"type": ["integer", "null"], "default": null, "description": "How many."},
        "b": {"description": "The order.", "anyOf": [{"type": "string", "description": "One of two", "enum": ["x"]}, {"type": "null"}]},
        "c": {"type": ["integer", "null"]}
    }, "required": ["c"]});
    let expected = json!({
        "a": {"type": "integer", "description": "How many."},
        "b": {"description": "The order. One of two", "type": "string", "enum": ["x"]},
        "c": {"type": ["integer", "null"]}
    });
    assert_eq!(arguments(schema.clone())["properties"], expected);
    assert_eq!(portable(&schema, Side::Result), schema, "a result may have the null");
}

#[test]
fn references_are_written_out_unless_a_type_contains_itself() {
    let schema = json!({
        "type": "object",
        "properties": {
            "line": {"$ref": "#/$defs/Line", "description": "One line."},
            "tree": {"$ref": "#/$defs/Tree"}
        },
        "required": ["line", "tree"],
        "$defs": {
            "Line": {"type": "object", "description": "A line", "properties": {"sku": {"$ref": "#/$defs/Sku"}}, "required": ["sku"]},
            "Sku": {"type": "string"},
            "Tree": {"type": "object", "properties": {"sku": {"$ref": "#/$defs/Sku"}, "kids": {"type": "array", "items": {"$ref": "#/$defs/Tree"}}},
                "required": ["sku", "kids"]}
        }
    });
    let expected = json!({
        "type": "object",
        "properties": {
            "line": {"description": "One line. A line", "type": "object", "properties": {"sku": {"type": "string"}}, "required": ["sku"]},
            "tree": {"$ref": "#/$defs/Tree"}
        },
        "required": ["line", "tree"],
        "$defs": {
            "Tree": {"type": "object", "properties": {"sku": {"type": "string"}, "kids": {"type": "array", "items": {"$ref": "#/$defs/Tree"}}},
                "required": ["sku", "kids"]}
        }
    });
    assert_eq!(arguments(schema), expected);
}

#[test]
fn arguments_that_name_the_dialect_of_the_protocol_keep_the_name_and_their_definitions() {
    let schema = |dialect: &str| {
        json!({"$schema": dialect, "$id": "a", "type": "object", "properties": {"a": {"$ref": "#/$defs/A"}}, "required": ["a"],
            "$defs": {"A": {"type": "string"}}})
    };
    let current = "https://json-schema.org/draft/2020-12/schema";
    let plain = json!({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]});
    let mut named = plain.clone();
    named["$schema"] = current.into();
    named["$defs"] = json!({"A": {"type": "string"}});
    assert_eq!(arguments(schema(current)), named);
    assert_eq!(result(schema(current)), plain);
    assert_eq!(arguments(schema("http://json-schema.org/draft-07/schema#")), plain);
}

#[test]
fn definitions_of_earlier_drafts_are_written_out() {
    let schema = json!({"type": "object", "properties": {"a": {"$ref": "#/definitions/A"}, "b": {"$ref": "#/definitions/B"}},
        "definitions": {"A": {"type": "string"}, "B": {"type": "array", "items": {"$ref": "#/definitions/B"}}}});
    let expected = json!({"type": "object", "properties": {"a": {"type": "string"}, "b": {"$ref": "#/$defs/B"}},
        "$defs": {"B": {"type": "array", "items": {"$ref": "#/$defs/B"}}}});
    assert_eq!(arguments(schema), expected);
}

#[test]
fn a_reference_that_is_kept_stands_alone() {
    let schema = json!({"type": "object", "properties": {"a": {"type": "object", "properties": {"kind": {"const": "a"}}, "$ref": "#/$defs/A"}},
        "$defs": {"A": {"type": "object", "properties": {"a": {"$ref": "#/$defs/A", "description": "It."}}}}});
    let rewritten = result(schema);
    assert_eq!(
        rewritten["properties"]["a"],
        json!({"type": "object", "properties": {"kind": {"const": "a"}}, "allOf": [{"$ref": "#/$defs/A"}]})
    );
    assert_eq!(rewritten["$defs"]["A"]["properties"]["a"], json!({"$ref": "#/$defs/A", "description": "It."}));
}

#[test]
fn schemas_that_are_true_or_false_become_objects() {
    let schema = json!({"type": "object", "additionalProperties": false, "properties": {
        "any": true, "list": {"type": "array", "items": true}, "none": {"type": "array", "items": false}, "never": false,
        "map": {"type": "object", "additionalProperties": true}
    }});
    let expected = json!({
        "any": {}, "list": {"type": "array", "items": {}}, "none": {"type": "array", "maxItems": 0}, "never": {"not": {}},
        "map": {"type": "object", "additionalProperties": true}
    });
    let rewritten = result(schema);
    assert_eq!((&rewritten["properties"], &rewritten["additionalProperties"]), (&expected, &json!(false)));
}

#[test]
fn tuples_become_lists_with_a_sentence_for_their_order() {
    let (int, text) = (json!({"type": "integer"}), json!({"type": "string", "description": "The name."}));
    for (given, expected) in [
        (
            json!({"type": "array", "prefixItems": [int, text], "minItems": 2, "maxItems": 2}),
            json!({"type": "array", "minItems": 2, "maxItems": 2, "items": {"anyOf": [int, text]},
                "description": "Items in this order: integer, string (The name)."}),
        ),
        (
            json!({"type": "array", "prefixItems": [int, int], "minItems": 2, "maxItems": 2, "description": "A pair"}),
            json!({"type": "array", "minItems": 2, "maxItems": 2, "description": "A pair", "items": int}),
        ),
        (
            json!({"type": "array", "items": [int, text], "additionalItems": false}),
            json!({"type": "array", "maxItems": 2, "items": {"anyOf": [int, text]},
                "description": "Items in this order: integer, string (The name)."}),
        ),
        (
            json!({"type": "array", "prefixItems": [int], "items": text}),
            json!({"type": "array", "items": {"anyOf": [int, text]},
                "description": "Items in this order: integer, then any number of: string (The name)."}),
        ),
        (
            json!({"type": "array", "prefixItems": [int]}),
            json!({"type": "array", "items": {}, "description": "Items in this order: integer, then any number of: any value."}),
        ),
    ] {
        assert_eq!(result(given.clone()), expected, "{given}");
    }
}

#[test]
fn formats_patterns_and_keywords_that_not_all_know_are_told_or_dropped() {
    for (given, expected) in [
        (json!({"type": "string", "format": "ip"}), json!({"type": "string", "description": "Format: ip."})),
        (
            json!({"type": "string", "format": "date-time"}),
            json!({"type": "string", "description": "Format: date-time."}),
        ),
        (
            json!({"type": "string", "description": "A word", "pattern": r"^\p{L}+$"}),
            json!({"type": "string", "description": r"A word. Matches the pattern `^\p{L}+$`."}),
        ),
        (json!({"type": "string", "x-order": 3, "example": "a"}), json!({"type": "string"})),
        (
            json!({"type": "number", "minimum": 0, "exclusiveMinimum": true}),
            json!({"type": "number", "exclusiveMinimum": 0}),
        ),
        (
            json!({"type": "object", "patternProperties": {r"^\p{L}$": {}}, "additionalProperties": false}),
            json!({"type": "object", "patternProperties": {}}),
        ),
        (json!({"type": "array", "contains": {"type": "string"}, "minContains": 0}), json!({"type": "array"})),
    ] {
        assert_eq!(result(given.clone()), expected, "{given}");
    }
}

#[test]
fn arguments_keep_the_formats_that_all_know() {
    let known = json!({"type": "string", "format": "date-time"});
    assert_eq!(arguments(known.clone()), known);
    let time = json!({"type": "string", "format": "time"});
    assert_eq!(arguments(time), json!({"type": "string", "description": "Format: time."}));
}

#[test]
fn a_condition_whose_portable_form_is_looser_is_dropped() {
    let word = json!({"type": "string", "pattern": r"^\p{L}$"});
    assert_eq!(result(json!({"type": "string", "not": word})), json!({"type": "string"}));
    let kept = json!({"type": "string", "not": {"const": "a"}});
    assert_eq!(result(kept.clone()), kept);
    assert_eq!(result(json!({"type": "string", "if": word, "then": {"maxLength": 3}})), json!({"type": "string"}));
}

#[test]
fn several_types_become_alternatives_with_their_own_keywords() {
    let schema = json!({"description": "It.", "type": ["string", "number", "null"], "minimum": 0, "pattern": "^a$", "title": "A"});
    let expected = json!({"description": "It.", "title": "A", "anyOf": [
        {"type": "string", "pattern": "^a$"}, {"type": "number", "minimum": 0}, {"type": "null"}
    ]});
    assert_eq!(result(schema), expected);
    let nullable = json!({"type": ["integer", "null"], "minimum": 0});
    assert_eq!(result(nullable.clone()), nullable);
}

#[test]
fn required_properties_and_types_are_declared() {
    let schema =
        json!({"type": "object", "properties": {"a": {}}, "anyOf": [{"required": ["a"]}, {"required": ["b", "b"]}]});
    let expected = json!({"type": "object", "properties": {"a": {}}, "anyOf": [
        {"required": ["a"], "type": "object", "properties": {"a": {}}},
        {"required": ["b"], "type": "object", "properties": {"b": {}}}
    ]});
    assert_eq!(result(schema), expected);
}

#[test]
fn listed_values_are_listed_once() {
    assert_eq!(result(json!({"enum": [1, 2, 1]})), json!({"enum": [1, 2]}));
    assert_eq!(result(json!({"enum": []})), json!({"not": {}}));
}

#[test]
fn a_reference_beside_properties_becomes_one_object_with_them() {
    let schema = json!({"type": "object", "properties": {"kind": {"const": "a"}}, "required": ["kind"], "$ref": "#/$defs/A",
        "$defs": {"A": {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}}});
    let expected = json!({"type": "object", "properties": {"kind": {"const": "a"}, "n": {"type": "integer"}}, "required": ["kind", "n"]});
    assert_eq!(arguments(schema), expected);
}

#[test]
fn a_schema_that_would_become_too_large_keeps_its_references() {
    let mut definitions = Map::new();
    for level in 0..20 {
        let next = json!({"$ref": format!("#/$defs/D{}", level + 1)});
        definitions.insert(
            format!("D{level}"),
            json!({"type": "object", "properties": {"a": next, "b": next}, "required": ["a", "b"]}),
        );
    }
    definitions.insert("D20".to_owned(), json!({"type": "string"}));
    let schema =
        json!({"type": "object", "properties": {"d": {"$ref": "#/$defs/D0"}}, "required": ["d"], "$defs": definitions});
    assert_eq!(arguments(schema.clone()), schema);
}
