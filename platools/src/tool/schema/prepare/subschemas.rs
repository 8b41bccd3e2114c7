//! [`Subschemas`]: tells which keywords contain schemas, and visits all schemas within a schema.

use serde_json::{Map, Value};

/// The schemas in the value of a keyword.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subschemas {
    /// A schema.
    Schema,
    /// A list of schemas.
    List,
    /// An object whose members are schemas under names of the author's choice.
    Names,
    /// Anything else, such as a default value. It may look like a schema and is none.
    Data,
}

impl Subschemas {
    /// Tells the schemas in the `value` of a `keyword`.
    pub(super) fn under(keyword: &str, value: &Value) -> Self {
        match keyword {
            "properties" | "patternProperties" | "$defs" | "definitions" | "dependentSchemas" | "dependencies" => {
                Self::Names
            }
            "anyOf" | "oneOf" | "allOf" | "prefixItems" => Self::List,
            "items" if value.is_array() => Self::List,
            "items"
            | "additionalItems"
            | "additionalProperties"
            | "not"
            | "if"
            | "then"
            | "else"
            | "contains"
            | "propertyNames"
            | "unevaluatedItems"
            | "unevaluatedProperties"
            | "contentSchema" => Self::Schema,
            _ => Self::Data,
        }
    }
}

/// Visits every object schema within `schema`, the innermost first.
pub(in crate::tool) fn each_schema(schema: &mut Value, visit: &mut impl FnMut(&mut Map<String, Value>)) {
    let Value::Object(node) = schema else { return };
    for (keyword, value) in node.iter_mut() {
        match (Subschemas::under(keyword, value), value) {
            (Subschemas::Schema, value) => each_schema(value, visit),
            (Subschemas::List, Value::Array(schemas)) => {
                schemas.iter_mut().for_each(|schema| each_schema(schema, visit))
            }
            (Subschemas::Names, Value::Object(schemas)) => {
                schemas.values_mut().for_each(|schema| each_schema(schema, visit));
            }
            _ => {}
        }
    }
    visit(node);
}

/// Returns true if some object schema within `schema` is as `is_wanted` says.
pub(super) fn any_schema(schema: &Value, is_wanted: &mut impl FnMut(&Map<String, Value>) -> bool) -> bool {
    let Value::Object(node) = schema else { return false };
    is_wanted(node)
        || node.iter().any(|(keyword, value)| match (Subschemas::under(keyword, value), value) {
            (Subschemas::Schema, value) => any_schema(value, is_wanted),
            (Subschemas::List, Value::Array(schemas)) => schemas.iter().any(|schema| any_schema(schema, is_wanted)),
            (Subschemas::Names, Value::Object(schemas)) => schemas.values().any(|schema| any_schema(schema, is_wanted)),
            _ => false,
        })
}
