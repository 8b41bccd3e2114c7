//! [`SchemaPosition`]: walks a schema beside a value, and tells which parts of the value the schema marks as sensitive.

use serde_json::{Map, Value};

const MARK: &str = "x-sensitive";

/// The number of schemas that may apply to one part of a value; a part with more of them is treated as unclear.
const MAX_SCHEMAS: usize = 128;

/// True if a schema marks anything as sensitive.
pub(super) fn marks_anything(schema: &Value) -> bool {
    match schema {
        Value::Object(members) => members.get(MARK) == Some(&Value::Bool(true)) || members.values().any(marks_anything),
        Value::Array(items) => items.iter().any(marks_anything),
        _ => false,
    }
}

/// A part of a value, with every schema that may apply to it: alternatives count as if all of them applied.
pub(super) struct SchemaPosition<'a> {
    root: &'a Value,
    schemas: Vec<&'a Map<String, Value>>,
    /// There are schemas that were not found.
    unclear: bool,
}

impl<'a> SchemaPosition<'a> {
    /// The value itself.
    pub(super) fn root(schema: &'a Value) -> Self {
        Self::of(schema, vec![schema])
    }

    /// True if this part must not be shown, also if that is unclear.
    pub(super) fn is_sensitive(&self) -> bool {
        self.unclear || self.schemas.iter().any(|schema| schema.get(MARK) == Some(&Value::Bool(true)))
    }

    /// A member of the object that is here.
    pub(super) fn member(&self, name: &str) -> Self {
        let mut about = Vec::new();
        for schema in &self.schemas {
            about.extend(named(schema, "properties", name).or_else(|| schema.get("additionalProperties")));
            about.extend(schema.get("unevaluatedProperties"));
            // Whichever pattern fits: one that does not costs a member that could have been shown.
            about.extend(children(schema, "patternProperties"));
        }
        Self::of(self.root, about)
    }

    /// An item of the array that is here.
    pub(super) fn item(&self, index: usize) -> Self {
        let mut about = Vec::new();
        for schema in &self.schemas {
            about.extend(schema.get("prefixItems").and_then(|items| items.get(index)));
            match schema.get("items") {
                Some(Value::Array(items)) => about.extend(items.get(index).or_else(|| schema.get("additionalItems"))),
                items => about.extend(items),
            }
            about.extend(["contains", "unevaluatedItems"].iter().filter_map(|keyword| schema.get(*keyword)));
        }
        Self::of(self.root, about)
    }

    /// The value that a string is the JSON text of.
    pub(super) fn content(&self) -> Self {
        Self::of(self.root, self.schemas.iter().filter_map(|schema| schema.get("contentSchema")).collect())
    }

    /// The work it took to find the schemas, in parts.
    pub(super) fn cost(&self) -> usize {
        self.schemas.len()
    }

    /// Follows references and alternatives. Each schema counts once, so that circles end.
    fn of(root: &'a Value, mut open: Vec<&'a Value>) -> Self {
        let mut place = Self { root, schemas: Vec::new(), unclear: false };
        while let Some(schema) = open.pop() {
            let Value::Object(schema) = schema else { continue };
            if place.schemas.iter().any(|known| std::ptr::eq(*known, schema)) {
                continue;
            }
            if place.schemas.len() == MAX_SCHEMAS {
                place.unclear = true;
                break;
            }
            place.schemas.push(schema);
            for reference in ["$ref", "$dynamicRef", "$recursiveRef"].iter().filter_map(|keyword| schema.get(*keyword))
            {
                match target(root, reference) {
                    Some(target) => open.push(target),
                    None => place.unclear = true,
                }
            }
            open.extend(["allOf", "anyOf", "oneOf"].iter().filter_map(|of| schema.get(*of)?.as_array()).flatten());
            open.extend(["if", "then", "else"].iter().filter_map(|keyword| schema.get(*keyword)));
            open.extend(children(schema, "dependentSchemas"));
            // Of draft 7; those that are lists of names are passed over.
            open.extend(children(schema, "dependencies"));
        }
        place
    }
}

fn named<'a>(schema: &'a Map<String, Value>, keyword: &str, name: &str) -> Option<&'a Value> {
    schema.get(keyword)?.get(name)
}

fn children<'a>(schema: &'a Map<String, Value>, keyword: &str) -> impl Iterator<Item = &'a Value> {
    schema.get(keyword).and_then(Value::as_object).into_iter().flat_map(Map::values)
}

/// The schema that a reference leads to, if it is in the same document.
fn target<'a>(root: &'a Value, reference: &Value) -> Option<&'a Value> {
    root.pointer(reference.as_str()?.strip_prefix('#')?)
}
