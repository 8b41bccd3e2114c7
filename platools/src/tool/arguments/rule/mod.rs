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

use jsonschema::error::ValidationErrorKind;
use jsonschema::{ValidationError, Validator};
use serde_json::Value;
use serde_json::value::RawValue;

pub use problem::{ArgumentProblem, Path};

use edit::Edits;
use repair::changes;

/// JSON text within JSON text is opened at most so many times: each round may uncover the next one.
const MAX_ROUNDS: usize = 8;

/// The rule for the arguments of one tool.
#[derive(Debug)]
pub struct ArgumentRule {
    validator: Validator,
    schema: Value,
    is_strict: bool,
}

impl ArgumentRule {
    /// The rule for a schema of draft 2020-12 and the validator that was built from it.
    #[must_use]
    pub fn new(schema: Value, validator: Validator) -> Self {
        Self { validator, schema, is_strict: false }
    }

    /// Takes only arguments that fit the schema as they are.
    #[must_use]
    pub fn strict(self) -> Self {
        Self { is_strict: true, ..self }
    }

    /// The arguments as the tool takes them: the text itself if it fits the schema, otherwise the text with the changes that make
    /// it fit.
    ///
    /// # Errors
    /// No change makes the arguments fit. The problems are those that are left after all changes that could be made.
    pub fn fit<'a>(&self, arguments: &'a RawValue) -> Result<Cow<'a, RawValue>, Vec<ArgumentProblem>> {
        let mut text = Cow::Borrowed(arguments);
        for round in 0.. {
            let value = read(&text);
            let errors: Vec<_> = self.validator.iter_errors(&value).collect();
            if errors.is_empty() {
                return Ok(text);
            }
            let edits =
                if self.is_strict || round == MAX_ROUNDS { Edits::default() } else { self.edits(&value, &errors) };
            if edits.is_empty() {
                return Err(problem::problems(&self.schema, &errors));
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
        for path in members {
            path.remove_from(&mut without);
        }
        let mut required = BTreeSet::new();
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

fn read(text: &RawValue) -> Value {
    // Raw JSON was read once, but deeper nesting than the limit of the reader passes there.
    serde_json::from_str(text.get()).unwrap_or(Value::Null)
}

#[cfg(test)]
mod tests;
