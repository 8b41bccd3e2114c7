//! [`loosened`]: removes the parts of a schema that cannot be checked, such as patterns that do not run in linear time. The loosened schema
//! may accept more values.

use serde_json::{Map, Value, json};

use super::reference_target::Target;
use super::subschemas::{Subschemas, any_schema, each_schema};
use crate::tool::arguments::ArgumentRule;

/// The parts of a schema that cannot be checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// Patterns that the checks of arguments cannot run, such as those with look-ahead.
    Patterns,
    /// References that lead nowhere, to another document, or to schemas that depend on the way to them.
    References,
}

impl Part {
    /// The parts, as a log names them.
    pub(super) fn in_words(self) -> &'static str {
        match self {
            Self::Patterns => "patterns that cannot be run",
            Self::References => "references that lead nowhere",
        }
    }
}

/// The schema without those parts; `None` if it has none of them.
///
/// What fits the schema fits it without them, too: where less to check would mean more to refuse, as below `not`, the whole condition
/// is left out.
pub(super) fn loosened(schema: &Value, part: Part) -> Option<Value> {
    if !any_schema(schema, &mut |node| has(schema, node, part)) {
        return None;
    }
    let mut loose = schema.clone();
    Loosening { root: schema, part }.schema(&mut loose);
    Some(loose)
}

/// The schema with the patterns that cannot be run as sentences of the descriptions, for readers that refuse them.
pub fn with_patterns_told(schema: &mut Value) {
    each_schema(schema, &mut |node| {
        if !has_pattern(node) {
            return;
        }
        let Some(Value::String(pattern)) = node.shift_remove("pattern") else { return };
        let earlier = node.get("description").and_then(Value::as_str).unwrap_or_default().trim_end();
        let sentence = format!("Matches the pattern `{pattern}`.");
        let described = if earlier.is_empty() { sentence } else { format!("{earlier} {sentence}") };
        node.insert("description".to_owned(), described.into());
    });
}

/// Returns true if a schema has a pattern of its own that cannot be run.
pub(super) fn has_pattern(node: &Map<String, Value>) -> bool {
    node.get("pattern").and_then(Value::as_str).is_some_and(|pattern| !can_run(pattern))
}

/// Returns true if the checks of arguments can run a pattern.
pub(super) fn can_run(pattern: &str) -> bool {
    ArgumentRule::of_current(&json!({ "pattern": pattern })).is_ok()
}

/// References whose schema depends on the way to them. Checks of those that recur take exponential time.
const DYNAMIC: [&str; 2] = ["$dynamicRef", "$recursiveRef"];

/// Returns true if a schema has such a reference of its own.
pub(super) fn has_dynamic_reference(node: &Map<String, Value>) -> bool {
    DYNAMIC.iter().any(|keyword| node.contains_key(*keyword))
}

fn has(root: &Value, node: &Map<String, Value>, part: Part) -> bool {
    match part {
        Part::Patterns => {
            let named = node.get("patternProperties").and_then(Value::as_object);
            has_pattern(node) || named.is_some_and(|named| named.keys().any(|pattern| !can_run(pattern)))
        }
        Part::References => {
            let reference = node.get("$ref").and_then(Value::as_str);
            has_dynamic_reference(node) || reference.is_some_and(|reference| Target::of(root, reference).is_none())
        }
    }
}

struct Loosening<'a> {
    root: &'a Value,
    part: Part,
}

impl Loosening<'_> {
    /// Loosens a schema; says whether it is looser now than it was. A reference may lead to a schema that is.
    fn schema(&self, schema: &mut Value) -> bool {
        let Value::Object(node) = schema else { return false };
        let mut is_looser = self.own(node) || node.contains_key("$ref");
        let mut reversed = Vec::new();
        for (keyword, value) in node.iter_mut() {
            let within = self.under(keyword, value);
            is_looser |= within;
            if within && ["not", "if", "oneOf"].contains(&keyword.as_str()) {
                reversed.push(keyword.clone());
            }
        }
        for keyword in reversed {
            drop_condition(node, &keyword);
        }
        is_looser
    }

    fn under(&self, keyword: &str, value: &mut Value) -> bool {
        let mut is_looser = false;
        match (Subschemas::under(keyword, value), value) {
            (Subschemas::Schema, value) => is_looser = self.schema(value),
            (Subschemas::List, Value::Array(schemas)) => {
                schemas.iter_mut().for_each(|schema| is_looser |= self.schema(schema));
            }
            // A definition is looser only where it is referred to.
            (Subschemas::Names, Value::Object(schemas)) => {
                schemas.values_mut().for_each(|schema| is_looser |= self.schema(schema));
                is_looser &= keyword != "$defs";
            }
            _ => {}
        }
        is_looser
    }

    /// Drops what a schema itself has of the part.
    fn own(&self, node: &mut Map<String, Value>) -> bool {
        if !has(self.root, node, self.part) {
            return false;
        }
        match self.part {
            Part::References => {
                let is_lost = |reference: &str| Target::of(self.root, reference).is_none();
                if node.get("$ref").and_then(Value::as_str).is_some_and(is_lost) {
                    node.shift_remove("$ref");
                }
                DYNAMIC.iter().for_each(|keyword| drop(node.shift_remove(*keyword)));
            }
            Part::Patterns => {
                if has_pattern(node) {
                    node.shift_remove("pattern");
                }
                drop_named_patterns(node);
            }
        }
        true
    }
}

/// Drops the properties whose patterns cannot be run, and the rules for additional properties, which depend on them.
fn drop_named_patterns(node: &mut Map<String, Value>) {
    let Some(Value::Object(named)) = node.get_mut("patternProperties") else { return };
    let before = named.len();
    named.retain(|pattern, _| can_run(pattern));
    if named.len() < before {
        node.shift_remove("additionalProperties");
        node.shift_remove("unevaluatedProperties");
    }
}

/// Drops a condition that refuses more when the schema below it allows more.
fn drop_condition(node: &mut Map<String, Value>, keyword: &str) {
    let condition = node.shift_remove(keyword);
    match (keyword, condition) {
        ("if", _) => ["then", "else"].iter().for_each(|keyword| drop(node.shift_remove(*keyword))),
        // At least one of them still has to fit.
        ("oneOf", Some(schemas)) if !node.contains_key("anyOf") => drop(node.insert("anyOf".to_owned(), schemas)),
        _ => {}
    }
}
