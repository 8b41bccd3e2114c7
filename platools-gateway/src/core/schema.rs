//! Checking arguments against the schema that a tool was registered with.
//!
//! The schema is a stranger's. Nothing is fetched for it, its patterns run in linear time, and one that could keep the
//! gateway busy for long is not used at all.

use std::collections::HashMap;
use std::fmt;

use jsonschema::{PatternOptions, Validator};
use serde_json::{Map, Value};

use super::error::ArgumentProblem;

/// A schema may say so much, every reference written out. Exponential ones are the danger, and they pass any bound.
const MAX_EXPANSION: u64 = 100_000;

/// So many problems are told; a caller that has more begins with these.
const MAX_PROBLEMS: usize = 32;

/// A problem's text is cut here: it may quote the argument.
const MAX_PROBLEM_CHARS: usize = 500;

/// A tool's input schema, ready for use.
pub(crate) struct ArgumentSchema(Result<Validator, String>);

impl ArgumentSchema {
    /// Prepares a schema. This takes a moment: it is not for a thread that serves sockets.
    pub(crate) fn new(schema: &Value) -> Self {
        let expansion = Expansion { root: schema, known: HashMap::new() }.of(schema);
        if expansion > MAX_EXPANSION {
            return Self(Err("its references multiply without bound".to_owned()));
        }
        let options = jsonschema::options().with_pattern_options(PatternOptions::regex());
        Self(options.build(schema).map_err(|error| error.to_string()))
    }

    /// Why the schema is not used, if it is not.
    pub(crate) fn unused_because(&self) -> Option<&str> {
        self.0.as_ref().err().map(String::as_str)
    }

    /// Everything that is wrong with some arguments. Names that begin with `_` are between the gateway and the worker.
    pub(crate) fn problems(&self, mut arguments: Map<String, Value>) -> Vec<ArgumentProblem> {
        let Ok(validator) = &self.0 else { return Vec::new() };
        arguments.retain(|name, _| !name.starts_with('_'));
        let arguments = Value::Object(arguments);
        let problem = |error: jsonschema::ValidationError<'_>| ArgumentProblem {
            path: error.instance_path().to_string(),
            message: error.to_string().chars().take(MAX_PROBLEM_CHARS).collect(),
        };
        validator.iter_errors(&arguments).take(MAX_PROBLEMS).map(problem).collect()
    }
}

impl fmt::Debug for ArgumentSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ArgumentSchema").field("unused_because", &self.unused_because()).finish_non_exhaustive()
    }
}

/// How many keywords a schema comes to with every reference written out once.
struct Expansion<'a> {
    root: &'a Value,
    /// Of what references lead to; none while it is being counted, so that a cycle counts once.
    known: HashMap<&'a str, Option<u64>>,
}

impl<'a> Expansion<'a> {
    fn of(&mut self, schema: &'a Value) -> u64 {
        match schema {
            Value::Object(members) => members.iter().fold(1, |sum: u64, (name, member)| {
                let more = match (name.as_str(), member) {
                    ("$ref" | "$dynamicRef", Value::String(reference)) => self.behind(reference),
                    _ => self.of(member),
                };
                sum.saturating_add(more)
            }),
            Value::Array(items) => items.iter().fold(0, |sum: u64, item| sum.saturating_add(self.of(item))),
            _ => 0,
        }
    }

    fn behind(&mut self, reference: &'a str) -> u64 {
        if let Some(known) = self.known.get(reference) {
            return known.unwrap_or(1);
        }
        self.known.insert(reference, None);
        let target = reference.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer));
        let size = target.map_or(1, |target| self.of(target));
        self.known.insert(reference, Some(size));
        size
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn problems(schema: &Value, arguments: Value) -> Vec<String> {
        let Value::Object(arguments) = arguments else { panic!("arguments are an object") };
        ArgumentSchema::new(schema).problems(arguments).into_iter().map(|problem| problem.path).collect()
    }

    #[test]
    fn every_problem_is_told_with_its_place() {
        let schema = json!({
            "type": "object",
            "properties": {"id": {"type": "string"}, "lines": {"type": "array", "items": {"type": "integer"}}},
            "required": ["id"],
            "additionalProperties": false
        });
        assert_eq!(problems(&schema, json!({"id": "a", "lines": [1, 2], "_trace": 1})), [""; 0]);
        let mut found = problems(&schema, json!({"lines": [1, "x", 2, null], "extra": true}));
        found.sort();
        assert_eq!(found, ["", "", "/lines/1", "/lines/3"]);
    }

    #[test]
    fn references_in_a_circle_end() {
        let list = json!({"type": "object", "properties": {"next": {"$ref": "#"}, "n": {"type": "integer"}}});
        assert_eq!(problems(&list, json!({"next": {"next": {"n": "x"}}})), ["/next/next/n"]);
        assert_eq!(problems(&json!({"allOf": [{"$ref": "#"}]}), json!({})), [""; 0]);
    }

    #[test]
    fn a_schema_that_multiplies_is_not_used() {
        let mut definitions = Map::new();
        for level in 0..30 {
            let next = json!({"$ref": format!("#/$defs/d{}", level + 1)});
            definitions.insert(format!("d{level}"), json!({"allOf": [next.clone(), next]}));
        }
        definitions.insert("d30".to_owned(), json!({"type": "object"}));
        let bomb = ArgumentSchema::new(&json!({"$defs": definitions, "$ref": "#/$defs/d0"}));
        assert!(bomb.unused_because().unwrap().contains("multiply"));
        assert_eq!(bomb.problems(Map::new()), []);
    }

    #[test]
    fn a_schema_that_needs_the_network_a_file_or_backtracking_is_not_used() {
        for schema in [
            json!({"$ref": "http://127.0.0.1:1/schema"}),
            json!({"$ref": "file:///etc/passwd"}),
            json!({"properties": {"a": {"pattern": "(?<=x)y"}}}),
            json!({"properties": {"a": {"pattern": "(x{1000}){1000}"}}}),
        ] {
            assert!(ArgumentSchema::new(&schema).unused_because().is_some(), "{schema}");
        }
    }

    #[test]
    fn a_pattern_that_would_backtrack_for_ever_is_over_at_once() {
        let schema = json!({"properties": {"a": {"type": "string", "pattern": "^(a+)+$"}}});
        assert_eq!(problems(&schema, json!({"a": format!("{}!", "a".repeat(5000))})), ["/a"]);
    }
}
