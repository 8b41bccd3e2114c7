//! [`fits_strict_form`]: checks that a schema is small enough for OpenAI's strict form, such as by the number of properties. `openai.rs`
//! writes the schema.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::composed_node::{Node, resolve};

/// Limits of [strict form](https://platform.openai.com/docs/guides/structured-outputs#supported-schemas), for one schema.
const MAX_PROPERTIES: usize = 5_000;
const MAX_DEPTH: usize = 10;
const MAX_ENUM_VALUES: usize = 1_000;
/// Characters of the names of properties and definitions and of listed values.
const MAX_CHARS: usize = 120_000;
/// An `enum` with more strings than this has a limit of characters of its own.
const LARGE_ENUM: usize = 250;
const MAX_LARGE_ENUM_CHARS: usize = 15_000;

/// True if a schema in strict form is within the limits.
pub(super) fn fits_strict_form(schema: &Value) -> bool {
    let mut size = Size::default();
    size.add(schema);
    let depth = Depth { root: schema, known: HashMap::new(), trail: HashSet::new() }.of(schema);
    size.properties <= MAX_PROPERTIES
        && size.enum_values <= MAX_ENUM_VALUES
        && size.chars <= MAX_CHARS
        && !size.has_large_enum
        && depth <= MAX_DEPTH
}

#[derive(Default)]
struct Size {
    properties: usize,
    enum_values: usize,
    chars: usize,
    has_large_enum: bool,
}

impl Size {
    fn add(&mut self, schema: &Value) {
        let Some(node) = schema.as_object() else { return };
        let listed = node.get("enum").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        self.enum_values += listed.len();
        let chars: usize = listed.iter().map(chars_of).sum();
        self.has_large_enum |= listed.len() > LARGE_ENUM && chars > MAX_LARGE_ENUM_CHARS;
        self.chars += chars + node.get("const").map_or(0, chars_of);
        let named = |keyword: &str| node.get(keyword).and_then(Value::as_object).into_iter().flatten();
        self.properties += named("properties").count();
        for (name, schema) in named("properties").chain(named("$defs")).chain(named("definitions")) {
            self.chars += name.chars().count();
            self.add(schema);
        }
        within(node).for_each(|schema| self.add(schema));
    }
}

fn chars_of(value: &Value) -> usize {
    value.as_str().map_or_else(|| value.to_string().len(), |text| text.chars().count())
}

/// The schemas below a node, but for those with names.
fn within(node: &Node) -> impl Iterator<Item = &Value> {
    let branches = node.get("anyOf").and_then(Value::as_array).into_iter().flatten();
    branches.chain(node.get("items"))
}

/// The levels of objects and lists, one within the other. A type that contains itself counts once.
struct Depth<'a> {
    root: &'a Value,
    known: HashMap<&'a str, usize>,
    trail: HashSet<&'a str>,
}

impl<'a> Depth<'a> {
    fn of(&mut self, schema: &'a Value) -> usize {
        let Some(node) = schema.as_object() else { return 0 };
        let referenced = node.get("$ref").and_then(Value::as_str).map_or(0, |target| self.behind(target));
        let properties = node.get("properties").and_then(Value::as_object).into_iter().flat_map(Node::values);
        let branches = node.get("anyOf").and_then(Value::as_array).into_iter().flatten();
        let beside = branches.map(|branch| self.of(branch)).max().unwrap_or_default();
        let below = properties.chain(node.get("items")).map(|schema| self.of(schema)).max();
        let own = below.map_or(usize::from(node.contains_key("properties")), |below| below + 1);
        own.max(referenced).max(beside)
    }

    fn behind(&mut self, target: &'a str) -> usize {
        if let Some(known) = self.known.get(target) {
            return *known;
        }
        if !self.trail.insert(target) {
            return 0;
        }
        let depth = resolve(self.root, target).map_or(0, |schema| self.of(schema));
        self.trail.remove(target);
        self.known.insert(target, depth);
        depth
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn nested(levels: usize) -> Value {
        (0..levels).fold(json!({"type": "string"}), |schema, _| json!({"type": "object", "properties": {"a": schema}}))
    }

    fn object(properties: impl Iterator<Item = (String, Value)>) -> Value {
        json!({"type": "object", "properties": properties.collect::<Value>()})
    }

    #[test]
    fn each_limit_counts() {
        let many = |count: usize| object((0..count).map(|n| (format!("p{n}"), json!({"type": "null"}))));
        let listed = |count: usize, chars: usize| {
            let values: Vec<_> = (0..count).map(|n| format!("{n:0chars$}")).collect();
            json!({"type": "object", "properties": {"a": {"type": "string", "enum": values}}})
        };
        let long = |chars: usize| object([("n".repeat(chars), json!({"type": "null"}))].into_iter());
        for (fitting, too_large) in [
            (nested(10), nested(11)),
            (many(5_000), many(5_001)),
            (listed(1_000, 15), listed(1_001, 5)),
            (listed(250, 100), listed(251, 60)),
            (long(120_000), long(120_001)),
        ] {
            assert!(fits_strict_form(&fitting), "{}", &fitting.to_string()[..60]);
            assert!(!fits_strict_form(&too_large), "{}", &too_large.to_string()[..60]);
        }
    }

    #[test]
    fn levels_go_on_behind_references_and_a_type_that_contains_itself_ends() {
        let tree = json!({"type": "object", "properties": {"tree": {"$ref": "#/$defs/T"}},
            "$defs": {"T": {"type": "object", "properties": {"kids": {"type": "array", "items": {"$ref": "#/$defs/T"}}}}}});
        assert!(fits_strict_form(&tree));
        let mut deep = nested(3);
        deep["properties"]["a"]["properties"]["a"]["properties"]["a"] = json!({"anyOf": [{"$ref": "#/$defs/D"}]});
        deep["$defs"] = json!({"D": nested(7)});
        assert!(fits_strict_form(&deep));
        deep["$defs"] = json!({"D": nested(8)});
        assert!(!fits_strict_form(&deep));
    }
}
