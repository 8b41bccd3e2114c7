//! Writes single nodes of Gemini's schemas, with the keywords that Gemini allows for each type.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use crate::tool::schema::export::composed_node::Node;
use crate::tool::schema::export::keyword_notes::{describe, in_short};

/// The properties of an object as it is written.
#[derive(Default)]
pub(super) struct Properties<'a> {
    pub(super) schemas: Node,
    pub(super) required: Vec<&'a str>,
}

impl Properties<'_> {
    pub(super) fn add(&mut self, name: &str, schema: Node) {
        match self.schemas.get_mut(name) {
            None => {
                self.schemas.insert(name.to_owned(), Value::Object(schema));
            }
            Some(Value::Object(earlier)) => {
                *earlier = either(std::mem::take(earlier), schema);
            }
            Some(_) => {}
        }
    }

    pub(super) fn write(self, out: &mut Node) {
        if self.schemas.is_empty() {
            return;
        }
        let order: Value = self.schemas.keys().map(String::as_str).collect();
        out.insert("properties".to_owned(), Value::Object(self.schemas));
        if !self.required.is_empty() {
            let mut required = self.required;
            let mut seen = HashSet::new();
            required.retain(|name| seen.insert(*name));
            out.insert("required".to_owned(), json!(required));
        }
        out.insert("propertyOrdering".to_owned(), order);
    }
}

/// Joins two nodes into an alternative; two lists of strings, such as the tags of an enum, become one list.
fn either(mut first: Node, second: Node) -> Node {
    if first == second {
        return first;
    }
    match (first.get_mut("enum"), second.get("enum")) {
        (Some(Value::Array(values)), Some(Value::Array(more))) => {
            values.extend(more.iter().filter(|value| !values.contains(value)).cloned().collect::<Vec<_>>());
            first
        }
        _ => any_of(vec![first, second]),
    }
}

/// A union, alone in its node. `null` is no alternative but makes the others nullable.
pub(super) fn any_of(branches: Vec<Node>) -> Node {
    let (nulls, others): (Vec<_>, Vec<_>) =
        branches.into_iter().partition(|branch| branch.get("type") == Some(&json!("null")));
    let mut flat: Vec<Node> = Vec::new();
    for mut branch in others {
        match branch.shift_remove("anyOf") {
            Some(Value::Array(inner)) => {
                let nodes = inner.into_iter().filter_map(|node| serde_json::from_value(node).ok());
                flat.extend(nodes);
            }
            _ if flat.contains(&branch) => {}
            _ => flat.push(branch),
        }
    }
    if flat.is_empty() {
        return nulls.into_iter().next().unwrap_or_default();
    }
    if !nulls.is_empty() {
        for branch in &mut flat {
            branch.insert("nullable".to_owned(), true.into());
        }
    }
    match flat.len() {
        1 => flat.swap_remove(0),
        _ => Map::from_iter([("anyOf".to_owned(), flat.into_iter().map(Value::Object).collect())]),
    }
}

/// Describes a node, or each alternative of a union.
pub(super) fn describe_each(node: &mut Node, text: &str) {
    match node.get_mut("anyOf") {
        Some(Value::Array(branches)) => {
            branches.iter_mut().filter_map(Value::as_object_mut).for_each(|branch| describe(branch, text));
        }
        _ => describe(node, text),
    }
}

/// Every type is named, as a node without one is refused.
pub(super) fn any_value() -> Node {
    let simple = || ["string", "number", "boolean", "object"].map(|kind| json!({ "type": kind }));
    let list = json!({"type": "array", "items": {"anyOf": simple()}});
    Map::from_iter([("anyOf".to_owned(), simple().into_iter().chain([list]).collect())])
}

/// Keywords on the value itself that Gemini has, by type.
pub(super) fn keywords_kept(kind: &str) -> &'static [&'static str] {
    match kind {
        "string" => &["minLength", "maxLength", "pattern"],
        "integer" | "number" => &["minimum", "maximum"],
        "array" => &["minItems", "maxItems"],
        "object" => &["minProperties", "maxProperties"],
        _ => &[],
    }
}

pub(super) fn formats(kind: &str) -> &'static [&'static str] {
    match kind {
        "string" => &["date-time"],
        "integer" => &["int32", "int64"],
        "number" => &["float", "double"],
        _ => &[],
    }
}

/// Only strings can be listed.
pub(super) fn list_strings(node: &Node, out: &mut Node) {
    let one = node.get("const").map(std::slice::from_ref);
    let listed = one.or_else(|| node.get("enum")?.as_array().map(Vec::as_slice));
    let strings: Vec<_> = listed.unwrap_or_default().iter().filter(|value| value.is_string()).collect();
    // The API refuses an empty string among them.
    if !strings.is_empty() && strings.iter().all(|value| value.as_str().is_some_and(|text| !text.is_empty())) {
        out.insert("enum".to_owned(), json!(strings));
    }
}

/// True if a keyword says something of values of this type that the node written for it does not.
pub(super) fn is_lost(keyword: &str, kind: &str, out: &Node) -> bool {
    let kind = if kind == "integer" { "number" } else { kind };
    let is_of_another_type = || {
        ["string", "number", "array", "object"].iter().any(|other| *other != kind && about(other).contains(&keyword))
    };
    match keyword {
        "const" | "enum" => !out.contains_key("enum") && kind != "null",
        "format" => kind == "string" && !out.contains_key("format"),
        _ => !out.contains_key(keyword) && !is_of_another_type(),
    }
}

/// The keywords that mean something for one type only.
fn about(kind: &str) -> &'static [&'static str] {
    match kind {
        "string" => &["minLength", "maxLength", "pattern", "contentEncoding", "contentMediaType"],
        "number" => &["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"],
        "array" => &["minItems", "maxItems", "uniqueItems", "contains"],
        "object" => &[
            "minProperties",
            "maxProperties",
            "propertyNames",
            "dependentRequired",
            "dependentSchemas",
            "dependencies",
        ],
        _ => &[],
    }
}

/// A node in words: by its types if it says no more, and else in whole.
pub(super) fn told(node: &Node) -> String {
    match is_plain(node) {
        true => label(node),
        false => in_short(&Value::Object(node.clone())),
    }
}

/// True if a node has types only.
fn is_plain(node: &Node) -> bool {
    node.iter().all(|(keyword, value)| match (keyword.as_str(), value) {
        ("type" | "format", _) => true,
        ("anyOf", Value::Array(branches)) => branches.iter().filter_map(Value::as_object).all(is_plain),
        // Lists of anything are among the alternatives for any value.
        ("items", _) => true,
        _ => false,
    })
}

/// The types of a node.
fn label(node: &Node) -> String {
    match (node.get("type").and_then(Value::as_str), node.get("anyOf").and_then(Value::as_array)) {
        (Some(kind), _) => kind.to_owned(),
        (None, Some(branches)) => {
            let mut labels: Vec<_> = branches.iter().filter_map(Value::as_object).map(label).collect();
            let mut seen = HashSet::new();
            labels.retain(|label| seen.insert(label.clone()));
            labels.join(" or ")
        }
        (None, None) => "anything".to_owned(),
    }
}

/// A property as it is told of in a group; a tag with its value.
pub(super) fn member(name: &str, node: &Node) -> String {
    match node.get("enum").and_then(Value::as_array).map(Vec::as_slice) {
        Some([value]) => format!("`{name}`: {value}"),
        _ => format!("`{name}`"),
    }
}
