//! [`tell_positions`]: rewrites a tuple as a list, because the drafts of JSON Schema have different keywords for tuples. A sentence of the
//! description tells the order of the items.

use serde_json::{Value, json};

use super::keywords::describe_after;
use super::schema_change::SchemaChange;
use crate::tool::schema::export::composed_node::{Node, alternatives, types};

/// Makes a list of a tuple: its length, the schemas that its items have, and a sentence for their order.
///
/// `prefixItems` is unknown in draft-07, and the `items` of draft-07 are refused in draft 2020-12. Interfaces of models refuse an array
/// without `items`.
pub(super) fn tell_positions(node: &mut Node) -> SchemaChange {
    let Some(tuple) = Tuple::take(node) else { return close_empty(node) };
    let Tuple { positions, rest } = tuple;
    let end = node.get("maxItems").and_then(Value::as_u64).unwrap_or(u64::MAX);
    let length = positions.len() as u64;
    let rest = rest.filter(|_| end > length);
    match rest {
        None => drop(node.insert("maxItems".to_owned(), end.min(length).into())),
        // Any item may follow.
        Some(Value::Bool(_)) => return tell(node, &positions, Some(&json!({}))),
        Some(_) => {}
    }
    let mut schemas: Vec<&Value> = Vec::new();
    for schema in positions.iter().chain(&rest) {
        if !schemas.contains(&schema) {
            schemas.push(schema);
        }
    }
    match schemas.as_slice() {
        [only] => {
            node.insert("items".to_owned(), (*only).clone());
            SchemaChange::Same
        }
        all => {
            let items = json!({ "anyOf": all });
            node.insert("items".to_owned(), items);
            tell(node, &positions, rest.as_ref())
        }
    }
}

/// The schemas of a tuple by position.
struct Tuple {
    positions: Vec<Value>,
    /// The schema of further items; `None` if there are none.
    rest: Option<Value>,
}

impl Tuple {
    /// Takes the keywords of a tuple, in the form of either draft.
    fn take(node: &mut Node) -> Option<Self> {
        let further = node.shift_remove("additionalItems");
        let (positions, rest) = if node.get("prefixItems").is_some_and(Value::is_array) {
            (node.shift_remove("prefixItems")?, node.shift_remove("items"))
        } else if node.get("items").is_some_and(Value::is_array) {
            (node.shift_remove("items")?, further)
        } else {
            return None;
        };
        let Value::Array(positions) = positions else { return None };
        let rest = rest.unwrap_or(Value::Bool(true));
        let is_none = rest == json!(false) || rest == json!({ "not": {} });
        let rest = if rest == json!({}) { Value::Bool(true) } else { rest };
        (!positions.is_empty()).then_some(Self { positions, rest: (!is_none).then_some(rest) })
    }
}

fn tell(node: &mut Node, positions: &[Value], rest: Option<&Value>) -> SchemaChange {
    if rest == Some(&json!({})) {
        node.insert("items".to_owned(), json!({}));
    }
    let order: Vec<_> = positions.iter().map(in_words).collect();
    let further = rest.map(|rest| format!(", then any number of: {}", in_words(rest))).unwrap_or_default();
    describe_after(node, &format!("Items in this order: {}{further}.", order.join(", ")));
    SchemaChange::Looser
}

/// Makes a length of `items: false`.
fn close_empty(node: &mut Node) -> SchemaChange {
    if node.get("items").is_some_and(|items| *items == json!({ "not": {} })) {
        node.shift_remove("items");
        node.insert("maxItems".to_owned(), 0.into());
    }
    SchemaChange::Same
}

/// A schema in a few words: its types, or its values, and its description.
fn in_words(schema: &Value) -> String {
    let Some(node) = schema.as_object() else { return "any value".to_owned() };
    let values = node.get("enum").and_then(Value::as_array).cloned().or_else(|| Some(vec![node.get("const")?.clone()]));
    let words = match (values, alternatives(node)) {
        (Some(values), _) => values.iter().map(Value::to_string).collect::<Vec<_>>().join(" or "),
        (None, Some(branches)) => branches.iter().map(in_words).collect::<Vec<_>>().join(" or "),
        (None, None) => types(node).join(" or "),
    };
    let words = if words.is_empty() { "any value".to_owned() } else { words };
    match node.get("description").and_then(Value::as_str).map(|told| told.trim_end_matches('.')) {
        Some(told) if !told.is_empty() && !told.contains('\n') => format!("{words} ({told})"),
        _ => words,
    }
}
