//! [`ArgumentRule`]: the one rule for the arguments that models and clients send, driven by the schema of the tool.
//!
//! Arguments that fit the schema pass byte for byte. Otherwise [`repair`] looks at each violation and proposes the change that the
//! sender most likely meant, such as the number in `"42"`. Changes are made in the text itself ([`edit`]), so that everything beside
//! them stays as it was sent. The changed arguments pass only if they fit the schema; if they do not, [`problem`] puts every
//! violation in words.

mod edit;
mod problem;
mod repair;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use jsonschema::error::ValidationErrorKind;
use jsonschema::{PatternOptions, ValidationError, Validator};
use serde_json::Value;

pub use problem::{ArgumentProblem, InvalidArguments};

use crate::tool::definition::{ToolDefinition, has_strict_arguments};
use edit::Edits;
use problem::Path;
use repair::changes;

/// The length up to which violations are looked at, in bytes. Each takes some hundred bytes of memory, and there may be several for each value.
const MAX_EXPLAINED_BYTES: usize = 256 * 1024;

/// JSON text within JSON text is opened at most so many times: each round may uncover the next one.
const MAX_ROUNDS: usize = 8;

/// The rule for the arguments of one tool: what is taken as it is, what is changed first, and what is refused.
///
/// A change is made only where a value does not fit the schema: the number, boolean, list or object that a string spells; a list of
/// one value; `""`, `"null"` and `null` for a member that may be left out.
///
/// ```
/// use platools::tool::ArgumentRule;
/// use serde_json::json;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let schema = json!({"type": "object", "properties": {"n": {"type": "integer"}, "tags": {"type": "array", "items": {"type": "string"}}}});
/// let rule = ArgumentRule::new(&schema)?;
/// assert_eq!(rule.fit(r#"{"n":"42","tags":"new"}"#)?, r#"{"n":42,"tags":["new"]}"#);
///
/// let invalid = rule.fit(r#"{"n":"many"}"#).expect_err("no number");
/// assert_eq!(invalid.to_string(), "invalid arguments: n: \"many\" must be a whole number");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct ArgumentRule {
    validator: Validator,
    schema: Value,
    is_strict: bool,
}

/// A schema that arguments cannot be checked against.
#[derive(Debug)]
pub struct UncheckableSchema(String);

impl fmt::Display for UncheckableSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for UncheckableSchema {}

impl ArgumentRule {
    /// The rule for a schema of draft 2020-12.
    ///
    /// # Errors
    /// The schema is none, has a reference that leads out of it, or a pattern that cannot be run in linear time.
    pub fn new(schema: &Value) -> Result<Self, UncheckableSchema> {
        let options = jsonschema::options().with_pattern_options(PatternOptions::regex());
        let validator = options.build(schema).map_err(|error| UncheckableSchema(error.to_string()))?;
        Ok(Self { validator, schema: schema.clone(), is_strict: false })
    }

    /// The rule for a tool as it is declared: for its schema, and strict if its annotations say so.
    pub(crate) fn of(tool: &ToolDefinition) -> Result<Self, UncheckableSchema> {
        let rule = Self::new(&tool.input_schema)?;
        Ok(Self { is_strict: has_strict_arguments(&tool.annotations), ..rule })
    }

    /// Takes only arguments that fit the schema as they are.
    #[must_use]
    pub fn strict(self) -> Self {
        Self { is_strict: true, ..self }
    }

    /// The arguments as the tool takes them: the text itself if it fits the schema, otherwise the text with the changes that make
    /// it fit. Members of the outermost object whose names begin with `_` are the platform's, and pass.
    ///
    /// # Errors
    /// The text is no JSON, or no change makes the arguments fit. The problems are those that are left after all changes that could
    /// be made. Arguments of more than 256 KiB that do not fit are refused without a change, and without saying where.
    pub fn fit<'a>(&self, arguments: &'a str) -> Result<Cow<'a, str>, InvalidArguments> {
        let mut text = Cow::Borrowed(arguments);
        for round in 0.. {
            let value = edit::read(&text).map_err(|error| InvalidArguments::unreadable(&error))?;
            if self.validator.is_valid(&value) {
                return Ok(text);
            }
            if text.len() > MAX_EXPLAINED_BYTES {
                return Err(InvalidArguments::too_long_to_explain(text.len()));
            }
            let errors: Vec<_> = self.validator.iter_errors(&value).collect();
            let edits =
                if self.is_strict || round == MAX_ROUNDS { Edits::default() } else { self.edits(&value, &errors) };
            if edits.is_empty() {
                return Err(InvalidArguments::of(&self.schema, &errors));
            }
            text = Cow::Owned(edits.apply(&text));
        }
        unreachable!("the loop ends by returning")
    }

    /// The changes that the violations call for. A member is only left out if the schema does not require it.
    fn edits(&self, value: &Value, errors: &[ValidationError<'_>]) -> Edits {
        let mut proposed: Vec<_> = errors.iter().filter_map(changes).flatten().collect();
        let left_out: BTreeSet<_> =
            proposed.iter().filter(|(_, change)| change.may_leave_out()).map(|(path, _)| path.clone()).collect();
        let required = self.required_among(value, &left_out);
        proposed.retain_mut(|(path, change)| !required.contains(path) || change.keep_in());
        proposed.into_iter().collect()
    }

    /// Those of the members that the schema requires.
    fn required_among(&self, value: &Value, members: &BTreeSet<Path>) -> BTreeSet<Path> {
        if members.is_empty() {
            return BTreeSet::new();
        }
        let mut without = value.clone();
        // An item of a list is none that may be left out.
        let mut required: BTreeSet<_> =
            members.iter().filter(|path| !path.remove_from(&mut without)).cloned().collect();
        for error in self.validator.iter_errors(&without) {
            collect_required(&error, members, &mut required);
        }
        required
    }
}

/// Notes the members whose absence is the violation, also in the branches of `anyOf` and `oneOf`.
fn collect_required(error: &ValidationError<'_>, members: &BTreeSet<Path>, required: &mut BTreeSet<Path>) {
    match error.kind() {
        ValidationErrorKind::Required { property: Value::String(name) } => {
            let path = Path::of(error.instance_path()).join(name);
            if members.contains(&path) {
                required.insert(path);
            }
        }
        ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context } => {
            context.iter().flatten().for_each(|error| collect_required(error, members, required));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests;
