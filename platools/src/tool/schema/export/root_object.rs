//! [`without_unions`]: rewrites a schema so that its root is one plain object, for OpenAI and Anthropic.
//!
//! Both refuse a whole request if the arguments of one function have `anyOf`, `oneOf` or `allOf` at their root. OpenAI also refuses `enum`,
//! `const` and `not` there.

use indexmap::{IndexMap, IndexSet};
use serde_json::{Map, Value, json};

use super::composed_node::{Node, reference, required, resolve};
use super::key_groups::groups;
use super::keyword_notes::{describe, in_short, sentences};

/// Keywords that the root of arguments must not have.
const UNIONS: [&str; 7] = ["$ref", "allOf", "anyOf", "oneOf", "enum", "const", "not"];

/// The schema with its root as one object. Alternatives become optional properties, and a sentence tells which of them go together; other
/// conditions become sentences.
pub(super) fn without_unions(schema: Value) -> Value {
    match schema.as_object() {
        Some(node) if UNIONS.iter().any(|keyword| node.contains_key(*keyword)) => {
            Value::Object(flattened(&schema, node))
        }
        _ => schema,
    }
}

fn flattened(root: &Value, node: &Node) -> Node {
    let mut whole = Whole::new(root);
    whole.add(node);
    let mut out = Map::from_iter([("type".to_owned(), json!("object"))]);
    let is_kept = |keyword: &str| !UNIONS.contains(&keyword) && !WRITTEN.contains(&keyword);
    out.extend(
        node.iter().filter(|(keyword, _)| is_kept(keyword)).map(|(keyword, value)| (keyword.clone(), value.clone())),
    );
    let Whole { properties, needed, said, others, is_closed, .. } = whole;
    describe(&mut out, &said.join(" "));
    out.insert("properties".to_owned(), Value::Object(properties.into_iter().collect()));
    if !needed.is_empty() {
        out.insert("required".to_owned(), needed.into_iter().map(Value::from).collect());
    }
    if let Some(others) = others.or_else(|| is_closed.then(|| json!(false))) {
        out.insert("additionalProperties".to_owned(), others);
    }
    out
}

/// Keywords that are written anew.
const WRITTEN: [&str; 5] = ["type", "properties", "required", "additionalProperties", "unevaluatedProperties"];

/// References within references are followed so far.
const MAX_REFERENCES_DEEP: usize = 16;

/// An object, collected from the parts that it is made of.
struct Whole<'a> {
    root: &'a Value,
    properties: IndexMap<String, Value>,
    needed: IndexSet<String>,
    said: Vec<String>,
    /// The schema of further members, if a part has one.
    others: Option<Value>,
    is_closed: bool,
    depth: usize,
}

impl<'a> Whole<'a> {
    fn new(root: &'a Value) -> Self {
        let (properties, needed, said) = (IndexMap::new(), IndexSet::new(), Vec::new());
        Self { root, properties, needed, said, others: None, is_closed: false, depth: 0 }
    }

    /// Adds a part that applies in any case.
    fn add(&mut self, node: &'a Node) {
        for (name, schema) in node.get("properties").and_then(Value::as_object).into_iter().flatten() {
            let both = |known: &Value| if known == schema { schema.clone() } else { json!({"allOf": [known, schema]}) };
            let schema = self.properties.get(name).map_or_else(|| schema.clone(), both);
            self.properties.insert(name.clone(), schema);
        }
        self.needed.extend(required(node).map(str::to_owned));
        for keyword in ["additionalProperties", "unevaluatedProperties"] {
            match node.get(keyword) {
                Some(Value::Bool(false)) => self.is_closed = true,
                Some(others @ Value::Object(_)) => self.others = Some(others.clone()),
                _ => {}
            }
        }
        let note = sentences(node, |keyword| ["not", "const", "enum"].contains(&keyword));
        self.said.extend(Some(note).filter(|note| !note.is_empty()));
        if let Some(target) = reference(node).and_then(|target| resolve(self.root, target)) {
            self.add_part(target);
        }
        node.get("allOf").and_then(Value::as_array).into_iter().flatten().for_each(|part| self.add_part(part));
        for keyword in ["oneOf", "anyOf"] {
            if let Some(branches) = node.get(keyword).and_then(Value::as_array) {
                self.choose(keyword, branches);
            }
        }
    }

    fn add_part(&mut self, part: &'a Value) {
        let Some(node) = part.as_object().filter(|_| self.depth < MAX_REFERENCES_DEEP) else { return };
        self.depth += 1;
        let beyond = ["if", "dependentRequired", "dependentSchemas", "propertyNames", "patternProperties"];
        if beyond.iter().any(|keyword| node.contains_key(*keyword)) {
            self.said.push(format!("Must also fit: {}.", in_short(part)));
        }
        self.add(node);
        self.depth -= 1;
    }

    /// Adds the properties of alternatives, of which each is optional unless all alternatives need it.
    fn choose(&mut self, keyword: &str, branches: &'a [Value]) {
        let wholes: Vec<_> = branches.iter().map(|branch| self.branch(branch)).collect();
        self.said.extend(groups(keyword, &wholes.iter().map(Whole::as_group).collect::<Vec<_>>()));
        self.is_closed |= !wholes.is_empty() && wholes.iter().all(|whole| whole.is_closed);
        if let Some((first, rest)) = wholes.split_first() {
            let in_all = |name: &&String| rest.iter().all(|whole| whole.needed.contains(*name));
            self.needed.extend(first.needed.iter().filter(in_all).cloned());
        }
        let outside = self.properties.len();
        for (name, schema) in wholes.into_iter().flat_map(|whole| whole.properties) {
            let is_outside = self.properties.get_index_of(&name).is_some_and(|index| index < outside);
            match self.properties.get_mut(&name) {
                // The alternative only names a property that is described beside the alternatives.
                Some(_) if is_outside && schema.as_object().is_some_and(Map::is_empty) => {}
                // What is said of the property beside the alternatives applies as well, and says more in most cases.
                Some(known) => *known = either(std::mem::take(known), schema),
                None => drop(self.properties.insert(name, schema)),
            }
        }
    }

    fn branch(&self, branch: &'a Value) -> Self {
        let mut whole = Whole { depth: self.depth, ..Whole::new(self.root) };
        whole.add_part(branch);
        whole
    }

    /// The keys that go along with each other; a tag with its value.
    fn as_group(&self) -> Vec<String> {
        let tag = |schema: &Value| match (schema.get("const"), schema.get("enum").and_then(Value::as_array)) {
            (Some(value), _) => Some(value.clone()),
            (None, Some(values)) => Some(values.first()?.clone()).filter(|_| values.len() == 1),
            (None, None) => None,
        };
        let named = self.properties.iter().map(|(name, schema)| match tag(schema) {
            Some(value) => format!("`{name}`: {value}"),
            None => format!("`{name}`"),
        });
        let needed = self.needed.iter().filter(|name| !self.properties.contains_key(*name));
        named.chain(needed.map(|name| format!("`{name}`"))).chain(self.said.iter().cloned()).collect()
    }
}

/// The schema of a value that fits one of two; one list of two lists of strings, such as tags.
fn either(one: Value, other: Value) -> Value {
    if one == other {
        return one;
    }
    if let (Some(mut values), Some(more)) = (listed(&one), listed(&other)) {
        values.extend(more.into_iter().filter(|value| !values.contains(value)).collect::<Vec<_>>());
        return json!({"type": "string", "enum": values});
    }
    match one {
        Value::Object(mut union) if union.len() == 1 && union.contains_key("anyOf") => {
            if let Some(Value::Array(branches)) = union.get_mut("anyOf")
                && !branches.contains(&other)
            {
                branches.push(other);
            }
            Value::Object(union)
        }
        one => json!({"anyOf": [one, other]}),
    }
}

/// The strings that a schema lists.
fn listed(schema: &Value) -> Option<Vec<Value>> {
    let one = schema.get("const").map(|value| vec![value.clone()]);
    let values = one.or_else(|| schema.get("enum")?.as_array().cloned())?;
    values.iter().all(Value::is_string).then_some(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_without_unions_at_its_root_stays() {
        let schema = json!({"type": "object", "properties": {"a": {"anyOf": [{"type": "string"}, {"type": "null"}]}}});
        assert_eq!(without_unions(schema.clone()), schema);
    }

    #[test]
    fn alternatives_become_optional_properties() {
        let schema = json!({
            "type": "object", "description": "Where.", "properties": {"id": {"type": "string"}}, "required": ["id"],
            "oneOf": [
                {"type": "object", "properties": {"kind": {"type": "string", "const": "a"}, "n": {"type": "integer"}}, "required": ["kind", "n"]},
                {"$ref": "#/$defs/B"}
            ],
            "$defs": {"B": {"type": "object", "properties": {"kind": {"type": "string", "const": "b"}, "n": {"type": "string"}}, "required": ["kind"]}}
        });
        let flat = without_unions(schema.clone());
        assert_eq!(
            flat["properties"],
            json!({"id": {"type": "string"}, "kind": {"type": "string", "enum": ["a", "b"]}, "n": {"anyOf": [{"type": "integer"}, {"type": "string"}]}})
        );
        assert_eq!(flat["required"], json!(["id", "kind"]));
        assert_eq!(
            flat["description"],
            "Exactly one of these groups of keys goes along: `kind`: \"a\", `n`; `kind`: \"b\", `n`. Where."
        );
        assert_eq!(flat["$defs"], schema["$defs"]);
        assert!(flat.get("oneOf").is_none());
    }

    #[test]
    fn conditions_become_sentences() {
        let flat = without_unions(json!({
            "type": "object",
            "properties": {"a": {}, "b": {}, "c": {}},
            "anyOf": [{"required": ["a"]}, {"required": ["b"]}],
            "not": {"required": ["a", "c"]},
            "allOf": [{"properties": {"a": {"type": "string"}}}, {"if": {"required": ["c"]}, "then": {"required": ["b"]}}]
        }));
        assert_eq!(flat["properties"]["a"], json!({"allOf": [{}, {"type": "string"}]}));
        let said = flat["description"].as_str().unwrap();
        for part in [
            "At least one of these groups of keys goes along: `a`; `b`.",
            "Must not fit: {\"required\":[\"a\",\"c\"]}.",
            "Must also fit: {\"if\"",
        ] {
            assert!(said.contains(part), "{said}");
        }
    }

    #[test]
    fn a_root_that_refers_to_itself_ends() {
        let flat = without_unions(json!({"type": "object", "properties": {"a": {}}, "allOf": [{"$ref": "#"}]}));
        assert_eq!(flat["properties"]["a"], json!({}));
    }
}
