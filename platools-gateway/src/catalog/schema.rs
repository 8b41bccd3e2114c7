//! `ToolSchemas`: the schemas of one tool, ready to check arguments and to show to clients.
//!
//! Workers may send any schema. The gateway fetches nothing for a schema, patterns run in linear time, and a schema that would take too
//! long is not used. A schema of an earlier draft is rewritten, and a part that cannot be checked is left out. The catalog keeps the
//! declared schema.

use std::borrow::Cow;
use std::fmt;

use platools::tool::prepare::{PreparedSchema, has_odd_patterns, readable, with_patterns_told};
use platools::tool::{ArgumentRule, Dialect, InvalidArguments, UncheckableSchema};
use serde_json::Value;

use crate::arguments::Arguments;

/// A tool's schemas, ready for use.
pub(crate) struct ToolSchemas {
    checked: Result<ArgumentRule, UncheckableSchema>,
    /// The input schema as readers take it, where that is not the declared one.
    input: Option<Value>,
    /// The output schema as readers take it, where that is not the declared one.
    output: Option<Value>,
    /// Parts of the input schema that are not checked, in words.
    unchecked: Vec<&'static str>,
    /// True if the input schema has patterns that some models' interfaces refuse.
    has_odd_patterns: bool,
}

impl ToolSchemas {
    /// Prepares a tool's schemas. This takes a moment: it is not for a thread that serves sockets.
    pub(crate) fn new(input: &Value, output: Option<&Value>) -> Self {
        let PreparedSchema { rule: checked, unchecked, readable: input_shown } = PreparedSchema::new(input);
        let has_odd_patterns = has_odd_patterns(input_shown.as_ref().unwrap_or(input));
        Self { checked, input: input_shown, output: output.and_then(readable), unchecked, has_odd_patterns }
    }

    /// The reason why the input schema is not used, if it is not.
    pub(crate) fn unused_because(&self) -> Option<&str> {
        self.checked.as_ref().err().map(UncheckableSchema::reason)
    }

    /// The parts of the input schema that arguments are not checked against, in words.
    pub(crate) fn unchecked(&self) -> &[&'static str] {
        &self.unchecked
    }

    /// The input schema as readers of a dialect take it. `declared` is the one that the tool was registered with.
    pub(crate) fn input_for(&self, declared: &Value, dialect: Dialect) -> Value {
        let mut schema = self.input.as_ref().unwrap_or(declared).clone();
        if let Value::Object(root) = &mut schema
            && !root.contains_key("type")
        {
            // Models' interfaces refuse arguments that are not said to be an object.
            root.shift_insert(0, "type".to_owned(), "object".into());
        }
        if self.has_odd_patterns && matches!(dialect, Dialect::OpenAi | Dialect::OpenAiNonStrict | Dialect::Gemini) {
            with_patterns_told(&mut schema);
        }
        schema
    }

    /// The output schema as readers take it. `declared` is the one that the tool was registered with.
    pub(crate) fn output_for<'a>(&'a self, declared: &'a Value) -> &'a Value {
        self.output.as_ref().unwrap_or(declared)
    }

    /// Takes only arguments that fit the schema as they are.
    pub(crate) fn strict(self) -> Self {
        Self { checked: self.checked.map(ArgumentRule::strict), ..self }
    }

    /// The arguments as the tool takes them; `None` if they stay as they are.
    ///
    /// # Errors
    /// The arguments do not fit the schema, also not with the changes that the rule makes.
    pub(crate) fn fit(&self, arguments: &Arguments) -> Result<Option<Arguments>, InvalidArguments> {
        let Ok(rule) = &self.checked else { return Ok(None) };
        match rule.fit(arguments.as_str())? {
            Cow::Borrowed(_) => Ok(None),
            Cow::Owned(fitted) => Ok(Some(Arguments::fitted(fitted))),
        }
    }
}

impl fmt::Debug for ToolSchemas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToolSchemas").field("unused_because", &self.unused_because()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod differential;

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;

    fn problems(schema: &Value, arguments: &Value) -> Vec<String> {
        let arguments = Arguments::fitted(arguments.to_string());
        match ToolSchemas::new(schema, None).fit(&arguments) {
            Ok(_) => Vec::new(),
            Err(invalid) => invalid.problems().iter().map(platools::tool::ArgumentProblem::pointer).collect(),
        }
    }

    #[test]
    fn every_problem_is_told_with_its_place() {
        let schema = json!({
            "type": "object",
            "properties": {"id": {"type": "string"}, "lines": {"type": "array", "items": {"type": "integer"}}},
            "required": ["id"],
            "additionalProperties": false
        });
        assert_eq!(problems(&schema, &json!({"id": "a", "lines": [1, 2], "_trace": 1})), [""; 0]);
        let mut found = problems(&schema, &json!({"lines": [1, "x", 2, null], "extra": true}));
        found.sort();
        assert_eq!(found, ["/extra", "/id", "/lines/1", "/lines/3"]);
    }

    #[test]
    fn references_in_a_circle_end() {
        let list = json!({"type": "object", "properties": {"next": {"$ref": "#"}, "n": {"type": "integer"}}});
        assert_eq!(problems(&list, &json!({"next": {"next": {"n": "x"}}})), ["/next/next/n"]);
        assert_eq!(problems(&json!({"allOf": [{"$ref": "#"}]}), &json!({})), [""; 0]);
    }

    #[test]
    fn a_schema_that_multiplies_is_not_used() {
        let mut definitions = Map::new();
        for level in 0..30 {
            let next = json!({"$ref": format!("#/$defs/d{}", level + 1)});
            definitions.insert(format!("d{level}"), json!({"allOf": [next.clone(), next]}));
        }
        definitions.insert("d30".to_owned(), json!({"type": "object"}));
        let bomb = ToolSchemas::new(&json!({"$defs": definitions, "$ref": "#/$defs/d0"}), None);
        assert!(bomb.unused_because().unwrap().contains("multiply"));
        assert_eq!(bomb.fit(&Arguments::none()), Ok(None));
    }

    #[test]
    fn what_needs_the_network_a_file_or_backtracking_is_left_out_and_the_rest_is_checked() {
        for odd in [
            json!({"$ref": "http://127.0.0.1:1/schema"}),
            json!({"$ref": "file:///etc/passwd"}),
            json!({"$ref": "#/nowhere"}),
            json!({"pattern": "(?<=x)y"}),
            json!({"pattern": "(x{1000}){1000}"}),
            json!({"not": {"pattern": "(?=x)"}}),
            json!({"oneOf": [{"pattern": "(?=x)"}, {"type": "string"}]}),
            json!({"if": {"$ref": "other.json"}, "then": false}),
            json!({"patternProperties": {"(?=x)": {}}, "additionalProperties": false}),
        ] {
            let schema = json!({"properties": {"odd": odd, "n": {"type": "integer"}}});
            let schemas = ToolSchemas::new(&schema, None);
            assert_eq!((schemas.unused_because(), schemas.unchecked().len()), (None, 1), "{schema}");
            assert_eq!(problems(&schema, &json!({"odd": "zzz", "n": 1})), [""; 0], "{schema}");
            assert_eq!(problems(&schema, &json!({"odd": {"x": 1}, "n": "x"})), ["/n"], "{schema}");
        }
    }

    #[test]
    fn readers_are_shown_patterns_unless_they_refuse_them() {
        let schema = json!({"type": "object", "properties": {"v": {"type": "string", "description": "It.", "pattern": "(?=a)b"}}});
        let schemas = ToolSchemas::new(&schema, None);
        for dialect in [Dialect::Mcp, Dialect::Anthropic] {
            assert_eq!(schemas.input_for(&schema, dialect), schema);
        }
        for dialect in [Dialect::OpenAi, Dialect::Gemini] {
            let shown = schemas.input_for(&schema, dialect);
            let expected = json!({"type": "string", "description": "It. Matches the pattern `(?=a)b`."});
            assert_eq!(shown["properties"]["v"], expected, "{dialect:?}");
        }
    }

    #[test]
    fn a_pattern_that_would_backtrack_for_ever_is_over_at_once() {
        let schema = json!({"properties": {"a": {"type": "string", "pattern": "^(a+)+$"}}});
        assert_eq!(problems(&schema, &json!({"a": format!("{}!", "a".repeat(5000))})), ["/a"]);
    }
}
