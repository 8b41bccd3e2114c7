//! [`limits_fields`]: tells whether a schema has limits on the fields of a type, such as `#[schemars(range(max = 5))]`. Decoding does not
//! check them, so such arguments are also checked against the schema.

use serde_json::{Map, Value};

use super::parameter::ParameterList;

/// The keywords that limit values of a type.
const LIMITS: [&str; 12] = [
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "pattern",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
];

/// True if the schema has limits that neither a type nor a parameter checks: those that an author declares for the fields of a type, as
/// `#[schemars(range(max = 5))]` does.
pub(super) fn limits_fields(parameters: &dyn ParameterList, mut schema: Value) -> bool {
    parameters.each(&mut |parameter| {
        if let Some(Value::Object(property)) =
            schema.pointer_mut("/properties").and_then(|all| all.get_mut(parameter.name()))
        {
            parameter.limits().iter().for_each(|keyword| drop(property.remove(*keyword)));
        }
    });
    has_limits(&schema)
}

fn has_limits(schema: &Value) -> bool {
    match schema {
        Value::Object(node) => is_limited(node) || node.values().any(has_limits),
        Value::Array(items) => items.iter().any(has_limits),
        _ => false,
    }
}

/// True if a schema has a limit beyond those of its type: of the integer types of each width, of tuples and of arrays.
fn is_limited(node: &Map<String, Value>) -> bool {
    let format = node.get("format").and_then(Value::as_str).unwrap_or_default();
    let has_fixed_length = node.get("minItems").is_some() && node.get("minItems") == node.get("maxItems");
    LIMITS.iter().any(|keyword| match (*keyword, node.get(*keyword)) {
        (_, None) => false,
        ("minimum" | "maximum", Some(limit)) => !is_width_of(format, limit),
        ("minItems" | "maxItems", Some(_)) => !has_fixed_length,
        ("minLength" | "maxLength", Some(length)) => !(format.is_empty() && *length == 1 && is_char(node)),
        // A name or a default may be called like a keyword.
        (_, Some(limit)) => limit.is_number() || limit.is_string(),
    })
}

/// True if a schema is that of one character.
fn is_char(node: &Map<String, Value>) -> bool {
    node.get("minLength") == node.get("maxLength")
}

/// True if a limit is the end of an integer type.
fn is_width_of(format: &str, limit: &Value) -> bool {
    let ends: &[i64] = match format {
        "int8" => &[i8::MIN as i64, i8::MAX as i64],
        "int16" => &[i16::MIN as i64, i16::MAX as i64],
        "uint8" => &[0, u8::MAX as i64],
        "uint16" => &[0, u16::MAX as i64],
        unsigned if unsigned.starts_with("uint") => &[0],
        _ => &[],
    };
    limit.as_i64().is_some_and(|limit| ends.contains(&limit))
}
