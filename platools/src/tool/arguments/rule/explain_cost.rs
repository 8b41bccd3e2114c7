//! [`is_explainable`]: tells whether `explain.rs` can collect all violations of a schema in bounded time and memory.

use std::collections::HashMap;

use serde_json::{Map, Value};

/// The limit of the work for an explanation: the number of times that a part of the schema meets a part of the arguments. Each may come to
/// some hundred bytes of memory.
const MAX_WORK: u64 = 500_000;

/// The bytes of a text that count as much as one value.
const BYTES_OF_A_VALUE: usize = 64;

/// True if all violations of a schema by arguments can be collected with bounded time and memory.
///
/// A violation of `anyOf` holds those of each branch, with copies of the values. Where branches refer to their own schema, the violations
/// multiply with every level of the arguments. They are counted here without being made.
pub(super) fn is_explainable(schema: &Value, arguments: &Value) -> bool {
    let mut anchors = HashMap::new();
    note_anchors(schema, &mut anchors);
    let mut work = Work { root: schema, anchors, of_pairs: HashMap::new(), sizes: HashMap::new() };
    work.of(schema, arguments) <= MAX_WORK
}

/// Notes the schemas that references name, and not point to.
fn note_anchors<'a>(schema: &'a Value, anchors: &mut HashMap<&'a str, &'a Value>) {
    if let Some(name) = schema.get("$anchor").and_then(Value::as_str) {
        anchors.insert(name, schema);
    }
    match schema {
        Value::Object(members) => members.values().for_each(|member| note_anchors(member, anchors)),
        Value::Array(items) => items.iter().for_each(|item| note_anchors(item, anchors)),
        _ => {}
    }
}

/// The addresses of a schema and a value, both of which outlive the count.
type Pair = (usize, usize);

struct Work<'a> {
    root: &'a Value,
    anchors: HashMap<&'a str, &'a Value>,
    /// The work of pairs that were counted, so that each is counted once.
    of_pairs: HashMap<Pair, u64>,
    sizes: HashMap<usize, u64>,
}

impl<'a> Work<'a> {
    fn of(&mut self, schema: &'a Value, value: &'a Value) -> u64 {
        let Value::Object(keywords) = schema else { return 1 };
        let pair = (std::ptr::from_ref(schema).addr(), std::ptr::from_ref(value).addr());
        if let Some(known) = self.of_pairs.get(&pair) {
            return *known;
        }
        if self.of_pairs.len() as u64 > MAX_WORK {
            return MAX_WORK + 1;
        }
        // A cycle that stays at the value counts once.
        self.of_pairs.insert(pair, 1);
        let work = keywords.iter().fold(1, |sum: u64, (keyword, under)| {
            if sum > MAX_WORK { sum } else { sum.saturating_add(self.under(keywords, (keyword, under), value)) }
        });
        self.of_pairs.insert(pair, work);
        work
    }

    fn under(&mut self, keywords: &'a Map<String, Value>, of: (&'a str, &'a Value), value: &'a Value) -> u64 {
        match (of, value) {
            (("$ref", Value::String(reference)), _) => {
                let fragment = reference.strip_prefix('#');
                let target = fragment
                    .and_then(|fragment| self.root.pointer(fragment).or_else(|| self.anchors.get(fragment).copied()));
                target.map_or(1, |target| self.of(target, value))
            }
            (("anyOf" | "oneOf", Value::Array(branches)), _) => {
                let copies = self.size(value).saturating_mul(branches.len() as u64);
                self.sum(branches.iter().map(|branch| (branch, value))).saturating_add(copies)
            }
            (("allOf", Value::Array(schemas)), _) => self.sum(schemas.iter().map(|schema| (schema, value))),
            (("not" | "if" | "then" | "else", schema), _) => self.of(schema, value),
            (("dependentSchemas", Value::Object(schemas)), _) => {
                self.sum(schemas.values().map(|schema| (schema, value)))
            }
            (("enum", Value::Array(options)), _) => options.len() as u64,
            (("properties", Value::Object(schemas)), Value::Object(members)) => {
                self.sum(members.iter().filter_map(|(name, member)| Some((schemas.get(name)?, member))))
            }
            (("patternProperties", Value::Object(schemas)), Value::Object(members)) => {
                self.sum(schemas.values().flat_map(|schema| members.values().map(move |member| (schema, member))))
            }
            (("additionalProperties" | "unevaluatedProperties", schema), Value::Object(members)) => {
                let declared = keywords.get("properties");
                let others = members.iter().filter(|(name, _)| declared.is_none_or(|all| all.get(name).is_none()));
                self.sum(others.map(|(_, member)| (schema, member)))
            }
            (("propertyNames", _), Value::Object(members)) => members.len() as u64,
            (("prefixItems", Value::Array(schemas)), Value::Array(items)) => self.sum(schemas.iter().zip(items)),
            (("items" | "contains" | "unevaluatedItems", schema), Value::Array(items)) => {
                self.sum(items.iter().map(|item| (schema, item)))
            }
            _ => 0,
        }
    }

    fn sum(&mut self, pairs: impl Iterator<Item = (&'a Value, &'a Value)>) -> u64 {
        let mut sum = 0_u64;
        for (schema, value) in pairs {
            sum = sum.saturating_add(self.of(schema, value));
            if sum > MAX_WORK {
                break;
            }
        }
        sum
    }

    /// The number of values within a value, long texts as several.
    fn size(&mut self, value: &'a Value) -> u64 {
        let address = std::ptr::from_ref(value).addr();
        if let Some(known) = self.sizes.get(&address) {
            return *known;
        }
        let size = match value {
            Value::Array(items) => items.iter().fold(1, |sum: u64, item| sum.saturating_add(self.size(item))),
            Value::Object(members) => {
                members.values().fold(1, |sum: u64, member| sum.saturating_add(self.size(member)))
            }
            Value::String(text) => return 1 + (text.len() / BYTES_OF_A_VALUE) as u64,
            _ => return 1,
        };
        self.sizes.insert(address, size);
        size
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn work_is_counted_without_being_done() {
        let schema = json!({"type": "object", "properties": {"a": {"anyOf": [
            {"type": "integer"}, {"type": "object", "properties": {"a": {"$ref": "#/properties/a"}}},
            {"type": "object", "properties": {"a": {"$ref": "#/properties/a"}, "b": {}}},
        ]}}});
        let nested = |depth| (0..depth).fold(json!("x"), |inner, _| json!({ "a": inner }));
        let named = json!({"$anchor": "n", "anyOf": [
            {"properties": {"a": {"$ref": "#n"}}, "required": ["p"]}, {"properties": {"a": {"$ref": "#n"}}, "required": ["q"]},
        ]});
        assert!(is_explainable(&named, &nested(4)) && !is_explainable(&named, &nested(100)));
        assert!(is_explainable(&schema, &nested(8)));
        assert!(!is_explainable(&schema, &nested(100)));
        let list = json!({"items": {"anyOf": [{"type": "integer"}, {"type": "boolean"}]}});
        assert!(is_explainable(&list, &json!(vec!["x"; 10_000])));
        assert!(!is_explainable(&list, &json!(vec!["x"; 1_000_000])));
        assert!(is_explainable(&list, &json!(["x".repeat(4 << 20)])));
        assert!(is_explainable(&json!({"$ref": "#"}), &json!({})));
    }
}
