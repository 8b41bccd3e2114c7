//! [`portable`]: rewrites a schema into keywords and forms that every client of the Model Context Protocol reads.
//!
//! Strict validators refuse unknown formats, patterns and keywords. Some clients read schemas in draft-07, some refuse a list of tools with
//! a schema that is `true`, and many follow no references. A value that fits the schema also fits the portable form, with one exception: a
//! property that may be left out may no longer be `null` instead. A keyword without a portable form becomes a sentence of the description.

mod keywords;
mod pattern;
mod references;
mod schema_change;
mod tuples;
mod types;
mod unions;

use serde_json::{Value, json};

use self::keywords::{drop_unknown, tell_formats, tell_patterns};
use self::references::{keep_references_apart, without_identity, written_out};
use self::schema_change::SchemaChange;
pub(super) use self::schema_change::Side;
use self::tuples::tell_positions;
use self::types::{declare_required, infer_type, separate_types};
use self::unions::{join_alternatives, leave_out_nulls, list_each_value_once, list_unit_variants};
use super::composed_node::Node;

/// The schema in portable form.
pub(super) fn portable(schema: &Value, side: Side) -> Value {
    let schema = without_identity(schema, side);
    let mut schema = written_out(&schema).unwrap_or(schema);
    if let Value::Object(node) = &mut schema {
        rewrite(node, side);
    }
    schema
}

/// Rewrites a schema and all schemas within, the innermost first.
fn rewrite(node: &mut Node, side: Side) -> SchemaChange {
    let mut change = SchemaChange::Same;
    let keywords: Vec<_> = node.keys().cloned().collect();
    for keyword in keywords {
        let Some(value) = node.get_mut(&keyword) else { continue };
        let within = rewrite_under(&keyword, value, side);
        // A condition that more values fit refuses more.
        match (keyword.as_str(), within) {
            ("not", SchemaChange::Looser) => drop(node.shift_remove("not")),
            ("if", SchemaChange::Looser) => {
                ["if", "then", "else"].iter().for_each(|keyword| drop(node.shift_remove(*keyword)))
            }
            _ => {}
        }
        change = change.and(within);
    }
    replace_numeric_format(node);
    list_unit_variants(node);
    list_each_value_once(node);
    keep_references_apart(node);
    let change = [
        drop_unknown(node),
        tell_formats(node, side),
        tell_patterns(node),
        tell_positions(node),
        join_alternatives(node),
    ]
    .into_iter()
    .fold(change, SchemaChange::and);
    infer_type(node);
    separate_types(node);
    declare_required(node);
    if side == Side::Arguments {
        leave_out_nulls(node);
    }
    change
}

fn rewrite_under(keyword: &str, value: &mut Value, side: Side) -> SchemaChange {
    const ONE: [&str; 9] =
        ["items", "additionalItems", "not", "if", "then", "else", "contains", "propertyNames", "additionalProperties"];
    const LISTED: [&str; 5] = ["anyOf", "oneOf", "allOf", "prefixItems", "items"];
    const NAMED: [&str; 4] = ["properties", "patternProperties", "$defs", "definitions"];
    match value {
        // Every client reads these.
        Value::Bool(_) if matches!(keyword, "additionalProperties" | "additionalItems") => SchemaChange::Same,
        Value::Array(schemas) if LISTED.contains(&keyword) => {
            schemas.iter_mut().fold(SchemaChange::Same, |change, schema| change.and(rewrite_one(schema, side)))
        }
        Value::Object(schemas) if NAMED.contains(&keyword) => {
            schemas.values_mut().fold(SchemaChange::Same, |change, schema| change.and(rewrite_one(schema, side)))
        }
        Value::Object(_) | Value::Bool(_) if ONE.contains(&keyword) => rewrite_one(value, side),
        _ => SchemaChange::Same,
    }
}

/// Rewrites a schema; one that is `true` or `false` becomes an object.
fn rewrite_one(schema: &mut Value, side: Side) -> SchemaChange {
    match schema {
        Value::Bool(true) => *schema = json!({}),
        Value::Bool(false) => *schema = json!({ "not": {} }),
        Value::Object(node) => return rewrite(node, side),
        _ => {}
    }
    SchemaChange::Same
}

/// The ends of the integer types whose schemas have a format instead of bounds.
fn bounds_of(format: &str) -> Option<(Option<Value>, Option<Value>)> {
    let ends = |min: i64, max: i64| Some((Some(json!(min)), Some(json!(max))));
    match format {
        "int8" => ends(i8::MIN.into(), i8::MAX.into()),
        "uint8" => ends(0, u8::MAX.into()),
        "int16" => ends(i16::MIN.into(), i16::MAX.into()),
        "uint16" => ends(0, u16::MAX.into()),
        "int32" => ends(i32::MIN.into(), i32::MAX.into()),
        "uint32" => ends(0, u32::MAX.into()),
        // Bounds beyond the numbers that a client's floats can tell apart would say something else to it.
        "uint" | "uint64" | "uint128" => Some((Some(json!(0)), None)),
        "int" | "int64" | "int128" | "float" | "double" => Some((None, None)),
        _ => None,
    }
}

/// Puts the bounds of a numeric type in the place of its format.
pub(super) fn replace_numeric_format(node: &mut Node) {
    let Some((min, max)) = node.get("format").and_then(Value::as_str).and_then(bounds_of) else { return };
    node.shift_remove("format");
    for (keyword, excluding, bound) in [("minimum", "exclusiveMinimum", min), ("maximum", "exclusiveMaximum", max)] {
        if let Some(bound) = bound.filter(|_| !node.contains_key(excluding)) {
            node.entry(keyword).or_insert(bound);
        }
    }
}

#[cfg(test)]
mod tests;
