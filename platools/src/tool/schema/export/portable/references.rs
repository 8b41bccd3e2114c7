//! [`written_out`]: replaces each reference in a schema by the schema that it leads to. References of types that contain themselves stay.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::schema_change::Side;
use super::unions::merge;
use crate::tool::schema::export::composed_node::{Node, add_part, reference, required, resolve};
use crate::tool::schema::export::keyword_notes::describe;

/// The most keywords of a schema whose references are written out. A larger one keeps its references.
const MAX_KEYWORDS: usize = 5_000;

/// The schema without its name, and without the name of its dialect unless clients have to know it.
///
/// Validators refuse the second schema of a name, and clients that read draft-07 refuse any other dialect. Arguments keep the name of the
/// protocol's own dialect, which the official conformance suite wants.
pub(super) fn without_identity(schema: &Value, side: Side) -> Value {
    let mut schema = schema.clone();
    let refers_by_name = refers_by_name(&schema);
    let Value::Object(node) = &mut schema else { return schema };
    let is_current = node.get("$schema").and_then(Value::as_str).is_some_and(|name| name.contains("2020-12"));
    if side == Side::Result || !is_current {
        node.shift_remove("$schema");
    }
    if !refers_by_name {
        node.shift_remove("$id");
    }
    schema
}

/// Returns true if a reference leads to a schema by a name instead of a path.
fn refers_by_name(schema: &Value) -> bool {
    match schema {
        Value::Object(node) => {
            let is_name = |reference: &str| reference != "#" && !reference.starts_with("#/");
            reference(node).is_some_and(is_name) || node.values().any(refers_by_name)
        }
        Value::Array(items) => items.iter().any(refers_by_name),
        _ => false,
    }
}

/// Puts a reference that is kept, and stands beside other conditions, into a schema of its own. Older validators read a reference alone.
pub(super) fn keep_references_apart(node: &mut Node) {
    const BESIDE: [&str; 7] = ["$ref", "$defs", "$schema", "description", "title", "default", "examples"];
    if node.keys().all(|keyword| BESIDE.contains(&keyword.as_str())) {
        return;
    }
    if let Some(reference) = node.shift_remove("$ref") {
        add_part(node, json!({ "$ref": reference }));
    }
}

/// The schema with its references written out, but for those of types that contain themselves. `None` if it has references of other kinds,
/// or would become too large.
pub(super) fn written_out(schema: &Value) -> Option<Value> {
    let mut writing = Writing { root: schema, trail: Vec::new(), kept: BTreeSet::new(), keywords: 0 };
    let mut out = writing.value(schema)?;
    let members = out.as_object_mut()?;
    // Definitions that references are kept to may keep references to further ones.
    let mut definitions = Map::new();
    // The official conformance suite wants a schema that names its dialect with all of its definitions.
    if schema.get("$schema").is_some() {
        writing
            .kept
            .extend(schema.get("$defs").and_then(Value::as_object).into_iter().flatten().map(|(name, _)| name.clone()));
    }
    while let Some(target) = writing.kept.iter().find(|target| !definitions.contains_key(*target)).cloned() {
        let definition = definition(schema, &target)?;
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
            let mut out = self.members(node)?;
            out.insert("$ref".to_owned(), format!("#/$defs/{target}").into());
            return Some(out);
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
            add_definition(&mut out, definition)
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

    /// Returns true if a definition contains itself.
    fn is_recursive(&self, name: &str) -> bool {
        let (mut seen, mut next) = (BTreeSet::new(), vec![name.to_owned()]);
        while let Some(name_of_next) = next.pop() {
            let Some(definition) = definition(self.root, &name_of_next) else { continue };
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
fn add_definition(out: &mut Node, definition: Node) {
    if let Some(whole) = joined(out, &definition) {
        *out = whole;
        return;
    }
    add_part(out, Value::Object(definition));
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

/// The name of the definition that a reference leads to, if the name is the same in a pointer. Drafts up to draft-07 have `definitions`.
fn defined(reference: &str) -> Option<&str> {
    let name = reference.strip_prefix("#/$defs/").or_else(|| reference.strip_prefix("#/definitions/"))?;
    (!name.contains(['/', '~', '%'])).then_some(name)
}

fn definition<'a>(root: &'a Value, name: &str) -> Option<&'a Value> {
    DEFINITIONS.iter().find_map(|keyword| root.get(*keyword)?.get(name))
}

const DEFINITIONS: [&str; 2] = ["$defs", "definitions"];

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
