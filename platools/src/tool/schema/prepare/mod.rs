//! [`PreparedSchema`]: prepares the schema of a tool from any SDK for checks and for readers.
//!
//! It rewrites schemas of earlier drafts and references that lead nowhere, and fetches nothing. Its patterns run in linear time, and a
//! schema that could keep a process busy for long is not used.

mod draft_upgrade;
mod expanded_size;
mod integer_formats;
mod reference_target;
mod remove_uncheckable;
mod subschemas;

use serde_json::Value;

use crate::tool::arguments::{ArgumentRule, UncheckableSchema};
use draft_upgrade::upgraded;
use expanded_size::Expansion;
use integer_formats::with_widths;
use remove_uncheckable::{Part, has_dynamic_reference, has_pattern, loosened};
use subschemas::any_schema;

pub use remove_uncheckable::with_patterns_told;
pub(in crate::tool) use subschemas::each_schema;

/// The limit of a schema's size with every reference written out. Exponential schemas are the danger, and they pass any bound.
const MAX_EXPANSION: u64 = 100_000;

/// A schema, ready for checks and for readers.
#[derive(Debug)]
pub struct PreparedSchema {
    /// The rule for arguments of the schema.
    pub rule: Result<ArgumentRule, UncheckableSchema>,
    /// The parts of the schema that arguments are not checked against, in words.
    pub unchecked: Vec<&'static str>,
    /// The schema as readers take it, where that is not the declared one.
    pub readable: Option<Value>,
}

impl PreparedSchema {
    /// Prepares a schema. Takes the whole schema if possible, and otherwise as much of it as can be checked.
    #[must_use]
    pub fn new(declared: &Value) -> Self {
        let current = upgraded(declared);
        let schema = current.as_ref().unwrap_or(declared);
        let mut rule = checks(schema);
        let (mut unchecked, mut loose) = (Vec::new(), None);
        for part in [Part::Patterns, Part::References] {
            if rule.is_ok() {
                break;
            }
            let Some(looser) = loosened(loose.as_ref().unwrap_or(schema), part) else { continue };
            rule = checks(&looser);
            unchecked.push(part.in_words());
            loose = Some(looser);
        }
        let has_lost_references = unchecked.contains(&Part::References.in_words());
        // No reader can follow them either. The patterns stay.
        let followed = if has_lost_references { loosened(schema, Part::References) } else { None };
        Self { rule, unchecked, readable: followed.or(current) }
    }
}

/// A schema in the form of draft 2020-12 without references that lead nowhere; `None` if it is in that form already.
#[must_use]
pub fn readable(schema: &Value) -> Option<Value> {
    let current = upgraded(schema);
    loosened(current.as_ref().unwrap_or(schema), Part::References).or(current)
}

/// Returns true if a schema has a pattern that needs look-around or back references, which some readers refuse.
#[must_use]
pub fn has_odd_patterns(schema: &Value) -> bool {
    any_schema(schema, &mut has_pattern)
}

fn checks(schema: &Value) -> Result<ArgumentRule, UncheckableSchema> {
    if Expansion::of(schema) > MAX_EXPANSION {
        return Err(UncheckableSchema::new("its references multiply without bound"));
    }
    if any_schema(schema, &mut has_dynamic_reference) {
        return Err(UncheckableSchema::new("it has dynamic references"));
    }
    ArgumentRule::of_current(with_widths(schema).as_ref().unwrap_or(schema))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn dynamic_references_are_left_out_of_the_checks() {
        let schema = json!({"$dynamicAnchor": "n", "properties": {"n": {"type": "integer"}}, "anyOf": [
            {"properties": {"a": {"$dynamicRef": "#n"}}, "required": ["q"]}, {"properties": {"a": {"$dynamicRef": "#n"}}},
        ]});
        let PreparedSchema { rule, unchecked, .. } = PreparedSchema::new(&schema);
        let rule = rule.expect("the rest can be checked");
        let nested = (0..100).fold(json!({}), |inner, _| json!({ "a": inner }));
        assert_eq!((unchecked.len(), rule.fit(&nested.to_string()).is_ok()), (1, true));
        assert!(rule.fit(r#"{"n":"x"}"#).is_err());
    }
}
