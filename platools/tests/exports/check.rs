//! [`Checked`]: checks one tool in one exported form: values that fit the form must be accepted by the tool.

use std::collections::BTreeMap;

use platools::ToolDefinition;
use platools::tool::{ArgumentRule, Dialect, ToolExport};
use platools_protocol::tool_sync::annotation::STRICT_ARGUMENTS;
use serde_json::{Map, Value, json};

use crate::values::Values;

/// A tool in a form.
pub(crate) struct Checked<'a> {
    pub(crate) tool: &'a ToolDefinition,
    pub(crate) export: ToolExport,
    dialect: Dialect,
    rule: ArgumentRule,
}

/// What became of values.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) taken: usize,
    /// Values that fit the form and break a keyword that it only tells of, by the keyword.
    pub(crate) refused: BTreeMap<&'static str, usize>,
    /// Schemas for which no value was found.
    pub(crate) barren: usize,
}

impl<'a> Checked<'a> {
    pub(crate) fn new(tool: &'a ToolDefinition, dialect: Dialect) -> Self {
        let rule = ArgumentRule::new(&tool.input_schema).expect("a schema that can be checked");
        let rule = if tool.annotations.contains_key(STRICT_ARGUMENTS) { rule.strict() } else { rule };
        Self { tool, export: tool.to_export(dialect), dialect, rule }
    }

    /// The exported schema of the arguments, as JSON Schema.
    pub(crate) fn schema(&self) -> Value {
        let value = self.export.value();
        let places = ["/function/parameters", "/input_schema", "/inputSchema", "/parameters"];
        let found = places.iter().find_map(|place| value.pointer(place)).cloned();
        let mut schema = found.unwrap_or_else(|| json!({"type": "object", "additionalProperties": false}));
        if self.dialect == Dialect::Gemini {
            nullable_to_null(&mut schema);
        }
        schema
    }

    /// Values for the form, each from a seed of its own.
    pub(crate) fn each_value(
        &self,
        seed: u64,
        count: usize,
        tally: &mut Tally,
        mut visit: impl FnMut(&Value, u64, &mut Tally),
    ) {
        let schema = self.schema();
        assert_names(&schema, self.dialect, &self.context(seed, &Value::Null));
        for at in 0..count as u64 {
            let seed = seed * 1_000 + at;
            match Values::new(&schema, seed).fitting() {
                Some(value) => visit(&value, seed, tally),
                None => tally.barren += 1,
            }
        }
    }

    /// Checks that the tool takes a value, or refuses it for a keyword that the form tells of. Returns the arguments that it takes.
    pub(crate) fn check(&self, sent: &Value, seed: u64, tally: &mut Tally) -> Option<Value> {
        let context = self.context(seed, sent);
        let restored = self.export.arguments(&sent.to_string()).unwrap_or_else(|error| panic!("{error}\n{context}"));
        let restored_value: Value = serde_json::from_str(restored.get()).expect("JSON");
        match self.rule.fit(restored.get()) {
            Ok(fitted) => {
                let fitted: Value = serde_json::from_str(&fitted).expect("JSON");
                // Lists that stand for tuples take items at any position; an item at the wrong one may be changed to fit its own.
                if !self.keywords(&restored_value).iter().any(|keyword| keyword == "prefixItems") {
                    self.check_meaning(sent, &fitted, &context);
                }
                tally.taken += 1;
                Some(fitted)
            }
            Err(invalid) => {
                assert!(!invalid.problems().is_empty(), "{context}");
                let keyword = self.violated(&restored_value, &format!("{invalid}\n{context}"));
                *tally.refused.entry(keyword).or_default() += 1;
                None
            }
        }
    }

    fn context(&self, seed: u64, sent: &Value) -> String {
        let Self { tool, export, dialect, .. } = self;
        format!("seed {seed}, {dialect:?}, sent {sent}\nschema {}\nexported {}", tool.input_schema, export.value())
    }

    /// Nothing but `null` is left out, and only where the tool does not take it.
    fn check_meaning(&self, sent: &Value, fitted: &Value, context: &str) {
        let sent = self.with_own_names(sent);
        assert_eq!(without_nothing(&sent), without_nothing(fitted), "another meaning: {fitted}\n{context}");
        for path in nulls(&sent, &mut Vec::new()) {
            let mut with_null = fitted.clone();
            if put_null(&mut with_null, &path) && !self.is_untyped() {
                let takes_it = jsonschema::is_valid(&self.tool.input_schema, &with_null);
                assert!(!takes_it, "the null at {path:?} is a value: {fitted}\n{context}");
            }
        }
    }

    /// Schemas without types take null without saying so.
    fn is_untyped(&self) -> bool {
        self.tool.annotations.contains_key("untyped")
    }

    fn with_own_names(&self, sent: &Value) -> Value {
        let schema = self.schema();
        let own = |name: &str| {
            let description = schema["properties"][name]["description"].as_str()?;
            let (_, behind) = description.split_once("The tool calls it `")?;
            Some(behind.split_once("`.")?.0.to_owned())
        };
        let members = sent.as_object().expect("arguments");
        members.iter().map(|(name, value)| (own(name).unwrap_or_else(|| name.clone()), value.clone())).collect()
    }

    /// The keywords that the value breaks.
    fn keywords(&self, restored: &Value) -> Vec<String> {
        let validator = jsonschema::validator_for(&self.tool.input_schema).expect("a schema");
        let mut keywords = Vec::new();
        validator.iter_errors(restored).for_each(|error| collect(&error, &mut keywords));
        keywords
    }

    /// A keyword that the value breaks. The form has to tell of it in words.
    fn violated(&self, restored: &Value, context: &str) -> &'static str {
        let keywords = self.keywords(restored);
        let said = self.export.value().to_string();
        // The width of an integer is a format, which is no keyword that breaks. Other forms show it as bounds, also that of an item of a tuple.
        if keywords.is_empty() && ["Items in this order", "By position"].iter().any(|words| said.contains(words)) {
            return "prefixItems";
        }
        let told = TOLD.iter().find(|(keyword, words)| {
            keywords.iter().any(|violated| violated == keyword) && words.iter().any(|words| said.contains(words))
        });
        told.unwrap_or_else(|| panic!("refused without a word of it before: {keywords:?}\n{context}")).0
    }
}

/// Keywords that a form may leave to its descriptions, and the words there.
const TOLD: [(&str, &[&str]); 29] = [
    ("minLength", &["character"]),
    ("maxLength", &["character"]),
    ("pattern", &["pattern"]),
    ("format", &["Format: "]),
    ("exclusiveMinimum", &["More than"]),
    ("exclusiveMaximum", &["Less than"]),
    ("multipleOf", &["multiple of"]),
    ("minItems", &[" item"]),
    ("maxItems", &[" item"]),
    ("minProperties", &[" key"]),
    ("maxProperties", &[" key"]),
    ("uniqueItems", &["No item twice"]),
    ("const", &["Always ", "groups of keys", "each holds"]),
    ("enum", &["One of ", "groups of keys"]),
    ("not", &["Must not fit", "Must also fit"]),
    ("if", &["If it fits", "Unless it fits", "Must also fit"]),
    ("dependentRequired", &["With `"]),
    ("dependentSchemas", &["With `"]),
    ("contains", &["Some item must fit"]),
    ("propertyNames", &["Keys "]),
    ("patternProperties", &["Keys that match"]),
    ("oneOf", &["groups of keys", "exactly one of"]),
    ("anyOf", &["groups of keys", "Another "]),
    // Alternatives that are written as one object, types that end at their repetition, and values of maps and tuples.
    (
        "required",
        &[
            "groups of keys",
            "Must also fit",
            "Needed besides",
            "Another ",
            "The whole again",
            "each holds",
            "If it fits",
            "With `",
        ],
    ),
    (
        "additionalProperties",
        &["takes no keys", "Keys that match", "groups of keys", "Another ", "The whole again", "each holds"],
    ),
    ("unevaluatedProperties", &["groups of keys", "Another ", "The whole again", "each holds"]),
    ("prefixItems", &["Items in this order"]),
    ("type", &["groups of keys", "Another ", "The whole again", "each holds", " hold: ", "By position"]),
    ("false", &["If it fits"]),
];

fn collect(error: &jsonschema::ValidationError<'_>, keywords: &mut Vec<String>) {
    keywords.push(error.kind().keyword().to_owned());
    if error.schema_path().to_string().contains("/prefixItems") {
        keywords.push("prefixItems".to_owned());
    }
    if let jsonschema::error::ValidationErrorKind::AnyOf { context }
    | jsonschema::error::ValidationErrorKind::OneOfNotValid { context } = error.kind()
    {
        context.iter().flatten().for_each(|error| collect(error, keywords));
    }
}

/// Checks what interfaces refuse a whole request for.
fn assert_names(schema: &Value, dialect: Dialect, context: &str) {
    let root = schema.as_object().expect("an object");
    let unions = ["oneOf", "anyOf", "allOf", "enum", "not", "$ref"];
    if dialect != Dialect::Mcp {
        assert!(unions.iter().all(|keyword| !root.contains_key(*keyword)), "a union at the root\n{context}");
    }
    if dialect == Dialect::Anthropic {
        let is_good = |name: &String| {
            let is_good = |character: char| character.is_ascii_alphanumeric() || "_.-".contains(character);
            (1..=64).contains(&name.len()) && name.chars().all(is_good)
        };
        let names = root.get("properties").and_then(Value::as_object);
        assert!(names.into_iter().flat_map(Map::keys).all(is_good), "a name\n{context}");
    }
}

/// Writes Gemini's `nullable` as JSON Schema.
fn nullable_to_null(schema: &mut Value) {
    match schema {
        Value::Object(node) => {
            node.values_mut().for_each(nullable_to_null);
            if node.get("nullable") == Some(&Value::Bool(true)) && node.get("type").is_some_and(Value::is_string) {
                node.remove("nullable");
                let alone = Value::Object(std::mem::take(node));
                node.insert("anyOf".to_owned(), json!([alone, {"type": "null"}]));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(nullable_to_null),
        _ => {}
    }
}

/// A value without the members that stand for nothing, and with one form of whole numbers.
fn without_nothing(value: &Value) -> Value {
    let is_nothing =
        |value: &Value| value.is_null() || value.as_str().is_some_and(|text| matches!(text.trim(), "" | "null"));
    match value {
        Value::Object(members) => {
            let kept = members.iter().filter(|(_, value)| !is_nothing(value));
            kept.map(|(name, value)| (name.clone(), without_nothing(value))).collect()
        }
        Value::Array(items) => items.iter().map(without_nothing).collect(),
        Value::Number(number) => json!(number.as_f64()),
        other => other.clone(),
    }
}

/// The places of members that are null.
fn nulls(value: &Value, path: &mut Vec<String>) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let children: Vec<(String, &Value)> = match value {
        Value::Object(members) => members.iter().map(|(name, value)| (name.clone(), value)).collect(),
        Value::Array(items) => items.iter().enumerate().map(|(at, item)| (at.to_string(), item)).collect(),
        _ => Vec::new(),
    };
    for (name, child) in children {
        path.push(name);
        if child.is_null() && value.is_object() {
            found.push(path.clone());
        }
        found.extend(nulls(child, path));
        path.pop();
    }
    found
}

/// Puts null where a member was left out. Returns whether one was.
fn put_null(value: &mut Value, path: &[String]) -> bool {
    let Some((name, parents)) = path.split_last() else { return false };
    let parent = parents.iter().try_fold(value, |value, token| match value {
        Value::Object(members) => members.get_mut(token),
        Value::Array(items) => items.get_mut(token.parse::<usize>().ok()?),
        _ => None,
    });
    match parent {
        Some(Value::Object(members)) if !members.contains_key(name) => {
            members.insert(name.clone(), Value::Null);
            true
        }
        _ => false,
    }
}
