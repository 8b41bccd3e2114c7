//! [`portable`]: a schema in the keywords and forms that every client of the Model Context Protocol reads.
//!
//! Validators in strict mode refuse formats that they do not know, such as `uint64`, and many clients follow no references. The result means the
//! same, except that a property that may be left out is not shown as one that may also be `null`.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::compose::{Node, alternatives, reference, required, resolve};
use super::notes::{describe, join};
use super::walk::each_schema;

/// The most keywords of a schema whose references are written out. A larger one keeps its references.
const MAX_KEYWORDS: usize = 5_000;

/// The side of a tool that a schema describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// Values that a client writes.
    Arguments,
    /// Values that a client reads: each that may occur has to be described.
    Result,
}

/// The schema in portable form.
pub(super) fn portable(schema: &Value, side: Side) -> Value {
    let mut schema = written_out(schema).unwrap_or_else(|| schema.clone());
    each_schema(&mut schema, &mut |node| {
        replace_numeric_format(node);
        list_unit_variants(node);
        if side == Side::Arguments {
            leave_out_nulls(node);
        }
    });
    schema
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

/// Makes one `enum` of alternatives that are a string each. Their descriptions become sentences of the whole.
fn list_unit_variants(node: &mut Node) {
    let Some(branches) = alternatives(node) else { return };
    let Some(variants) = branches.iter().map(unit_variants).collect::<Option<Vec<_>>>() else { return };
    let told: Vec<_> = variants.iter().filter_map(|(_, told)| told.clone()).collect();
    let values: Vec<_> = variants.into_iter().flat_map(|(values, _)| values).collect();
    node.shift_remove("oneOf");
    node.shift_remove("anyOf");
    node.insert("type".to_owned(), "string".into());
    node.insert("enum".to_owned(), values.into());
    let earlier = node.get("description").and_then(Value::as_str).unwrap_or_default().to_owned();
    if !told.is_empty() {
        node.insert("description".to_owned(), join(&earlier, &told.join(" ")).into());
    }
}

/// The strings that an alternative allows, and a sentence about them. `None` if it allows anything else.
fn unit_variants(branch: &Value) -> Option<(Vec<Value>, Option<String>)> {
    const KNOWN: [&str; 5] = ["type", "const", "enum", "description", "title"];
    let node = branch.as_object()?;
    if !node.keys().all(|keyword| KNOWN.contains(&keyword.as_str())) {
        return None;
    }
    let values = match (node.get("const"), node.get("enum").and_then(Value::as_array)) {
        (Some(value), None) => vec![value.clone()],
        (None, Some(values)) => values.clone(),
        _ => return None,
    };
    let description = node.get("description").and_then(Value::as_str).unwrap_or_default();
    let told = (!description.is_empty()).then(|| {
        let names: Vec<_> = values.iter().filter_map(Value::as_str).map(|name| format!("`{name}`")).collect();
        join(&format!("{}: {description}", names.join(", ")), "")
    });
    values.iter().all(Value::is_string).then_some((values, told))
}

/// Takes `null` out of the properties that may be left out.
fn leave_out_nulls(node: &mut Node) {
    let needed: BTreeSet<_> = required(node).map(str::to_owned).collect();
    let Some(Value::Object(properties)) = node.get_mut("properties") else { return };
    for (_, property) in properties.iter_mut().filter(|(name, _)| !needed.contains(*name)) {
        if let Value::Object(property) = property {
            remove_null(property);
        }
    }
}

fn remove_null(node: &mut Node) {
    if node.get("default").is_some_and(Value::is_null) {
        node.shift_remove("default");
    }
    if let Some(Value::Array(types)) = node.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            node.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(values)) = node.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
    for keyword in ["anyOf", "oneOf"] {
        let Some(Value::Array(branches)) = node.get_mut(keyword) else { continue };
        let is_other = |branch: &Value| branch.get("type").is_none_or(|name| name != "null");
        // A union without alternatives is no schema.
        if branches.iter().any(is_other) {
            branches.retain(is_other);
        }
        if let [Value::Object(only)] = branches.as_slice() {
            let only = only.clone();
            node.shift_remove(keyword);
            merge(node, only);
        }
    }
}

/// Adds the keywords of the only alternative that is left. Its description comes behind the property's own.
fn merge(node: &mut Node, mut only: Node) {
    if let Some(Value::String(description)) = only.shift_remove("description") {
        let own = node.shift_remove("description");
        describe(node, &description);
        describe(node, own.as_ref().and_then(Value::as_str).unwrap_or_default());
    }
    for (keyword, value) in only {
        node.entry(keyword).or_insert(value);
    }
}

/// The schema with its references written out, but for those of types that contain themselves. `None` if it has references of other kinds,
/// would become too large, or names its dialect: the official conformance suite wants such a schema with its definitions.
fn written_out(schema: &Value) -> Option<Value> {
    if schema.get("$schema").is_some() {
        return None;
    }
    let mut writing = Writing { root: schema, trail: Vec::new(), kept: BTreeSet::new(), keywords: 0 };
    let mut out = writing.value(schema)?;
    let members = out.as_object_mut()?;
    members.shift_remove("$defs");
    members.shift_remove("definitions");
    // Definitions that references are kept to may keep references to further ones.
    let mut definitions = Map::new();
    while let Some(target) = writing.kept.iter().find(|target| !definitions.contains_key(*target)).cloned() {
        let definition = resolve(schema, &format!("#/$defs/{target}"))?;
        writing.trail = vec![target.clone()];
        let definition = writing.value(definition)?;
        definitions.insert(target, definition);
    }
    if !definitions.is_empty() {
        members.insert("$defs".to_owned(), Value::Object(definitions));
    }
    Some(out)
}

struct Writing<'a> {
    root: &'a Value,
    /// The definitions that are being written out.
    trail: Vec<String>,
    /// The definitions that references are kept to.
    kept: BTreeSet<String>,
    keywords: usize,
}

impl<'a> Writing<'a> {
    fn value(&mut self, value: &'a Value) -> Option<Value> {
        self.keywords += 1;
        if self.keywords > MAX_KEYWORDS {
            return None;
        }
        match value {
            Value::Object(node) => self.node(node).map(Value::Object),
            Value::Array(items) => items.iter().map(|item| self.value(item)).collect::<Option<_>>().map(Value::Array),
            other => Some(other.clone()),
        }
    }

    fn node(&mut self, node: &'a Node) -> Option<Node> {
        if FOREIGN.iter().any(|keyword| node.contains_key(*keyword)) {
            return None;
        }
        let Some(reference) = reference(node).filter(|reference| *reference != "#") else { return self.members(node) };
        let target = defined(reference)?;
        if self.is_recursive(target) {
            self.kept.insert(target.to_owned());
            return self.members(node);
        }
        let definition = resolve(self.root, reference)?.as_object()?;
        self.trail.push(target.to_owned());
        let definition = self.node(definition);
        self.trail.pop();
        let mut out = Map::new();
        let beside = node.iter().filter(|(keyword, _)| !matches!(keyword.as_str(), "$ref" | "$defs" | "definitions"));
        for (keyword, value) in beside {
            out.insert(keyword.clone(), self.value(value)?);
        }
        let definition = definition?;
        // Two sets of keywords that would contradict each other stand side by side.
        let is_plain = out.keys().all(|keyword| matches!(keyword.as_str(), "description" | "default" | "title"));
        if is_plain {
            merge(&mut out, definition)
        } else {
            add_part(&mut out, definition)
        }
        Some(out)
    }

    fn members(&mut self, node: &'a Node) -> Option<Node> {
        let mut out = Map::new();
        for (keyword, value) in node {
            // Definitions are written where they are used.
            if !matches!(keyword.as_str(), "$defs" | "definitions") {
                out.insert(keyword.clone(), self.value(value)?);
            }
        }
        Some(out)
    }

    /// Whether a definition contains itself.
    fn is_recursive(&self, name: &str) -> bool {
        let (mut seen, mut next) = (BTreeSet::new(), vec![name.to_owned()]);
        while let Some(name_of_next) = next.pop() {
            let Some(definition) = resolve(self.root, &format!("#/$defs/{name_of_next}")) else { continue };
            for target in references(definition) {
                if target == name {
                    return true;
                }
                if seen.insert(target) {
                    next.push(target.to_owned());
                }
            }
        }
        false
    }
}

/// Adds the keywords of a definition to those beside its reference: as one object if both say no more than their properties.
fn add_part(out: &mut Node, definition: Node) {
    if let Some(whole) = joined(out, &definition) {
        *out = whole;
        return;
    }
    match out.get_mut("allOf") {
        Some(Value::Array(parts)) => parts.push(Value::Object(definition)),
        _ => drop(out.insert("allOf".to_owned(), json!([definition]))),
    }
}

/// Two objects with different properties as one.
fn joined(one: &Node, other: &Node) -> Option<Node> {
    const PLAIN: [&str; 4] = ["type", "properties", "required", "description"];
    let is_plain = |node: &Node| {
        node.get("type").is_some_and(|name| name == "object")
            && node.keys().all(|keyword| PLAIN.contains(&keyword.as_str()))
    };
    if !is_plain(one) || !is_plain(other) {
        return None;
    }
    let members = |node: &Node| node.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
    let (mut properties, further) = (members(one), members(other));
    if further.keys().any(|name| properties.contains_key(name)) {
        return None;
    }
    properties.extend(further);
    let needed: Vec<_> = required(one).chain(required(other)).map(Value::from).collect();
    let mut whole = one.clone();
    whole.insert("properties".to_owned(), Value::Object(properties));
    if !needed.is_empty() {
        whole.insert("required".to_owned(), needed.into());
    }
    describe(&mut whole, other.get("description").and_then(Value::as_str).unwrap_or_default());
    Some(whole)
}

/// Keywords by which a reference may lead elsewhere than its text says.
const FOREIGN: [&str; 4] = ["$id", "$anchor", "$dynamicRef", "$dynamicAnchor"];

/// The name of the definition that a reference leads to, if the name is the same in a pointer.
fn defined(reference: &str) -> Option<&str> {
    let name = reference.strip_prefix("#/$defs/")?;
    (!name.contains(['/', '~', '%'])).then_some(name)
}

/// The definitions that a schema refers to.
fn references(schema: &Value) -> Vec<&str> {
    match schema {
        Value::Object(node) => {
            let own = reference(node).and_then(defined);
            own.into_iter().chain(node.values().flat_map(references)).collect()
        }
        Value::Array(items) => items.iter().flat_map(references).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(schema: Value) -> Value {
        portable(&schema, Side::Arguments)
    }

    #[test]
    fn formats_of_numbers_become_bounds() {
        let schema = json!({"properties": {
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
        let mixed = json!({"oneOf": [{"const": "a"}, {"type": "object"}]});
        assert_eq!(arguments(mixed.clone()), mixed);
    }

    #[test]
    fn what_may_be_left_out_is_not_shown_as_null() {
        let schema = json!({"type": "object", "properties": {
            "a": {"type": ["integer", "null"], "default": null, "description": "How many."},
            "b": {"description": "The order.", "anyOf": [{"type": "string", "description": "One of two", "enum": ["x"]}, {"type": "null"}]},
            "c": {"type": ["integer", "null"]},
            "d": {"anyOf": [{"type": "null"}, {"type": "null", "description": "Nothing"}]}
        }, "required": ["c"]});
        let expected = json!({
            "d": {"anyOf": [{"type": "null"}, {"type": "null", "description": "Nothing"}]},
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
    fn a_schema_that_names_its_dialect_keeps_its_definitions() {
        let schema = json!({"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object",
            "properties": {"a": {"$ref": "#/$defs/A"}}, "required": ["a"], "$defs": {"A": {"type": "string"}}});
        assert_eq!(arguments(schema.clone()), schema);
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
        let schema = json!({"type": "object", "properties": {"d": {"$ref": "#/$defs/D0"}}, "required": ["d"], "$defs": definitions});
        assert_eq!(arguments(schema.clone()), schema);
    }
}
