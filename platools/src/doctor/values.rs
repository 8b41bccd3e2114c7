//! [`check`]: checks the values that arguments take: their limits, their examples, and secrets among them.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::finding::Finding;
use super::rule::Rule;
use super::sources::input_properties;
use crate::tool::ToolDefinition;

pub(super) fn check(tools: &[Arc<ToolDefinition>], findings: &mut Vec<Finding>) {
    for tool in tools {
        let mut walk = ValueWalk { tool, seen: HashSet::new(), findings };
        for (param, schema) in input_properties(tool) {
            walk.value(param, param, schema);
        }
        for (param, schema) in input_properties(tool).filter(|(_, schema)| !has_example(schema)) {
            let message =
                "neither its schema nor its description has an example; write one, such as `such as ord-1042`";
            if is_text(schema) {
                findings.push(Finding::of_param(Rule::MissingExample, &tool.name, param, message.to_owned()));
            }
        }
    }
}

/// A walk over the schemas of the values within an argument.
struct ValueWalk<'a> {
    tool: &'a ToolDefinition,
    /// References that were followed. A type that contains itself is visited once.
    seen: HashSet<&'a str>,
    findings: &'a mut Vec<Finding>,
}

impl<'a> ValueWalk<'a> {
    fn value(&mut self, path: &str, name: &str, schema: &'a Map<String, Value>) {
        self.check_secrets(path, name, schema);
        self.check_limits(path, schema);
        if let Some(target) = schema.get("$ref").and_then(Value::as_str)
            && self.seen.insert(target)
        {
            let found = target.strip_prefix('#').and_then(|pointer| self.tool.input_schema.pointer(pointer));
            found.into_iter().for_each(|schema| self.schema(path, name, schema));
        }
        for (member, schema) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            self.schema(&format!("{path}/{member}"), member, schema);
        }
        for keyword in ["items", "additionalProperties"] {
            let items = schema.get(keyword).into_iter();
            items.for_each(|schema| self.schema(&format!("{path}/*"), name, schema));
        }
        for keyword in ["anyOf", "oneOf", "allOf", "prefixItems"] {
            let parts = schema.get(keyword).and_then(Value::as_array).into_iter().flatten();
            parts.for_each(|schema| self.schema(path, name, schema));
        }
    }

    fn schema(&mut self, path: &str, name: &str, schema: &'a Value) {
        schema.as_object().into_iter().for_each(|schema| self.value(path, name, schema));
    }

    fn check_secrets(&mut self, path: &str, name: &str, schema: &Map<String, Value>) {
        let listed = |keyword: &str| schema.get(keyword).and_then(Value::as_array).into_iter().flatten();
        let given = schema.get("default").into_iter().chain(schema.get("const"));
        let is_named_secret =
            is_secret_name(name) && given.clone().any(|value| value.as_str().is_some_and(|text| !text.is_empty()));
        let mut values = given.chain(listed("examples")).chain(listed("enum")).filter_map(Value::as_str);
        if is_named_secret || values.any(is_secret) {
            // Without the value: reports are kept in logs.
            let message =
                "its default or an example looks like a secret, which every caller reads; remove and replace it";
            self.add(Rule::SecretInSchema, path, message);
        }
    }

    fn check_limits(&mut self, path: &str, schema: &Map<String, Value>) {
        if is_text(schema) && !LIMITS_OF_TEXT.iter().any(|keyword| schema.contains_key(*keyword)) {
            self.add(
                Rule::UnboundedString,
                path,
                "it takes a text of any length; add `#[arg(length(..=1000))]` or `maxLength`",
            );
        }
        if has_type(schema, "array") && !LIMITS_OF_LISTS.iter().any(|keyword| schema.contains_key(*keyword)) {
            self.add(
                Rule::UnboundedList,
                path,
                "it takes a list of any length; add `#[arg(length(..=100))]` or `maxItems`",
            );
        }
    }

    fn add(&mut self, rule: Rule, path: &str, message: &str) {
        self.findings.push(Finding::of_param(rule, &self.tool.name, path, message.to_owned()));
    }
}

/// Keywords that limit a text, if only by its form.
const LIMITS_OF_TEXT: [&str; 5] = ["maxLength", "enum", "const", "format", "pattern"];

const LIMITS_OF_LISTS: [&str; 4] = ["maxItems", "enum", "const", "prefixItems"];

/// Words by which a description names an example.
const EXAMPLE_WORDS: [&str; 5] = ["such as", "e.g.", "for example", "example:", "like "];

fn has_example(schema: &Map<String, Value>) -> bool {
    let description = schema.get("description").and_then(Value::as_str).unwrap_or_default().to_lowercase();
    ["examples", "default", "enum", "const", "format"].iter().any(|keyword| schema.contains_key(*keyword))
        || EXAMPLE_WORDS.iter().any(|words| description.contains(words))
}

fn is_text(schema: &Map<String, Value>) -> bool {
    has_type(schema, "string")
}

fn has_type(schema: &Map<String, Value>, kind: &str) -> bool {
    match schema.get("type") {
        Some(Value::String(only)) => only == kind,
        Some(Value::Array(kinds)) => kinds.iter().any(|one| one == kind),
        _ => false,
    }
}

/// Parts of the names of arguments whose values are secrets.
const SECRET_NAMES: [&str; 8] =
    ["password", "passwd", "secret", "apikey", "accesstoken", "authtoken", "privatekey", "credential"];

fn is_secret_name(name: &str) -> bool {
    let name: String = name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase();
    SECRET_NAMES.iter().any(|part| name.contains(part)) || name == "token"
}

/// Beginnings of secrets that their issuers mark, and the fewest characters of one.
const SECRET_PREFIXES: [(&str, usize); 13] = [
    ("sk-", 20),
    ("sk_live_", 16),
    ("rk_live_", 16),
    ("ghp_", 20),
    ("gho_", 20),
    ("github_pat_", 20),
    ("glpat-", 20),
    ("xoxb-", 16),
    ("xoxp-", 16),
    ("AKIA", 20),
    ("AIza", 30),
    ("platos_agent_", 20),
    ("-----BEGIN", 10),
];

fn is_secret(value: &str) -> bool {
    let is_marked = SECRET_PREFIXES.iter().any(|(prefix, chars)| value.starts_with(prefix) && value.len() >= *chars);
    // A JSON Web Token: three parts, of which the first is an object in base64.
    is_marked || (value.starts_with("eyJ") && value.split('.').count() == 3)
}
