//! Writes tools as function declarations for Gemini, whose schemas are a subset of OpenAPI 3.0.
//!
//! Rules: <https://ai.google.dev/api/caching#Schema> and <https://cloud.google.com/vertex-ai/generative-ai/docs/reference/rest/v1/Schema>.
//! Where the two pages differ, the output has only keywords that both accept: `date-time` is the only format of strings, and `anyOf` has no
//! keyword beside it.

mod node;

use serde_json::{Map, Value, json};

use self::node::{
    Properties, any_of, any_value, describe_each, formats, is_lost, keywords_kept, list_strings, member, told,
};

use super::composed_node::{Composed, Node, alternatives, reference, resolve, types, uniform_items};
use super::key_groups::groups;
use super::keyword_notes::{conditions, describe, in_short, named, sentences};
use super::pattern_notes::tell_pattern;
use super::portable::replace_numeric_format;
use super::walk::each_schema;
use crate::tool::ToolDefinition;

/// References that are written out in one declaration. Types that refer to each other in many ways would otherwise
/// grow beyond any use.
const MAX_REFERENCES: usize = 1_000;

pub(super) fn declaration(tool: &ToolDefinition, name: &str) -> Value {
    let mut out =
        Map::from_iter([("name".to_owned(), json!(name)), ("description".to_owned(), json!(tool.description))]);
    let schema = readable(&tool.input_schema);
    let mut writer = Writer { root: &schema, trail: Vec::new(), references_left: MAX_REFERENCES };
    let parameters = writer.schema(&schema);
    // An object needs a property; a function without parameters has none of this.
    if parameters.contains_key("properties") {
        out.insert("parameters".to_owned(), Value::Object(parameters));
    }
    Value::Object(out)
}

/// The schema with bounds beside the formats of numbers, and without patterns that the API cannot read.
fn readable(schema: &Value) -> Value {
    let mut schema = schema.clone();
    each_schema(&mut schema, &mut |node| {
        let format = node.get("format").cloned();
        replace_numeric_format(node);
        format.into_iter().for_each(|format| drop(node.insert("format".to_owned(), format)));
        tell_pattern(node);
    });
    schema
}

struct Writer<'a> {
    root: &'a Value,
    /// The references written out on the way here.
    trail: Vec<&'a str>,
    references_left: usize,
}

impl<'a> Writer<'a> {
    fn schema(&mut self, schema: &'a Value) -> Node {
        let Some(node) = schema.as_object() else { return any_value() };
        let kinds = types(node);
        let mut out = match (reference(node), alternatives(node)) {
            (Some(target), _) if kinds.is_empty() => self.referenced(target, node),
            (_, Some(branches)) if !kinds.contains(&"object") && !node.contains_key("allOf") => {
                self.union(branches, node)
            }
            _ if kinds.is_empty() && node.contains_key("allOf") => self.all_of(node),
            _ => self.of_types(&kinds, node),
        };
        describe_each(&mut out, node.get("description").and_then(Value::as_str).unwrap_or_default());
        out
    }

    fn referenced(&mut self, target: &'a str, node: &Node) -> Node {
        let found = resolve(self.root, target);
        let is_new = !self.trail.contains(&target) && self.references_left > 0;
        let Some(schema) = found.filter(|_| is_new) else { return self.repeated(target) };
        self.references_left -= 1;
        self.trail.push(target);
        let mut out = self.schema(schema);
        self.trail.pop();
        describe_each(&mut out, &sentences(node, |_| true));
        out
    }

    fn repeated(&self, target: &str) -> Node {
        let name = target.rsplit('/').next().unwrap_or_default();
        let note = if name == "#" { "The whole again.".to_owned() } else { format!("Another {name}.") };
        Map::from_iter([("type".to_owned(), "object".into()), ("description".to_owned(), note.into())])
    }

    fn union(&mut self, branches: &'a [Value], node: &Node) -> Node {
        let branches = branches.iter().map(|branch| self.schema(branch)).collect();
        let mut out = any_of(branches);
        describe_each(&mut out, &sentences(node, |_| true));
        out
    }

    /// Objects are put together; of anything else, the first part has to do.
    fn all_of(&mut self, node: &'a Node) -> Node {
        let parts = node.get("allOf").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        match parts {
            [first, rest @ ..] if rest.is_empty() || Composed::of(self.root, node).is_none() => {
                let mut out = self.schema(first);
                for part in rest.iter().filter_map(Value::as_object) {
                    describe_each(&mut out, &sentences(part, |_| true));
                }
                out
            }
            _ => self.typed("object", node),
        }
    }

    fn of_types(&mut self, kinds: &[&str], node: &'a Node) -> Node {
        let mut branches: Vec<_> = kinds.iter().map(|kind| self.typed(kind, node)).collect();
        match branches.len() {
            0 => {
                let mut out = any_value();
                describe_each(&mut out, &sentences(node, |_| true));
                out
            }
            1 => branches.swap_remove(0),
            _ => any_of(branches),
        }
    }

    /// A node for one of the types that a schema names.
    fn typed(&mut self, kind: &str, node: &'a Node) -> Node {
        let mut out = Map::from_iter([("type".to_owned(), kind.into())]);
        for keyword in keywords_kept(kind) {
            if let Some(value) = node.get(*keyword) {
                out.insert((*keyword).to_owned(), value.clone());
            }
        }
        if let Some(format) = node.get("format").filter(|format| formats(kind).iter().any(|known| *format == known)) {
            out.insert("format".to_owned(), format.clone());
        }
        match kind {
            "string" => list_strings(node, &mut out),
            "array" => self.array(node, &mut out),
            "object" => self.object(node, &mut out),
            _ => {}
        }
        let note = sentences(node, |keyword| is_lost(keyword, kind, &out));
        describe(&mut out, &note);
        out
    }

    fn array(&mut self, node: &'a Node, out: &mut Node) {
        let items = match (uniform_items(node), node.get("prefixItems").and_then(Value::as_array)) {
            (Some(items), _) => self.schema(items),
            (None, Some(positions)) => {
                let positions: Vec<_> = positions.iter().map(|position| self.schema(position)).collect();
                let kinds: Vec<_> = positions.iter().map(told).collect();
                describe(out, &format!("By position: {}.", kinds.join(", ")));
                any_of(positions)
            }
            (None, None) => any_value(),
        };
        out.insert("items".to_owned(), Value::Object(items));
    }

    fn object(&mut self, node: &'a Node, out: &mut Node) {
        let Some(object) = Composed::of(self.root, node) else { return };
        if let Some(again) = object.references.iter().find(|target| self.trail.contains(target)) {
            *out = self.repeated(again);
            return;
        }
        self.references_left = self.references_left.saturating_sub(object.references.len());
        let depth = self.trail.len();
        self.trail.extend(&object.references);
        let mut properties = Properties::default();
        for (name, schema) in &object.properties {
            properties.schemas.insert((*name).to_owned(), Value::Object(self.schema(schema)));
        }
        let (known, unknown): (Vec<&'a str>, Vec<&'a str>) =
            object.required.iter().partition(|name| object.properties.contains_key(*name));
        properties.required.extend(known);
        for (keyword, choice) in &object.choices {
            self.choice(keyword, choice, &mut properties, out);
        }
        let unknown: Vec<_> = unknown.into_iter().filter(|name| !properties.schemas.contains_key(*name)).collect();
        if !unknown.is_empty() {
            let names: Vec<_> = unknown.into_iter().map(Value::from).collect();
            describe(out, &format!("Needed besides: {}.", named(&names)));
        }
        self.map(&object, out);
        let parts = object.parts.iter().skip(1).flat_map(|part| conditions(part, |_| true));
        parts.for_each(|sentence| describe(out, &sentence));
        self.trail.truncate(depth);
        object.descriptions().for_each(|description| describe(out, description));
        properties.write(out);
    }

    /// The keys of an object that are not known by name.
    fn map(&mut self, object: &Composed<'a>, out: &mut Node) {
        if object.others.is_none() && object.patterns.is_empty() && object.properties.is_empty() && object.is_shaped {
            describe(out, "It takes no keys.");
        }
        if let Some(others) = object.others.filter(|others| others.is_object() || object.properties.is_empty()) {
            let value = self.schema(others);
            let keys = if object.properties.is_empty() { "Keys" } else { "Further keys" };
            describe(out, &format!("{keys} are free; each holds: {}.", told(&value)));
        }
        for (pattern, schema) in &object.patterns {
            let value = self.schema(schema);
            describe(out, &format!("Keys that match `{pattern}` hold: {}.", told(&value)));
        }
    }

    /// Properties of which one group goes along with the rest: each becomes optional, but for those in all groups.
    fn choice(&mut self, keyword: &str, branches: &'a [Value], properties: &mut Properties<'a>, out: &mut Node) {
        let mut told = Vec::new();
        let mut needed: Option<Vec<&'a str>> = None;
        for branch in branches {
            let (group, of_branch) = self.group(branch, properties);
            told.push(group);
            needed = Some(match needed {
                None => of_branch,
                Some(all) => all.into_iter().filter(|name| of_branch.contains(name)).collect(),
            });
        }
        let known = |name: &&'a str| properties.schemas.contains_key(*name);
        let needed: Vec<_> = needed.unwrap_or_default().into_iter().filter(known).collect();
        properties.required.extend(needed);
        groups(keyword, &told).iter().for_each(|sentence| describe(out, sentence));
    }

    /// Adds the properties of an alternative. Returns its keys as they are told of, and those that it requires.
    fn group(&mut self, branch: &'a Value, properties: &mut Properties<'a>) -> (Vec<String>, Vec<&'a str>) {
        let Some(node) = branch.as_object() else { return (Vec::new(), Vec::new()) };
        let is_new = |object: &Composed<'_>| object.references.iter().all(|target| !self.trail.contains(target));
        let Some(object) = Composed::of(self.root, node).filter(is_new) else {
            return (vec![in_short(branch)], Vec::new());
        };
        let depth = self.trail.len();
        self.trail.extend(&object.references);
        let mut told = Vec::new();
        for (name, schema) in &object.properties {
            let written = self.schema(schema);
            told.push(member(name, &written));
            properties.add(name, written);
        }
        self.trail.truncate(depth);
        let needed = object.required.iter().filter(|name| !object.properties.contains_key(*name));
        told.extend(needed.map(|name| format!("`{name}`")));
        told.extend(object.parts.iter().flat_map(|part| conditions(part, |_| true)));
        (told, object.required)
    }
}
