//! [`ResultRule`]: checks the results of a tool against its output schema, as MCP clients do.

use std::sync::atomic::{AtomicBool, Ordering};

use jsonschema::{PatternOptions, ValidationOptions, Validator};
use serde_json::Value;

use super::content::Content;
use super::definition::ToolDefinition;
use super::schema::Dialect;

/// A schema with more bytes than this is not compiled, and its tool counts as one without a schema: 256 KiB.
const MAX_SCHEMA_BYTES: usize = 256 * 1024;

/// Steps that a pattern with look-around may take for one text. Other patterns run in linear time.
const MAX_BACKTRACKS: usize = 10_000;

/// The check of one tool's results, compiled once.
///
/// The schema is the one that clients of the Model Context Protocol are shown ([`Dialect::Mcp`]), because their libraries check results
/// against it and discard a result that does not fit. That schema has no formats, which the library of TypeScript would check.
///
/// ```
/// use platools::ToolDefinition;
/// use platools::tool::ResultRule;
/// use serde_json::json;
///
/// let mut tool = ToolDefinition::new("count", "Counts.", json!({"type": "object"}));
/// tool.output_schema = Some(json!({"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}));
/// let rule = ResultRule::of(&tool);
/// assert!(rule.is_structured());
/// assert_eq!(rule.check(&json!({"n": 1})), Ok(()));
/// assert_eq!(rule.check(&json!({"n": "one"})), Err("/n: the value is not of type \"integer\"".to_owned()));
/// ```
#[derive(Debug, Default)]
pub struct ResultRule {
    is_content: bool,
    check: Option<Validator>,
    had_misfit: AtomicBool,
}

impl ResultRule {
    /// The rule for a tool. A schema that is longer than 256 KiB or cannot be compiled, such as one with an unknown type, is left out with a
    /// warning: clients would fail on it too.
    #[must_use]
    pub fn of(tool: &ToolDefinition) -> Self {
        let is_content = tool.output_schema.as_ref().is_some_and(Content::is_declared_by);
        let shown = tool.structured_schema().map(|_| tool.export(Dialect::Mcp)["outputSchema"].take());
        let check = shown.and_then(|schema| {
            let compiled = compile(&schema);
            let warn = |reason: &String| {
                tracing::warn!(
                    tool.name = tool.name,
                    reason,
                    "output schema left out: results are not checked against it"
                );
            };
            compiled.inspect_err(warn).ok()
        });
        Self { is_content, check, had_misfit: AtomicBool::new(false) }
    }

    /// True for a tool whose results have parts, such as texts and images.
    #[must_use]
    pub fn is_content(&self) -> bool {
        self.is_content
    }

    /// True for a tool whose results have an object that clients are shown the schema of.
    #[must_use]
    pub fn is_structured(&self) -> bool {
        self.check.is_some()
    }

    /// Checks the object of a result. There is nothing to check without a schema.
    ///
    /// # Errors
    /// The first violation, with its place as a JSON pointer. It does not repeat the value.
    pub fn check(&self, value: &Value) -> Result<(), String> {
        let Some(check) = self.check.as_ref().filter(|check| !check.is_valid(value)) else { return Ok(()) };
        let Some(error) = check.iter_errors(value).next() else { return Ok(()) };
        let violation = error.masked_with("the value");
        match error.instance_path().as_str() {
            "" => Err(violation.to_string()),
            pointer => Err(format!("{pointer}: {violation}")),
        }
    }

    /// True at the first request, for the one warning about results that do not fit.
    #[must_use]
    pub fn is_first_misfit(&self) -> bool {
        !self.had_misfit.swap(true, Ordering::Relaxed)
    }
}

fn compile(schema: &Value) -> Result<Validator, String> {
    let bytes = schema.to_string().len();
    if bytes > MAX_SCHEMA_BYTES {
        return Err(format!("it has {bytes} bytes, and at most {MAX_SCHEMA_BYTES} are checked"));
    }
    let options = || jsonschema::options().should_validate_formats(true);
    let build = |options: ValidationOptions<'_>| options.build(schema).map_err(|error| error.to_string());
    build(options().with_pattern_options(PatternOptions::regex())).or_else(|_| {
        build(options().with_pattern_options(PatternOptions::fancy_regex().backtrack_limit(MAX_BACKTRACKS)))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rule(output_schema: Value) -> ResultRule {
        let mut tool = ToolDefinition::new("t", "Do it.", json!({ "type": "object" }));
        tool.output_schema = Some(output_schema);
        ResultRule::of(&tool)
    }

    fn object(property: Value) -> Value {
        json!({ "type": "object", "properties": { "v": property }, "required": ["v"] })
    }

    #[test]
    fn only_an_object_that_fits_passes_and_the_first_violation_is_told_without_its_value() {
        let list = rule(object(json!({ "type": "array", "items": { "type": "integer" } })));
        assert_eq!(list.check(&json!({ "v": [1, 2.0] })), Ok(()));
        assert_eq!(list.check(&json!({})), Err("\"v\" is a required property".to_owned()));
        let problem = list.check(&json!({ "v": [1, "hunter2"] })).expect_err("a text is no integer");
        assert_eq!(problem, "/v/1: the value is not of type \"integer\"");
    }

    #[test]
    fn patterns_with_look_around_count_and_formats_do_not() {
        let date = rule(object(json!({ "type": "string", "format": "date-time" })));
        assert_eq!(date.check(&json!({ "v": "2026-07-28T12:00:00" })), Ok(()));
        let no_dot = rule(object(json!({ "type": "string", "pattern": "^(?!\\.)[a-z.]+$" })));
        assert!(no_dot.is_structured());
        assert!(no_dot.check(&json!({ "v": "a.b" })).is_ok() && no_dot.check(&json!({ "v": ".a" })).is_err());
        let unknown = rule(object(json!({ "type": "string", "format": "colour" })));
        assert_eq!(unknown.check(&json!({ "v": "red" })), Ok(()));
    }

    #[test]
    fn a_schema_that_cannot_be_compiled_or_is_too_long_is_left_out() {
        for schema in [
            json!({ "type": "object", "properties": { "v": { "type": "nonsense" } } }),
            object(json!({ "const": "x".repeat(MAX_SCHEMA_BYTES) })),
        ] {
            let rule = rule(schema);
            assert!(!rule.is_structured());
            assert_eq!(rule.check(&json!({ "v": 1 })), Ok(()));
        }
        assert!(!rule(json!({ "type": "string" })).is_structured());
        assert!(rule(Content::schema()).is_content() && !rule(Content::schema()).is_structured());
    }
}
