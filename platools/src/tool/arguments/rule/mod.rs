//! [`ArgumentRule`]: checks arguments against the tool's schema, and repairs arguments that do not fit.
//!
//! Arguments that fit the schema pass byte for byte. Otherwise [`repair`] proposes a change for each violation, such as the number in
//! `"42"`, and [`json_edits`] applies the changes to the text, so that the rest stays as it was sent. The changed arguments pass if they
//! fit the schema; if not, [`problem`] describes every violation.

mod enum_option;
mod explain;
mod explain_cost;
mod from_schema;
mod json_edits;
mod json_in_text;
mod problem;
mod read_arguments;
mod repair;
mod violation_texts;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use jsonschema::error::ValidationErrorKind;
use jsonschema::{PatternOptions, ValidationError, Validator};
use serde_json::Value;

pub use json_in_text::object_in_text;
pub use problem::{ArgumentProblem, InvalidArguments};

use crate::tool::arguments::lone_surrogates::well_formed;
use explain::{Violations, problems_of};
use explain_cost::is_explainable;
use json_edits::JsonEdits;
pub(super) use problem::Path;
use read_arguments::{Arguments, read};
use repair::{Change, changes};

/// JSON text within JSON text is opened at most so many times: each round may uncover the next one.
const MAX_ROUNDS: usize = 8;

/// The rule for the arguments of one tool: what is taken as it is, what is changed first, and what is refused.
///
/// A change is made only where a value does not fit the schema: the number, boolean, list or object that a string spells; a list of one
/// value; `""`, `"null"` and `null` for a member that may be left out; the one option that a text differs from in case and separators only.
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

impl UncheckableSchema {
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }

    /// The reason, in words.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UncheckableSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for UncheckableSchema {}

impl ArgumentRule {
    /// The rule for a schema of draft 2020-12, as it is.
    ///
    /// # Errors
    /// The schema is none, has a reference that leads out of it, or a pattern that cannot be run in linear time.
    pub(crate) fn of_current(schema: &Value) -> Result<Self, UncheckableSchema> {
        let options = jsonschema::options().with_pattern_options(PatternOptions::regex());
        let validator = options.build(schema).map_err(|error| UncheckableSchema(error.to_string()))?;
        Ok(Self { validator, schema: schema.clone(), is_strict: false })
    }

    /// Takes only arguments that fit the schema as they are.
    #[must_use]
    pub fn strict(self) -> Self {
        Self { is_strict: true, ..self }
    }

    /// The arguments as the tool takes them: the text itself if it fits the schema, otherwise the text with the changes that make
    /// it fit. Members of the outermost object whose names begin with `_` are the platform's, and pass. Lone surrogates, as texts have
    /// that JavaScript cut, become the replacement character.
    ///
    /// # Errors
    /// The text is no JSON, a name is given twice, or no change makes the arguments fit. The problems are those that are left after all
    /// changes that could be made. Arguments that do not fit and have too many values to look at each are refused without a change, and
    /// without saying where.
    pub fn fit<'a>(&self, arguments: &'a str) -> Result<Cow<'a, str>, InvalidArguments> {
        let mut text = Cow::Borrowed(arguments);
        let mut wrapped = BTreeSet::new();
        for round in 0.. {
            let Arguments { value, repeated } = read_mended(&mut text)?;
            let is_valid = self.validator.is_valid(&value);
            if is_valid && repeated.is_empty() {
                return Ok(text);
            }
            if !is_valid && !is_explainable(&self.schema, &value) {
                return Err(InvalidArguments::too_many_to_explain());
            }
            let errors: Vec<_> = if is_valid { Vec::new() } else { self.validator.iter_errors(&value).collect() };
            let may_change = !self.is_strict && round < MAX_ROUNDS && repeated.is_empty();
            let edits = if may_change { self.edits(&value, &errors, &mut wrapped) } else { JsonEdits::default() };
            if edits.is_empty() {
                let violations = Violations { schema: &self.schema, wrapped: &wrapped };
                return Err(problems_of(&violations, &errors, repeated));
            }
            text = Cow::Owned(edits.apply(&text));
        }
        unreachable!("the loop ends by returning")
    }

    /// The changes that the violations call for. A member is only left out if the schema does not require it. Notes the values that
    /// become lists.
    fn edits(&self, value: &Value, errors: &[ValidationError<'_>], wrapped: &mut BTreeSet<Path>) -> JsonEdits {
        let mut proposed: Vec<_> = errors.iter().filter_map(changes).flatten().collect();
        let left_out: BTreeSet<_> =
            proposed.iter().filter(|(_, change)| change.may_leave_out()).map(|(path, _)| path.clone()).collect();
        let required = self.required_among(value, &left_out);
        proposed.retain_mut(|(path, change)| !required.contains(path) || change.keep_in());
        let lists = proposed.iter().filter(|(_, change)| *change == Change::Wrap).map(|(path, _)| path.clone());
        wrapped.extend(lists);
        proposed.into_iter().collect()
    }

    /// Returns the members that the schema requires.
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

/// Reads arguments. Lone surrogates in the text are replaced if it cannot be read for them.
fn read_mended(text: &mut Cow<'_, str>) -> Result<Arguments, InvalidArguments> {
    let unreadable = match read(text) {
        Ok(arguments) => return Ok(arguments),
        Err(error) => InvalidArguments::unreadable(&error),
    };
    let Cow::Owned(mended) = well_formed(text) else { return Err(unreadable) };
    let arguments = read(&mended).map_err(|_| unreadable)?;
    *text = Cow::Owned(mended);
    Ok(arguments)
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
