//! Rewrites unions and enums into forms that every MCP client reads, and leaves `null` out of properties that may be missing.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::schema_change::SchemaChange;
use crate::tool::schema::export::composed_node::{Node, add_part, alternatives, required};
use crate::tool::schema::export::keyword_notes::{describe, join};

/// Makes `anyOf` of `oneOf`. Some clients know only that, and alternatives in portable form may have values in common.
pub(super) fn join_alternatives(node: &mut Node) -> SchemaChange {
    let Some(branches) = node.shift_remove("oneOf") else { return SchemaChange::Same };
    if node.contains_key("anyOf") {
        add_part(node, json!({ "anyOf": branches }));
    } else {
        node.insert("anyOf".to_owned(), branches);
    }
    SchemaChange::Looser
}

/// Lists each value of `enum` and each name of `required` once. Validators refuse a schema that lists one twice, or none.
pub(super) fn list_each_value_once(node: &mut Node) {
    for keyword in ["enum", "required"] {
        let Some(Value::Array(values)) = node.get_mut(keyword) else { continue };
        let mut seen: Vec<Value> = Vec::new();
        values.retain(|value| {
            let is_new = !seen.contains(value);
            seen.extend(is_new.then(|| value.clone()));
            is_new
        });
    }
    if node.get("enum").and_then(Value::as_array).is_some_and(Vec::is_empty) {
        node.shift_remove("enum");
        node.insert("not".to_owned(), json!({}));
    }
}

/// Makes one `enum` of alternatives that are a string each. Their descriptions become sentences of the whole.
pub(super) fn list_unit_variants(node: &mut Node) {
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
pub(super) fn leave_out_nulls(node: &mut Node) {
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
pub(super) fn merge(node: &mut Node, mut only: Node) {
    if let Some(Value::String(description)) = only.shift_remove("description") {
        let own = node.shift_remove("description");
        describe(node, &description);
        describe(node, own.as_ref().and_then(Value::as_str).unwrap_or_default());
    }
    for (keyword, value) in only {
        node.entry(keyword).or_insert(value);
    }
}
