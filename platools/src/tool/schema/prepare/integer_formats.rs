//! [`with_widths`]: adds the bounds that the `format` of an integer implies, such as `int32`, because validators ignore the formats of
//! numbers.

use serde_json::{Map, Value};

use super::subschemas::{any_schema, each_schema};

/// The schema with a bound for each integer that says its width in `format`, as `int32` and `uint64` do; `None` if there is none.
///
/// A `format` is checked by no validator, and a number that is too large for its type would be refused only by the worker.
pub(super) fn with_widths(schema: &Value) -> Option<Value> {
    if !any_schema(schema, &mut |node| width(node).is_some()) {
        return None;
    }
    let mut bounded = schema.clone();
    each_schema(&mut bounded, &mut |node| {
        let Some((min, max)) = width(node) else { return };
        if !node.contains_key("exclusiveMinimum") {
            node.entry("minimum").or_insert(min);
        }
        if !node.contains_key("exclusiveMaximum") {
            node.entry("maximum").or_insert(max);
        }
    });
    Some(bounded)
}

/// The smallest and the largest integer of a schema's format.
fn width(node: &Map<String, Value>) -> Option<(Value, Value)> {
    let is_integer = match node.get("type")? {
        Value::String(name) => name == "integer",
        Value::Array(names) => names.iter().any(|name| name == "integer") && !names.iter().any(|name| name == "number"),
        _ => false,
    };
    if !is_integer {
        return None;
    }
    Some(match node.get("format")?.as_str()? {
        "int8" => (i8::MIN.into(), i8::MAX.into()),
        "int16" => (i16::MIN.into(), i16::MAX.into()),
        "int32" => (i32::MIN.into(), i32::MAX.into()),
        "int64" | "int" => (i64::MIN.into(), i64::MAX.into()),
        "uint8" => (0.into(), u8::MAX.into()),
        "uint16" => (0.into(), u16::MAX.into()),
        "uint32" => (0.into(), u32::MAX.into()),
        "uint64" | "uint" => (0.into(), u64::MAX.into()),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn widths_become_bounds_beside_those_that_are_there() {
        let schema = json!({"properties": {
            "a": {"type": "integer", "format": "int32"},
            "b": {"type": ["integer", "null"], "format": "uint64", "minimum": 1},
            "c": {"type": "string", "format": "int32"},
            "d": {"type": "integer", "format": "epoch"},
        }});
        let bounded = with_widths(&schema).expect("two are integers of a width");
        assert_eq!(
            bounded["properties"]["a"],
            json!({"type": "integer", "format": "int32", "minimum": i32::MIN, "maximum": i32::MAX})
        );
        assert_eq!(
            bounded["properties"]["b"],
            json!({"type": ["integer", "null"], "format": "uint64", "minimum": 1, "maximum": u64::MAX})
        );
        assert_eq!(
            (&bounded["properties"]["c"], &bounded["properties"]["d"]),
            (&schema["properties"]["c"], &schema["properties"]["d"])
        );
        assert_eq!(with_widths(&json!({"type": "integer"})), None);
    }
}
