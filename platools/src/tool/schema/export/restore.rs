//! [`Restoration`]: converts a model's arguments for an exported tool back into the arguments of the tool, on their JSON text.

use std::collections::BTreeMap;

use serde::Deserializer as _;
use serde_json::Value;
use serde_json::value::RawValue;

use super::composed_node::{Composed, Node, alternatives, reference, resolve, types, uniform_items};
use crate::tool::arguments::raw_members::Members;

/// The changes that a form makes to arguments, for the way back.
#[derive(Debug, Clone, Default)]
pub(super) struct Restoration {
    /// The schema of the tool, if the form asks for `null` where an argument would be left out.
    pub(super) nulls: Option<Value>,
    /// The tool's own names of arguments, by those of the form.
    pub(super) names: BTreeMap<String, String>,
}

impl Restoration {
    /// The arguments of the tool; `None` if they stay as they are.
    pub(super) fn restored(&self, sent: &RawValue) -> Option<Box<RawValue>> {
        let named = self.named(sent);
        let whole = named.as_deref().unwrap_or(sent);
        // Most arguments have no null at all.
        let nulls = self.nulls.as_ref().filter(|_| whole.get().contains("null"));
        let without = nulls.and_then(|root| Nulls { root }.left_out_of(&[root], whole));
        without.or(named)
    }

    fn named(&self, sent: &RawValue) -> Option<Box<RawValue>> {
        let members =
            members_of(sent).filter(|members| members.iter().any(|(name, _)| self.names.contains_key(name)))?;
        let renamed = members.into_iter().map(|(name, value)| {
            let own = self.names.get(&name).cloned().unwrap_or(name);
            (own, value.to_owned())
        });
        written(renamed)
    }
}

fn members_of(value: &RawValue) -> Option<Vec<(String, &RawValue)>> {
    let is_object = value.get().starts_with('{');
    is_object.then(|| serde_json::Deserializer::from_str(value.get()).deserialize_map(Members).ok()).flatten()
}

fn written(members: impl Iterator<Item = (String, Box<RawValue>)>) -> Option<Box<RawValue>> {
    let members = members.map(|(name, value)| format!("{}:{}", Value::from(name), value.get()));
    RawValue::from_string(format!("{{{}}}", members.collect::<Vec<_>>().join(","))).ok()
}

/// A union may name itself; its branches are looked into so deep.
const MAX_BRANCHES_DEEP: usize = 16;

/// Leaves out `null` where it stands for a member that was left out.
struct Nulls<'a> {
    root: &'a Value,
}

impl<'a> Nulls<'a> {
    /// A value that fits one of the schemas, without those nulls; `None` if it has none.
    fn left_out_of(&self, schemas: &[&'a Value], value: &RawValue) -> Option<Box<RawValue>> {
        match value.get().as_bytes().first()? {
            b'{' => self.object(schemas, value),
            b'[' => self.array(schemas, value),
            _ => None,
        }
    }

    fn object(&self, schemas: &[&'a Value], value: &RawValue) -> Option<Box<RawValue>> {
        let members = members_of(value)?;
        let mut shapes = Vec::new();
        schemas.iter().for_each(|schema| self.shapes(schema, &members, 0, &mut shapes));
        let (mut out, mut is_changed) = (Vec::new(), false);
        for (name, value) in members {
            let known: Vec<_> = shapes.iter().filter_map(|shape| member(shape, &name)).collect();
            let stands_for_nothing = || known.iter().all(|(schema, needed)| !needed && !self.takes_null(schema, 0));
            if value.get() == "null" && !known.is_empty() && stands_for_nothing() {
                is_changed = true;
                continue;
            }
            let known: Vec<_> = known.into_iter().map(|(schema, _)| schema).collect();
            let restored = self.left_out_of(&known, value);
            is_changed |= restored.is_some();
            out.push((name, restored.unwrap_or_else(|| value.to_owned())));
        }
        is_changed.then(|| written(out.into_iter())).flatten()
    }

    fn array(&self, schemas: &[&'a Value], value: &RawValue) -> Option<Box<RawValue>> {
        let mut of_items = Vec::new();
        schemas.iter().for_each(|schema| self.item_schemas(schema, 0, &mut of_items));
        let items: Vec<&RawValue> = serde_json::from_str(value.get()).ok()?;
        let restored: Vec<_> = items.iter().map(|item| self.left_out_of(&of_items, item)).collect();
        if restored.iter().all(Option::is_none) {
            return None;
        }
        let items = items.into_iter().zip(restored).map(|(item, restored)| restored.unwrap_or_else(|| item.to_owned()));
        serde_json::value::to_raw_value(&items.collect::<Vec<_>>()).ok()
    }

    /// The objects of a schema that a value may be meant as: all of its names are known there, and its tags are the same.
    fn shapes(&self, schema: &'a Value, value: &[(String, &RawValue)], depth: usize, found: &mut Vec<Composed<'a>>) {
        let Some(node) = schema.as_object() else { return };
        if let Some(branches) = self.branches(node, depth) {
            branches.into_iter().for_each(|branch| self.shapes(branch, value, depth + 1, found));
            return;
        }
        let fits = |shape: &Composed<'_>| {
            value
                .iter()
                .all(|(name, value)| shape.properties.get(name.as_str()).is_some_and(|schema| may_be(schema, value)))
        };
        found.extend(Composed::of(self.root, node).filter(|shape| !shape.properties.is_empty() && fits(shape)));
    }

    fn item_schemas(&self, schema: &'a Value, depth: usize, found: &mut Vec<&'a Value>) {
        let Some(node) = schema.as_object() else { return };
        match self.branches(node, depth) {
            Some(branches) => {
                branches.into_iter().for_each(|branch| self.item_schemas(branch, depth + 1, found));
            }
            None => found.extend(uniform_items(node)),
        }
    }

    /// The schemas that a node is a choice of; a reference and a wrapping are a choice of one.
    fn branches(&self, node: &'a Node, depth: usize) -> Option<Vec<&'a Value>> {
        if depth > MAX_BRANCHES_DEEP || !types(node).is_empty() {
            return None;
        }
        if let Some(branches) = alternatives(node) {
            return Some(branches.iter().collect());
        }
        if let Some(target) = reference(node).filter(|_| !node.contains_key("allOf")) {
            return resolve(self.root, target).map(|schema| vec![schema]);
        }
        match node.get("allOf")?.as_array()?.as_slice() {
            [only] => Some(vec![only]),
            _ => None,
        }
    }

    fn takes_null(&self, schema: &'a Value, depth: usize) -> bool {
        let Some(node) = schema.as_object() else { return schema != &Value::Bool(false) };
        if let Some(branches) = self.branches(node, depth) {
            return branches.into_iter().any(|branch| self.takes_null(branch, depth + 1));
        }
        let listed = node.get("enum").and_then(Value::as_array);
        let is_listed = listed.is_none_or(|values| values.contains(&Value::Null));
        let is_constant = node.get("const").is_none_or(Value::is_null);
        let kinds = types(node);
        let is_object = node.contains_key("allOf");
        is_listed && is_constant && (kinds.contains(&"null") || kinds.is_empty() && !is_object)
    }
}

/// The schema of a member, and whether the object requires it.
fn member<'a>(shape: &Composed<'a>, name: &str) -> Option<(&'a Value, bool)> {
    let (name, schema) = shape.properties.get_key_value(name)?;
    Some((schema, shape.required.contains(name)))
}

/// True if a value is among those that a schema lists, if it lists any.
fn may_be(schema: &Value, value: &RawValue) -> bool {
    let one = schema.get("const").map(std::slice::from_ref);
    let Some(listed) = one.or_else(|| Some(schema.get("enum")?.as_array()?.as_slice())) else { return true };
    // A null may stand for a tag that was left out.
    value.get() == "null" || serde_json::from_str::<Value>(value.get()).is_ok_and(|value| listed.contains(&value))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn restored(schema: &Value, sent: &str) -> String {
        let restoration = Restoration { nulls: Some(schema.clone()), names: BTreeMap::new() };
        let sent: &RawValue = serde_json::from_str(sent).unwrap();
        restoration.restored(sent).map_or_else(|| sent.get().to_owned(), |value| value.get().to_owned())
    }

    #[test]
    fn a_null_for_a_member_that_may_be_left_out_goes_and_any_other_stays() {
        let schema = json!({"type": "object", "properties": {
            "a": {"type": "string"}, "b": {"type": ["string", "null"]}, "c": {"type": "string"}, "d": {"properties": {"e": {"const": 1}}}
        }, "required": ["c"]});
        assert_eq!(restored(&schema, r#"{"a":null,"b":null,"c":null,"d":null}"#), r#"{"b":null,"c":null}"#);
        assert_eq!(restored(&schema, r#"{"d": {"e": null}, "c": 1.50}"#), r#"{"d":{},"c":1.50}"#);
        assert_eq!(restored(&schema, r#"{"a": "null"}"#), r#"{"a": "null"}"#);
        assert_eq!(restored(&schema, r#"{"x": null, "a": null}"#), r#"{"x": null, "a": null}"#, "another object");
    }

    #[test]
    fn the_object_of_a_union_is_known_by_its_tag_and_its_names() {
        let schema = json!({"type": "object", "properties": {"list": {"type": "array", "items": {"$ref": "#/$defs/U"}}}, "required": ["list"],
        "$defs": {"U": {"oneOf": [
            {"type": "object", "properties": {"kind": {"const": "a"}, "n": {"type": "integer"}}, "required": ["kind"]},
            {"type": "object", "properties": {"kind": {"const": "b"}, "n": {"type": ["integer", "null"]}}, "required": ["kind", "n"]},
            {"type": "object", "properties": {"next": {"$ref": "#/$defs/U"}}}
        ]}}});
        assert_eq!(
            restored(&schema, r#"{"list":[{"kind":"a","n":null},{"kind":"b","n":null},{"next":{"next":null}}]}"#),
            r#"{"list":[{"kind":"a"},{"kind":"b","n":null},{"next":{}}]}"#
        );
    }

    #[test]
    fn a_union_of_itself_ends() {
        let schema = json!({"type": "object", "properties": {"a": {"$ref": "#/$defs/A"}}, "$defs": {"A": {"anyOf": [{"$ref": "#/$defs/A"}]}}});
        assert_eq!(restored(&schema, r#"{"a":null}"#), r#"{"a":null}"#);
    }
}
