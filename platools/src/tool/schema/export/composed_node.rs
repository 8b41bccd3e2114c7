//! [`Composed`]: merges an object schema with the schemas of its `$ref` and `allOf`, for the exports of tools. Functions read single
//! keywords of a schema.

use indexmap::IndexMap;
use serde_json::{Map, Value};

pub(super) type Node = Map<String, Value>;

/// The schema that a reference within a document points to.
pub(super) fn resolve<'a>(root: &'a Value, reference: &str) -> Option<&'a Value> {
    root.pointer(reference.strip_prefix('#')?)
}

pub(super) fn reference(node: &Node) -> Option<&str> {
    node.get("$ref")?.as_str()
}

/// The alternatives of a union, whichever keyword lists them.
pub(super) fn alternatives(node: &Node) -> Option<&[Value]> {
    node.get("anyOf").or_else(|| node.get("oneOf"))?.as_array().map(Vec::as_slice)
}

/// The schema of every item, where that is one: the only one, or the same at each position of a tuple.
pub(super) fn uniform_items(node: &Node) -> Option<&Value> {
    let Some(positions) = node.get("prefixItems") else { return node.get("items") };
    let positions = positions.as_array()?;
    let first = positions.first()?;
    let uniform = positions.iter().all(|position| position == first);
    (uniform && is_bounded_by(node, positions)).then_some(first)
}

/// True if an array ends where the positions of its tuple do.
pub(super) fn is_bounded_by(node: &Node, positions: &[Value]) -> bool {
    let max = node.get("maxItems").and_then(Value::as_u64);
    max.is_some_and(|max| usize::try_from(max).is_ok_and(|max| max <= positions.len()))
}

/// The names of a node's types: those it declares, or else those of the values it lists, or else what its keywords are
/// about. Empty for a schema that allows any type.
pub(super) fn types(node: &Node) -> Vec<&str> {
    match node.get("type") {
        Some(Value::String(kind)) => vec![kind],
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => inferred_types(node),
    }
}

fn inferred_types(node: &Node) -> Vec<&'static str> {
    if let Some(value) = node.get("const") {
        return vec![type_of(value)];
    }
    if let Some(values) = node.get("enum").and_then(Value::as_array) {
        let mut kinds = Vec::new();
        for kind in values.iter().map(type_of) {
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
        return kinds;
    }
    let implied = [("properties", "object"), ("items", "array"), ("prefixItems", "array")];
    implied.iter().find(|(keyword, _)| node.contains_key(*keyword)).map(|(_, kind)| *kind).into_iter().collect()
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// An object put together from its own properties and those that `$ref` and `allOf` add.
///
/// Serde writes structs with flattened fields and internally tagged enums so.
#[derive(Default)]
pub(super) struct Composed<'a> {
    pub(super) properties: IndexMap<&'a str, &'a Value>,
    pub(super) required: Vec<&'a str>,
    /// Schema of keys beyond the properties, if a schema or `true` allows them explicitly.
    pub(super) others: Option<&'a Value>,
    /// Schemas of keys that match a pattern.
    pub(super) patterns: Vec<(&'a str, &'a Value)>,
    /// Lists of schemas, of each of which one applies too, with the keyword of the list.
    pub(super) choices: Vec<(&'static str, &'a [Value])>,
    /// A part says which keys there are.
    pub(super) is_shaped: bool,
    /// The node and what it is made of.
    pub(super) parts: Vec<&'a Node>,
    /// The references among the parts.
    pub(super) references: Vec<&'a str>,
}

impl<'a> Composed<'a> {
    /// `None` if a part describes something other than an object, or cannot be found.
    pub(super) fn of(root: &'a Value, node: &'a Node) -> Option<Self> {
        let mut composed = Self::default();
        composed.add(root, node)?;
        Some(composed)
    }

    /// Descriptions of the parts, but not of the node itself.
    pub(super) fn descriptions(&self) -> impl Iterator<Item = &'a str> {
        self.parts.iter().skip(1).filter_map(|part| part.get("description")?.as_str())
    }

    fn add(&mut self, root: &'a Value, node: &'a Node) -> Option<()> {
        if !is_object_like(node) {
            return None;
        }
        self.add_own(node);
        // What is there already adds nothing, be it a base of two parts or the object itself.
        if let Some(target) = reference(node).filter(|target| !self.references.contains(target)) {
            self.references.push(target);
            self.add(root, resolve(root, target)?.as_object()?)?;
        }
        for part in node.get("allOf").and_then(Value::as_array).into_iter().flatten() {
            self.add(root, part.as_object()?)?;
        }
        Some(())
    }

    fn add_own(&mut self, node: &'a Node) {
        for (name, schema) in node.get("properties").and_then(Value::as_object).into_iter().flatten() {
            self.properties.entry(name).or_insert(schema);
        }
        let patterns = node.get("patternProperties").and_then(Value::as_object).into_iter().flatten();
        self.patterns.extend(patterns.map(|(pattern, schema)| (pattern.as_str(), schema)));
        self.required.extend(required(node));
        for others in ["additionalProperties", "unevaluatedProperties"].iter().filter_map(|keyword| node.get(*keyword))
        {
            let closed = *others == Value::Bool(false);
            self.is_shaped |= closed;
            self.others = self.others.or((!closed).then_some(others));
        }
        self.is_shaped |= node.contains_key("properties");
        let choices =
            ["oneOf", "anyOf"].into_iter().filter_map(|keyword| Some((keyword, node.get(keyword)?.as_array()?)));
        self.choices.extend(choices.map(|(keyword, branches)| (keyword, branches.as_slice())));
        self.parts.push(node);
    }
}

fn is_object_like(node: &Node) -> bool {
    let kinds = types(node);
    let has = |keywords: &[&str]| keywords.iter().any(|keyword| node.contains_key(*keyword));
    kinds.contains(&"object") || has(&PARTS) || kinds.is_empty() && has(&ABOUT_OBJECTS)
}

/// Keywords that say something of objects without a type beside them.
const ABOUT_OBJECTS: [&str; 10] = [
    "required",
    "additionalProperties",
    "unevaluatedProperties",
    "patternProperties",
    "propertyNames",
    "dependentRequired",
    "dependentSchemas",
    "minProperties",
    "if",
    "not",
];

/// Keywords that make a node out of other schemas.
pub(super) const PARTS: [&str; 4] = ["$ref", "allOf", "oneOf", "anyOf"];

/// Adds a schema that a value has to fit as well.
pub(super) fn add_part(node: &mut Node, part: Value) {
    match node.get_mut("allOf") {
        Some(Value::Array(parts)) => parts.push(part),
        _ => drop(node.insert("allOf".to_owned(), Value::Array(vec![part]))),
    }
}

/// The names of the properties a node requires.
pub(super) fn required(node: &Node) -> impl Iterator<Item = &str> {
    node.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}
