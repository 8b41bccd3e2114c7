//! [`tool`]: makes a tool whose schema has every form that `schemars` writes for Rust types.

use serde_json::{Value, json};

use crate::tool::ToolDefinition;

/// With a map and a tuple of two types, which have no strict form.
pub(super) fn tool() -> ToolDefinition {
    let mut tool = strict_tool();
    let properties = tool.input_schema["properties"].as_object_mut().expect("properties");
    properties.insert(
        "counts".to_owned(),
        json!({
            "type": "object",
            "additionalProperties": {"type": "integer", "format": "uint32", "minimum": 0},
            "description": "How many of each."
        }),
    );
    properties.insert(
        "named_point".to_owned(),
        json!({
            "type": "array",
            "prefixItems": [{"type": "number", "format": "double"}, {"type": "string"}],
            "minItems": 2,
            "maxItems": 2
        }),
    );
    tool
}

pub(super) fn strict_tool() -> ToolDefinition {
    let mut tool = ToolDefinition::new("ship", "Ships an order.", input_schema());
    tool.output_schema = Some(json!({"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]}));
    tool.roles = vec!["clerk".to_owned()];
    tool.annotations = json!({"title": "Ship an order", "destructiveHint": true, "category": "orders"})
        .as_object()
        .expect("an object")
        .clone();
    tool
}

fn input_schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "to": {"$ref": "#/$defs/Address", "description": "Where it goes"},
            "payment": {"$ref": "#/$defs/Payment"},
            "speed": {"anyOf": [{"$ref": "#/$defs/Speed"}, {"type": "null"}]},
            "quantity": {
                "type": "integer", "format": "uint32", "minimum": 1, "maximum": 99, "default": 1,
                "description": "How many."
            },
            "note": {"type": ["string", "null"], "maxLength": 200},
            "corner": {
                "type": "array",
                "prefixItems": [{"type": "number", "format": "double"}, {"type": "number", "format": "double"}],
                "minItems": 2,
                "maxItems": 2
            },
            "tags": {"type": "array", "uniqueItems": true, "items": {"type": "string"}, "default": []},
            "category": {"$ref": "#/$defs/Category"},
            "key": {"anyOf": [{"type": "string", "format": "uri"}, {"type": "integer", "format": "int64"}]}
        },
        "required": ["to", "payment", "corner", "category", "key"],
        "additionalProperties": false,
        "$defs": {
            "Address": {
                "type": "object",
                "properties": {
                    "street": {"type": "string", "description": "Street and number.", "minLength": 1, "maxLength": 50},
                    "zip": {"type": ["string", "null"], "pattern": "^[0-9]+$"},
                    "floor": {"type": "integer", "format": "uint8", "minimum": 0, "maximum": 255, "default": 0}
                },
                "required": ["street"],
                "description": "A postal address."
            },
            "Payment": {
                "oneOf": [
                    {
                        "type": "object",
                        "properties": {"kind": {"type": "string", "const": "cash"}},
                        "required": ["kind"]
                    },
                    {
                        "type": "object",
                        "properties": {"kind": {"type": "string", "const": "card"}, "number": {"type": "string"}},
                        "required": ["kind", "number"],
                        "description": "By card."
                    },
                    {
                        "$ref": "#/$defs/Address",
                        "type": "object",
                        "properties": {"kind": {"type": "string", "const": "bill"}},
                        "required": ["kind"]
                    }
                ]
            },
            "Speed": {
                "oneOf": [
                    {"type": "string", "enum": ["slow", "fast"]},
                    {"type": "string", "const": "overnight", "description": "Costs more."},
                    {
                        "type": "object",
                        "properties": {"by": {"type": "string", "format": "date-time"}},
                        "required": ["by"],
                        "additionalProperties": false
                    }
                ]
            },
            "Category": {
                "type": "object",
                "properties": {
                    "name": {"type": "string"},
                    "within": {"anyOf": [{"$ref": "#/$defs/Category"}, {"type": "null"}]},
                    "related": {"type": "array", "items": {"$ref": "#/$defs/Category"}}
                },
                "required": ["name", "related"]
            }
        }
    })
}
