//! Rewrites schemas so that each has one type and only keywords about this type, and so that every required property is declared.

use serde_json::{Map, Value, json};

use crate::tool::schema::export::composed_node::{Node, required};

/// The type that each keyword is about.
const ABOUT: [(&str, &[&str]); 4] = [
    (
        "object",
        &[
            "properties",
            "required",
            "additionalProperties",
            "patternProperties",
            "propertyNames",
            "minProperties",
            "maxProperties",
        ],
    ),
    ("array", &["items", "minItems", "maxItems", "uniqueItems", "contains"]),
    ("string", &["minLength", "maxLength", "pattern", "format", "contentEncoding", "contentMediaType"]),
    ("number", &["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"]),
];

/// Adds the type that a node's keywords are about, if it declares none.
pub(super) fn infer_type(node: &mut Node) {
    if ["type", "enum", "const", "$ref"].iter().any(|keyword| node.contains_key(*keyword)) {
        return;
    }
    let has_any = |keywords: &[&str]| keywords.iter().any(|keyword| node.contains_key(*keyword));
    let kinds: Vec<_> = ABOUT.iter().filter(|(_, keywords)| has_any(keywords)).map(|(kind, _)| *kind).collect();
    if let [only] = kinds.as_slice() {
        node.insert("type".to_owned(), (*only).into());
    }
}

/// Makes alternatives of several types, each with the keywords that are about it. Clients read one type, or one and `null`.
pub(super) fn separate_types(node: &mut Node) {
    let Some(Value::Array(kinds)) = node.get("type") else { return };
    let kinds: Vec<String> = kinds.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    if kinds.iter().filter(|kind| *kind != "null").count() < 2 {
        return;
    }
    node.shift_remove("type");
    // The listed values say it already.
    if let Some(Value::Array(values)) = node.get_mut("enum") {
        values.retain(|value| kinds.iter().any(|kind| is_of(value, kind)));
        return;
    }
    let branches: Vec<_> =
        kinds.iter().filter(|kind| *kind != "integer" || !kinds.contains(&"number".to_owned())).collect();
    let branches: Vec<_> = branches.into_iter().map(|kind| branch(node, kind)).collect();
    ABOUT.iter().flat_map(|(_, keywords)| *keywords).for_each(|keyword| drop(node.shift_remove(*keyword)));
    let part = Value::Array(branches);
    match node.get("anyOf") {
        None => drop(node.insert("anyOf".to_owned(), part)),
        Some(_) => match node.get_mut("allOf") {
            Some(Value::Array(parts)) => parts.push(json!({ "anyOf": part })),
            _ => drop(node.insert("allOf".to_owned(), json!([{ "anyOf": part }]))),
        },
    }
}

/// The alternative of one type.
fn branch(node: &Node, kind: &str) -> Value {
    let about = if kind == "integer" { "number" } else { kind };
    let keywords = ABOUT.iter().find(|(of, _)| *of == about).map_or(&[][..], |(_, keywords)| *keywords);
    let mut branch = Map::from_iter([("type".to_owned(), json!(kind))]);
    let own = node.iter().filter(|(keyword, _)| keywords.contains(&keyword.as_str()));
    branch.extend(own.map(|(keyword, value)| (keyword.clone(), value.clone())));
    Value::Object(branch)
}

fn is_of(value: &Value, kind: &str) -> bool {
    match value {
        Value::Null => kind == "null",
        Value::Bool(_) => kind == "boolean",
        Value::Number(number) => kind == "number" || (kind == "integer" && !number.is_f64()),
        Value::String(_) => kind == "string",
        Value::Array(_) => kind == "array",
        Value::Object(_) => kind == "object",
    }
}

/// Lists each required property among the properties.
pub(super) fn declare_required(node: &mut Node) {
    let needed: Vec<_> = required(node).map(str::to_owned).collect();
    if needed.is_empty() {
        return;
    }
    let others = node.get("additionalProperties").filter(|others| others.is_object()).cloned().unwrap_or(json!({}));
    let properties = node.entry("properties").or_insert_with(|| json!({}));
    let Value::Object(properties) = properties else { return };
    for name in needed {
        properties.entry(name).or_insert_with(|| others.clone());
    }
}
