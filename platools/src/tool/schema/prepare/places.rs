//! [`Place`]: the meaning of a value within a JSON Schema, by the keyword that it stands under.

use serde_json::{Map, Value};

/// The meaning of a value under a keyword.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// A schema.
    Schema,
    /// A list of schemas.
    List,
    /// An object whose members are schemas under names of the author's choice.
    Names,
    /// Anything else, such as a default value. It may look like a schema and is none.
    Data,
}

impl Place {
    /// The place under `keyword` of a schema whose value there is `value`.
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
        match (Place::under(keyword, value), value) {
            (Place::Schema, value) => each_schema(value, visit),
            (Place::List, Value::Array(schemas)) => schemas.iter_mut().for_each(|schema| each_schema(schema, visit)),
            (Place::Names, Value::Object(schemas)) => {
                schemas.values_mut().for_each(|schema| each_schema(schema, visit));
            }
            _ => {}
        }
    }
    visit(node);
}

/// True if some object schema within `schema` is as `is_wanted` says.
pub(super) fn any_schema(schema: &Value, is_wanted: &mut impl FnMut(&Map<String, Value>) -> bool) -> bool {
    let Value::Object(node) = schema else { return false };
    is_wanted(node)
        || node.iter().any(|(keyword, value)| match (Place::under(keyword, value), value) {
            (Place::Schema, value) => any_schema(value, is_wanted),
            (Place::List, Value::Array(schemas)) => schemas.iter().any(|schema| any_schema(schema, is_wanted)),
            (Place::Names, Value::Object(schemas)) => schemas.values().any(|schema| any_schema(schema, is_wanted)),
            _ => false,
        })
}
