//! [`upgraded`]: rewrites a schema of an earlier draft, from any SDK, into JSON Schema draft 2020-12, with references that every reader can
//! follow.

use std::collections::{BTreeMap, HashSet};

use serde_json::{Map, Value, json};

use super::reference_target::{Target, is_plain};
use super::subschemas::{any_schema, each_schema};

/// Returns the schema in draft 2020-12, or `None` if it is in that form already.
///
/// Keywords of draft 7 become their successors. A reference leads to the root or into `$defs` afterwards: a schema that
/// something else refers to moves there, because models' interfaces follow no other references. A reference that leads nowhere stays
/// as it is.
pub(super) fn upgraded(schema: &Value) -> Option<Value> {
    if !any_schema(schema, &mut |node| is_older(node) || has_long_reference(node)) {
        return None;
    }
    let mut document = schema.clone();
    if embeds_documents(schema) {
        each_schema(&mut document, &mut upgrade);
        return Some(document);
    }
    let moved = Moved::of(schema);
    each_schema(&mut document, &mut |node| moved.rewrite(schema, node));
    each_schema(&mut document, &mut upgrade);
    moved.carry_out(&mut document);
    Some(document)
}

/// Returns true if a schema within this one is a document of its own: the references in there are about that document.
fn embeds_documents(schema: &Value) -> bool {
    any_schema(schema, &mut |node| node.contains_key("$id") && schema.as_object() != Some(node))
}

/// Returns true if a schema has a keyword that draft 2020-12 lacks or reads in another way.
fn is_older(node: &Map<String, Value>) -> bool {
    node.get("items").is_some_and(Value::is_array)
        || ["additionalItems", "definitions", "dependencies"].iter().any(|keyword| node.contains_key(*keyword))
        || ["exclusiveMinimum", "exclusiveMaximum"]
            .iter()
            .any(|keyword| node.get(*keyword).is_some_and(Value::is_boolean))
        || node.get("$schema").is_some_and(|name| !is_current(name))
}

fn is_current(name: &Value) -> bool {
    name.as_str().is_some_and(|name| name.contains("2020-12"))
}

fn has_long_reference(node: &Map<String, Value>) -> bool {
    let reference = node.get("$ref").and_then(Value::as_str);
    reference.is_some_and(|reference| reference != "#" && !reference.strip_prefix("#/$defs/").is_some_and(is_plain))
}

/// Replaces the keywords of earlier drafts.
fn upgrade(node: &mut Map<String, Value>) {
    if node.get("$schema").is_some_and(|name| !is_current(name)) {
        node.shift_remove("$schema");
    }
    let others = node.shift_remove("additionalItems");
    if node.get("items").is_some_and(Value::is_array) {
        rename(node, "items", "prefixItems");
        node.extend(others.map(|others| ("items".to_owned(), others)));
    }
    if node.contains_key("$defs") {
        merge(node, "definitions", "$defs");
    } else {
        rename(node, "definitions", "$defs");
    }
    dependencies(node);
    exclusive(node, "minimum", "exclusiveMinimum");
    exclusive(node, "maximum", "exclusiveMaximum");
}

/// Renames a member and keeps its place.
fn rename(node: &mut Map<String, Value>, from: &str, to: &str) {
    if let Some(index) = node.keys().position(|name| name == from)
        && let Some(value) = node.shift_remove(from)
    {
        node.shift_insert(index, to.to_owned(), value);
    }
}

/// Moves the members of one object into another. A member of the same name stays as the other one has it.
fn merge(node: &mut Map<String, Value>, from: &str, to: &str) {
    let Some(Value::Object(members)) = node.shift_remove(from) else { return };
    let Some(Value::Object(target)) = node.get_mut(to) else { return };
    for (name, value) in members {
        target.entry(name).or_insert(value);
    }
}

/// `dependencies` became two keywords, one for lists of names and one for schemas.
fn dependencies(node: &mut Map<String, Value>) {
    let Some(Value::Object(members)) = node.shift_remove("dependencies") else { return };
    let (required, schemas): (Map<_, _>, Map<_, _>) = members.into_iter().partition(|(_, value)| value.is_array());
    for (keyword, members) in [("dependentRequired", required), ("dependentSchemas", schemas)] {
        if !members.is_empty() {
            node.entry(keyword).or_insert(Value::Object(members));
        }
    }
}

/// Up to draft 4, an exclusive bound was a bound with a flag.
fn exclusive(node: &mut Map<String, Value>, bound: &str, flag: &str) {
    let Some(is_exclusive) = node.get(flag).and_then(Value::as_bool) else { return };
    node.shift_remove(flag);
    if is_exclusive && let Some(value) = node.shift_remove(bound) {
        node.insert(flag.to_owned(), value);
    }
}

/// The schemas that move into `$defs`, with the names that they have there.
struct Moved(BTreeMap<Target, String>);

impl Moved {
    fn of(root: &Value) -> Self {
        let mut targets = HashSet::new();
        any_schema(root, &mut |node| {
            targets.extend(node.get("$ref").and_then(Value::as_str).and_then(|reference| Target::of(root, reference)));
            false
        });
        let mut taken: HashSet<String> = HashSet::new();
        for keyword in ["$defs", "definitions"] {
            taken.extend(root.get(keyword).and_then(Value::as_object).into_iter().flat_map(Map::keys).cloned());
        }
        let mut moving: Vec<_> = targets.into_iter().filter(|target| !target.0.is_empty()).collect();
        moving.retain(|target| target.definition().is_none());
        moving.sort_unstable();
        let named = moving.into_iter().map(|target| {
            let name = free_name(&target, &taken);
            taken.insert(name.clone());
            (target, name)
        });
        Self(named.collect())
    }

    /// Has a reference lead where its schema is afterwards.
    fn rewrite(&self, root: &Value, node: &mut Map<String, Value>) {
        let Some(Value::String(reference)) = node.get_mut("$ref") else { return };
        let Some(target) = Target::of(root, reference) else { return };
        *reference = match (self.0.get(&target), target.definition()) {
            (Some(name), _) => format!("#/$defs/{name}"),
            (None, Some(name)) => format!("#/$defs/{name}"),
            (None, None) => "#".to_owned(),
        };
    }

    /// Moves the schemas, those within others first, and leaves a reference in the place of each.
    fn carry_out(self, document: &mut Value) {
        let mut moves: Vec<_> = self.0.into_iter().collect();
        moves.sort_by_key(|(target, _)| std::cmp::Reverse(target.0.len()));
        let mut definitions = Map::new();
        for (target, name) in moves {
            if let Some(place) = target.in_document(document) {
                let reference = json!({"$ref": format!("#/$defs/{name}")});
                definitions.insert(name, std::mem::replace(place, reference));
            }
        }
        if let (false, Value::Object(root)) = (definitions.is_empty(), document) {
            let entry = root.entry("$defs").or_insert_with(|| json!({}));
            if let Value::Object(known) = entry {
                known.extend(definitions);
            }
        }
    }
}

/// A name for a schema in `$defs`: that of the property it describes, where there is one, and a number if the name is taken.
fn free_name(target: &Target, taken: &HashSet<String>) -> String {
    let last = target.0.iter().rev().find(|token| is_plain(token) && token.parse::<usize>().is_err());
    let name = last.map_or("shared", String::as_str);
    let mut numbered = (2_u64..).map(|number| format!("{name}_{number}"));
    std::iter::once(name.to_owned()).chain(&mut numbered).find(|name| !taken.contains(name)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_in_the_current_form_stays_as_it_is() {
        for schema in [
            json!({"type": "object", "properties": {"items": {"type": "array", "items": {"$ref": "#/$defs/a"}}}, "$defs": {"a": {}}}),
            json!({"type": "object", "properties": {"definitions": {"default": {"items": [1]}}, "next": {"$ref": "#"}}}),
            json!(true),
        ] {
            assert_eq!(upgraded(&schema), None, "{schema}");
        }
    }

    #[test]
    fn keywords_of_earlier_drafts_become_their_successors() {
        let older = json!({
            "$schema": "http://json-schema.org/draft-07/schema#",
            "type": "object",
            "definitions": {"pair": {"items": [{"type": "string"}, {"$ref": "#/definitions/pair/items/0"}], "additionalItems": false}},
            "properties": {
                "pair": {"$ref": "#/definitions/pair"},
                "rest": {"items": [{"type": "string"}], "additionalItems": {"type": "number"}},
                "list": {"items": {"type": "string"}, "additionalItems": false},
                "n": {"minimum": 1, "exclusiveMinimum": true, "maximum": 9, "exclusiveMaximum": false},
                "dependencies": {"const": {"items": []}},
            },
            "dependencies": {"a": ["b"], "c": {"required": ["d"]}},
        });
        let current = json!({
            "type": "object",
            "$defs": {
                "pair": {"prefixItems": [{"$ref": "#/$defs/prefixItems"}, {"$ref": "#/$defs/prefixItems"}], "items": false},
                "prefixItems": {"type": "string"},
            },
            "properties": {
                "pair": {"$ref": "#/$defs/pair"},
                "rest": {"prefixItems": [{"type": "string"}], "items": {"type": "number"}},
                "list": {"items": {"type": "string"}},
                "n": {"maximum": 9, "exclusiveMinimum": 1},
                "dependencies": {"const": {"items": []}},
            },
            "dependentRequired": {"a": ["b"]},
            "dependentSchemas": {"c": {"required": ["d"]}},
        });
        assert_eq!(upgraded(&older), Some(current));
    }

    #[test]
    fn references_below_the_definition_that_became_the_root_lead_to_the_root() {
        let address = json!({"type": "object", "properties": {"city": {"type": "string"}}});
        for prefix in ["#/definitions/t__input", "#/definitions/a/b__input", ""] {
            let prefix = if prefix.is_empty() { "#" } else { prefix };
            let schema = json!({"type": "object", "properties": {
                "from": address, "to": {"$ref": format!("{prefix}/properties/from")},
                "city": {"$ref": format!("{prefix}/properties/from/properties/city")},
            }});
            let expected = json!({"type": "object", "properties": {
                "from": {"$ref": "#/$defs/from"}, "to": {"$ref": "#/$defs/from"}, "city": {"$ref": "#/$defs/city"},
            }, "$defs": {
                "city": {"type": "string"}, "from": {"type": "object", "properties": {"city": {"$ref": "#/$defs/city"}}},
            }});
            assert_eq!(upgraded(&schema), Some(expected), "{prefix}");
        }
        let tree = json!({"type": "object", "properties": {"next": {"$ref": "#/definitions/t__input"}}});
        assert_eq!(upgraded(&tree).unwrap()["properties"]["next"], json!({"$ref": "#"}));
        let moved = json!({"properties": {"a": {"$ref": "#/definitions/A"}}, "$defs": {"A": {"type": "string"}}});
        assert_eq!(upgraded(&moved).unwrap()["properties"]["a"], json!({"$ref": "#/$defs/A"}));
    }

    #[test]
    fn names_without_their_escapes_are_found_and_get_plain_ones() {
        let key = "a/b ü~%41";
        let references = ["#/properties/a/b ü~%41", "#/properties/a~1b%20%C3%BC~0%2541"];
        for reference in references {
            let schema = json!({"properties": {key: {"type": "string"}, "w": {"$ref": reference}}});
            let current = upgraded(&schema).unwrap();
            let expected = json!({"properties": {key: {"$ref": "#/$defs/properties"}, "w": {"$ref": "#/$defs/properties"}},
                "$defs": {"properties": {"type": "string"}}});
            assert_eq!(current, expected, "{reference}");
        }
    }

    #[test]
    fn references_that_lead_nowhere_and_those_of_embedded_documents_stay() {
        let nowhere =
            json!({"properties": {"a": {"$ref": "#/definitions/gone"}, "b": {"$ref": "https://example.com/s"}}});
        assert_eq!(upgraded(&nowhere), Some(nowhere.clone()));
        let embedded = json!({"properties": {"a": {"$id": "https://example.com/a", "properties": {"b": {}, "c": {"$ref": "#/properties/b"}}}}});
        assert_eq!(upgraded(&embedded), Some(embedded.clone()));
    }
}
