//! Writes tools as function tools for OpenAI, in strict form if the schema allows it.
//!
//! Rules: <https://platform.openai.com/docs/guides/structured-outputs#supported-schemas>. The output has only keywords and formats that
//! this page lists, because the API refuses a whole request for one unknown keyword. `openai_size_limits.rs` has the page's limits of size.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use super::composed_node::{
    Composed, Node, PARTS, alternatives, is_bounded_by, reference, resolve, types, uniform_items,
};
use super::keyword_notes::{describe, sentences};
use super::openai_size_limits::fits_strict_form;
use super::pattern_notes::tell_pattern;
use super::portable::replace_numeric_format;
use super::restore::Restoration;
use super::root_object::without_unions;
use super::walk::each_schema;
use crate::tool::ToolDefinition;

/// The tool in strict form, or without it if there is none.
pub(super) fn tool(tool: &ToolDefinition, name: &str, restoration: &mut Restoration) -> Value {
    let schema = readable(&tool.input_schema);
    match (Strict { root: &schema, trail: Vec::new() }).document().filter(fits_strict_form) {
        Some(strict) => {
            restoration.nulls = Some(tool.input_schema.clone());
            function(tool, name, Some(true), strict)
        }
        None => function(tool, name, Some(false), relaxed(schema)),
    }
}

/// The tool without strict form.
pub(super) fn non_strict_tool(tool: &ToolDefinition, name: &str) -> Value {
    // Endpoints that do not know the member refuse it.
    function(tool, name, None, relaxed(readable(&tool.input_schema)))
}

fn function(tool: &ToolDefinition, name: &str, strict: Option<bool>, parameters: Value) -> Value {
    let mut function = Map::from_iter([("name".to_owned(), json!(name))]);
    function.insert("description".to_owned(), json!(cut(&tool.description)));
    function.extend(strict.map(|strict| ("strict".to_owned(), strict.into())));
    function.insert("parameters".to_owned(), parameters);
    json!({ "type": "function", "function": function })
}

/// The schema with bounds for the formats of numbers, and without patterns that the API cannot read.
fn readable(schema: &Value) -> Value {
    let mut schema = schema.clone();
    each_schema(&mut schema, &mut |node| {
        replace_numeric_format(node);
        tell_pattern(node);
    });
    schema
}

/// The longest description of a function, in characters: the API refuses a whole request for a longer one.
const MAX_DESCRIPTION_CHARS: usize = 1024;

/// A description within the limit. A model reads the beginning of a longer one.
fn cut(description: &str) -> Cow<'_, str> {
    if description.chars().nth(MAX_DESCRIPTION_CHARS).is_none() {
        return description.into();
    }
    let kept: String = description.chars().take(MAX_DESCRIPTION_CHARS - 1).collect();
    format!("{}…", kept.trim_end()).into()
}

/// Keywords on the value itself that strict form has.
const SUPPORTED: [&str; 10] = [
    "enum",
    "const",
    "pattern",
    "multipleOf",
    "minimum",
    "exclusiveMinimum",
    "maximum",
    "exclusiveMaximum",
    "minItems",
    "maxItems",
];

const FORMATS: [&str; 9] = ["date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"];

/// Keywords that strict form lacks and that say more than a sentence could.
const BEYOND: [&str; 13] = [
    "not",
    "if",
    "then",
    "else",
    "dependentRequired",
    "dependentSchemas",
    "dependencies",
    "patternProperties",
    "propertyNames",
    "contains",
    "unevaluatedItems",
    "additionalItems",
    "$dynamicRef",
];

fn is_beyond(node: &Node) -> bool {
    BEYOND.iter().any(|keyword| node.contains_key(*keyword))
}

/// Keywords that give a node a shape of its own, and so cannot stand beside a reference or a union.
const SHAPING: [&str; 7] = ["type", "properties", "required", "additionalProperties", "items", "prefixItems", "allOf"];

struct Strict<'a> {
    root: &'a Value,
    /// The references written out on the way here.
    trail: Vec<&'a str>,
}

/// `None` throughout means that there is no strict form.
impl<'a> Strict<'a> {
    fn document(&mut self) -> Option<Value> {
        let strict = self.schema(self.root)?;
        // The root has to be an object, which a union or a reference is not, whatever it comes down to.
        (strict.get("type")? == "object").then_some(Value::Object(strict))
    }

    fn schema(&mut self, schema: &'a Value) -> Option<Node> {
        let node = schema.as_object()?;
        if is_beyond(node) {
            return None;
        }
        let mut out = self.shape(node)?;
        let note = sentences(node, |keyword| !out.contains_key(keyword));
        describe(&mut out, &note);
        describe(&mut out, node.get("description").and_then(Value::as_str).unwrap_or_default());
        if out.contains_key("$ref") && out.len() > 1 {
            // Nothing may stand beside a reference, but it may be the one alternative of a union.
            let reference = out.shift_remove("$ref")?;
            out.shift_insert(0, "anyOf".to_owned(), json!([{ "$ref": reference }]));
        }
        for keyword in ["$defs", "definitions"] {
            if let Some(definitions) = node.get(keyword).and_then(Value::as_object) {
                out.insert(keyword.to_owned(), self.named(definitions)?);
            }
        }
        Some(out)
    }

    fn shape(&mut self, node: &'a Node) -> Option<Node> {
        let shaped = SHAPING.iter().any(|keyword| node.contains_key(*keyword));
        match (reference(node), alternatives(node)) {
            (Some(target), None) if !shaped => {
                resolve(self.root, target)?;
                Some(Map::from_iter([("$ref".to_owned(), target.into())]))
            }
            (None, Some(branches)) if !shaped => self.union(branches),
            (None, None) => match self.sole_part(node) {
                Some(part) => self.union(part),
                None => self.typed(node),
            },
            _ => self.typed(node),
        }
    }

    /// The one schema that a node is a wrapping of.
    fn sole_part(&self, node: &'a Node) -> Option<&'a [Value]> {
        let parts = node.get("allOf")?.as_array()?;
        let wraps = SHAPING.iter().all(|keyword| *keyword == "allOf" || !node.contains_key(*keyword));
        (wraps && parts.len() == 1).then_some(parts)
    }

    fn union(&mut self, branches: &'a [Value]) -> Option<Node> {
        if !self.are_told_apart(branches) {
            return None;
        }
        let branches: Option<Vec<_>> = branches.iter().map(|branch| self.schema(branch).map(Value::Object)).collect();
        Some(Map::from_iter([("anyOf".to_owned(), Value::Array(branches?))]))
    }

    /// The API reads a union from left to right, and refuses one whose objects start with the same key unless the values
    /// of that key tell them apart: <https://github.com/openai/openai-python/issues/2193>.
    fn are_told_apart(&self, branches: &'a [Value]) -> bool {
        let mut starts: Vec<(&str, Option<&Value>)> = Vec::new();
        for object in branches.iter().filter_map(|branch| Composed::of(self.root, branch.as_object()?)) {
            let Some((name, schema)) = object.properties.first() else { continue };
            let tag = schema.get("const");
            let is_like = |(other, its): &(&str, Option<&Value>)| {
                other == name && (tag.is_none() || its.is_none() || tag == *its)
            };
            if starts.iter().any(is_like) {
                return false;
            }
            starts.push((name, tag));
        }
        true
    }

    fn typed(&mut self, node: &'a Node) -> Option<Node> {
        let mut kinds = types(node);
        if kinds.is_empty() && node.contains_key("allOf") {
            kinds.push("object");
        }
        let mut out = Map::new();
        match *kinds.as_slice() {
            [] => return None,
            [kind] => out.insert("type".to_owned(), kind.into()),
            _ => out.insert("type".to_owned(), json!(kinds)),
        };
        let supported = |keyword: &str, value: &Value| {
            SUPPORTED.contains(&keyword) || keyword == "format" && value.as_str().is_some_and(|f| FORMATS.contains(&f))
        };
        for (keyword, value) in node.iter().filter(|(keyword, value)| supported(keyword, value)) {
            out.insert(keyword.clone(), value.clone());
        }
        if kinds.contains(&"object") {
            self.object(node, &mut out)?;
        } else if PARTS.iter().any(|keyword| node.contains_key(*keyword)) {
            return None;
        }
        if kinds.contains(&"array") {
            out.insert("items".to_owned(), Value::Object(self.schema(uniform_items(node)?)?));
        }
        Some(out)
    }

    fn object(&mut self, node: &'a Node, out: &mut Node) -> Option<()> {
        let object = Composed::of(self.root, node)?;
        let has_all = object.required.iter().all(|name| object.properties.contains_key(name));
        let is_closed = object.is_shaped && object.others.is_none() && object.choices.is_empty() && has_all;
        if !is_closed || object.parts.iter().any(|part| is_beyond(part)) {
            return None;
        }
        if object.references.iter().any(|target| self.trail.contains(target)) {
            return None;
        }
        let depth = self.trail.len();
        self.trail.extend(&object.references);
        out.insert("properties".to_owned(), Value::Object(self.properties(&object)?));
        self.trail.truncate(depth);
        out.insert("required".to_owned(), object.properties.keys().copied().collect());
        out.insert("additionalProperties".to_owned(), false.into());
        object.descriptions().for_each(|description| describe(out, description));
        Some(())
    }

    fn properties(&mut self, object: &Composed<'a>) -> Option<Node> {
        let mut properties = Map::new();
        for (name, schema) in &object.properties {
            let mut strict = self.schema(schema)?;
            let has_default = schema.get("default").is_some_and(|default| !default.is_null());
            if !object.required.contains(name) && !has_default {
                make_nullable(&mut strict);
            }
            properties.insert((*name).to_owned(), Value::Object(strict));
        }
        Some(properties)
    }

    fn named(&mut self, schemas: &'a Node) -> Option<Value> {
        let strict = schemas.iter().map(|(name, schema)| Some((name.clone(), Value::Object(self.schema(schema)?))));
        strict.collect::<Option<Map<_, _>>>().map(Value::Object)
    }
}

/// Lets a strict node accept `null`, in the place of a property that is left out.
fn make_nullable(node: &mut Node) {
    let none = json!({"type": "null"});
    if let Some(reference) = node.shift_remove("$ref") {
        node.insert("anyOf".to_owned(), json!([{ "$ref": reference }, none]));
    } else if let Some(Value::Array(branches)) = node.get_mut("anyOf") {
        if !branches.contains(&none) {
            branches.push(none);
        }
    } else {
        add_null(node);
    }
}

fn add_null(node: &mut Node) {
    match node.get_mut("type") {
        Some(Value::Array(kinds)) if !kinds.contains(&json!("null")) => kinds.push("null".into()),
        Some(kind) if kind.is_string() && kind != "null" => *kind = json!([kind.take(), "null"]),
        _ => {}
    }
    if let Some(value) = node.shift_remove("const") {
        node.insert("enum".to_owned(), json!([value]));
    }
    if let Some(Value::Array(values)) = node.get_mut("enum")
        && !values.contains(&Value::Null)
    {
        values.push(Value::Null);
    }
}

/// A schema without strict form, as the API takes it: it ignores `prefixItems`, then refuses an array without `items`; and it refuses
/// arguments without `properties`, or with a union at their root.
fn relaxed(schema: Value) -> Value {
    let mut schema = without_unions(schema);
    if let Value::Object(root) = &mut schema
        && root.get("type").is_some_and(|kind| kind == "object")
    {
        root.entry("properties").or_insert_with(|| json!({}));
    }
    each_schema(&mut schema, &mut |node| {
        node.shift_remove("$schema");
        if types(node).contains(&"array") && !node.contains_key("items") {
            let items = items_of_a_tuple(node);
            node.insert("items".to_owned(), items);
        }
    });
    schema
}

/// Items that change nothing: any value, or what the positions hold where nothing comes after these.
fn items_of_a_tuple(node: &Node) -> Value {
    let Some(positions) = node.get("prefixItems").and_then(Value::as_array) else { return json!({}) };
    if !is_bounded_by(node, positions) {
        return json!({});
    }
    let mut distinct: Vec<&Value> = Vec::new();
    for position in positions {
        if !distinct.contains(&position) {
            distinct.push(position);
        }
    }
    match distinct.as_slice() {
        [only] => (*only).clone(),
        _ => json!({ "anyOf": distinct }),
    }
}
