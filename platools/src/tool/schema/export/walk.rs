//! Functions that visit every schema within a schema, for the exports of tools.

use serde_json::{Map, Value};

const ONE: [&str; 11] = [
    "items",
    "additionalProperties",
    "not",
    "if",
    "then",
    "else",
    "contains",
    "propertyNames",
    "unevaluatedItems",
    "unevaluatedProperties",
    "contentSchema",
];
const LISTED: [&str; 4] = ["anyOf", "oneOf", "allOf", "prefixItems"];
const NAMED: [&str; 5] = ["properties", "patternProperties", "$defs", "definitions", "dependentSchemas"];

/// Visits every object schema within, the innermost first. Values that only look like schemas (a `default`, the members
/// of an `enum`) are left alone.
pub(super) fn each_schema(schema: &mut Value, visit: &mut impl FnMut(&mut Map<String, Value>)) {
    let Value::Object(node) = schema else { return };
    for (keyword, value) in node.iter_mut() {
        match value {
            Value::Object(_) if ONE.contains(&keyword.as_str()) => each_schema(value, visit),
            Value::Array(schemas) if LISTED.contains(&keyword.as_str()) => {
                schemas.iter_mut().for_each(|schema| each_schema(schema, visit));
            }
            Value::Object(schemas) if NAMED.contains(&keyword.as_str()) => {
                schemas.values_mut().for_each(|schema| each_schema(schema, visit));
            }
            _ => {}
        }
    }
    visit(node);
}
