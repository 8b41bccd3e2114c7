//! [`ArgumentProblem`]: a violation of a tool's schema, in words for the model that wrote the arguments.

use std::fmt;

use jsonschema::error::TypeKind;
use jsonschema::error::ValidationErrorKind;
use jsonschema::paths::Location;
use jsonschema::{JsonType, ValidationError};
use serde_json::Value;

use crate::tool::arguments::problem::did_you_mean;

/// The most problems that are told. A sender with more of them has misunderstood the tool as a whole.
const MAX_PROBLEMS: usize = 32;

/// The longest value that is quoted, in characters.
const MAX_QUOTED_CHARS: usize = 60;

/// A value in the arguments, by the names and indexes that lead to it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Path(pub(super) Vec<String>);

impl Path {
    pub(super) fn of(location: &Location) -> Self {
        // Not by the segments of the location: those leave out empty names, and take names of digits for indexes.
        let tokens = location.as_str().split('/').skip(1);
        Self(tokens.map(|token| token.replace("~1", "/").replace("~0", "~")).collect())
    }

    pub(super) fn join(mut self, name: &str) -> Self {
        self.0.push(name.to_owned());
        self
    }
}

/// Names joined by points, and indexes in brackets: `lines[1].sku`. Empty for the arguments as a whole.
impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, token) in self.0.iter().enumerate() {
            match token {
                index if position > 0 && index.parse::<usize>().is_ok() => write!(f, "[{index}]")?,
                name if position == 0 => f.write_str(name)?,
                name => write!(f, ".{name}")?,
            }
        }
        Ok(())
    }
}

/// One thing that is wrong with arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ArgumentProblem {
    /// The value that is wrong or missing.
    pub path: Path,
    /// The problem and, where it can be told, the remedy.
    pub message: String,
}

/// Every violation in words, at most [`MAX_PROBLEMS`] of them.
pub(super) fn problems(schema: &Value, errors: &[ValidationError<'_>]) -> Vec<ArgumentProblem> {
    errors.iter().flat_map(|error| told(schema, error)).take(MAX_PROBLEMS).collect()
}

fn told(schema: &Value, error: &ValidationError<'_>) -> Vec<ArgumentProblem> {
    let path = Path::of(error.instance_path());
    let member = |name: &str, message| ArgumentProblem { path: path.clone().join(name), message };
    match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            let known = known_names(schema, error);
            unexpected.iter().map(|name| member(name, no_such_member(name, &known))).collect()
        }
        ValidationErrorKind::Required { property: Value::String(name) } => {
            vec![member(name, "it is required and missing".to_owned())]
        }
        // The branch that comes nearest tells most.
        ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context } => {
            match nearest_branch(error, context) {
                Some(branch) => branch.iter().flat_map(|error| told(schema, error)).collect(),
                None => vec![ArgumentProblem { path, message: no_branch(error, context) }],
            }
        }
        _ => vec![ArgumentProblem { path, message: sentence(error) }],
    }
}

/// The branch whose violations all lie within the value, if it is the only one: the other branches do not even have its type.
fn nearest_branch<'a>(
    error: &ValidationError<'_>,
    branches: &'a [Vec<ValidationError<'static>>],
) -> Option<&'a Vec<ValidationError<'static>>> {
    let is_near = |branch: &&Vec<ValidationError<'static>>| {
        !branch.iter().any(|inner| {
            let is_other_kind = matches!(inner.kind(), ValidationErrorKind::Type { .. });
            let is_other_variant =
                matches!(inner.kind(), ValidationErrorKind::Constant { .. } | ValidationErrorKind::Enum { .. });
            is_other_kind && inner.instance_path() == error.instance_path() || is_other_variant
        })
    };
    let mut near = branches.iter().filter(is_near);
    near.next().filter(|_| near.next().is_none())
}

/// The types or values that would be taken, if every branch says one.
fn no_branch(error: &ValidationError<'_>, branches: &[Vec<ValidationError<'static>>]) -> String {
    let mut taken = Vec::new();
    for inner in branches.iter().flatten().filter(|inner| inner.instance_path() == error.instance_path()) {
        match inner.kind() {
            ValidationErrorKind::Type { kind } => taken.extend(types(kind).into_iter().map(str::to_owned)),
            ValidationErrorKind::Constant { expected_value } => taken.push(expected_value.to_string()),
            ValidationErrorKind::Enum { options } => {
                taken.extend(options.as_array().into_iter().flatten().map(Value::to_string))
            }
            _ => {}
        }
    }
    taken.dedup();
    match taken.is_empty() {
        true => format!("{} fits none of the forms that the schema allows", quoted(error.instance())),
        false => format!("{} must be {}", quoted(error.instance()), alternatives(&taken)),
    }
}

fn sentence(error: &ValidationError<'_>) -> String {
    let value = || quoted(error.instance());
    match error.kind() {
        ValidationErrorKind::Type { kind } => {
            format!("{} must be {}", value(), alternatives(&types(kind)))
        }
        ValidationErrorKind::Enum { options } => {
            let options: Vec<_> = options.as_array().into_iter().flatten().map(Value::to_string).collect();
            let meant = error.instance().as_str().and_then(|text| {
                let names: Vec<_> = options.iter().map(|option| option.trim_matches('"')).collect();
                did_you_mean(text, &names).map(|meant| format!("; did you mean \"{meant}\"?"))
            });
            format!("{} must be {}{}", value(), alternatives(&options), meant.unwrap_or_default())
        }
        ValidationErrorKind::Constant { expected_value } => format!("{} must be {expected_value}", value()),
        ValidationErrorKind::Minimum { limit } => format!("{} is out of range: it must be at least {limit}", value()),
        ValidationErrorKind::Maximum { limit } => format!("{} is out of range: it must be at most {limit}", value()),
        ValidationErrorKind::ExclusiveMinimum { limit } => {
            format!("{} is out of range: it must be more than {limit}", value())
        }
        ValidationErrorKind::ExclusiveMaximum { limit } => {
            format!("{} is out of range: it must be less than {limit}", value())
        }
        ValidationErrorKind::MinLength { limit } => format!("it must have at least {limit} characters"),
        ValidationErrorKind::MaxLength { limit } => format!("it must have at most {limit} characters"),
        ValidationErrorKind::MinItems { limit } => format!("it must have at least {limit} items"),
        ValidationErrorKind::MaxItems { limit } => format!("it must have at most {limit} items"),
        ValidationErrorKind::MinProperties { limit } => format!("it must have at least {limit} entries"),
        ValidationErrorKind::MaxProperties { limit } => format!("it must have at most {limit} entries"),
        ValidationErrorKind::Pattern { pattern } => format!("it does not match the pattern {pattern}"),
        ValidationErrorKind::OneOfMultipleValid { .. } => {
            format!("{} fits more than one of the forms that the schema allows", value())
        }
        _ => error.masked_with(quoted(error.instance())).to_string(),
    }
}

fn no_such_member(name: &str, known: &[&str]) -> String {
    match did_you_mean(name, known) {
        Some(meant) => format!("there is no such argument; did you mean `{meant}`?"),
        None if known.is_empty() => "there is no such argument; none is taken here".to_owned(),
        None => format!("there is no such argument; taken are {}", known.join(", ")),
    }
}

/// The names that the schema of a violation declares beside the keyword that is violated.
fn known_names<'a>(schema: &'a Value, error: &ValidationError<'_>) -> Vec<&'a str> {
    let parent = error.schema_path().as_str().rsplit_once('/').map_or("", |(parent, _)| parent);
    let properties = schema.pointer(parent).and_then(|schema| schema.get("properties")).and_then(Value::as_object);
    properties.into_iter().flat_map(serde_json::Map::keys).map(String::as_str).collect()
}

fn types(kind: &TypeKind) -> Vec<&'static str> {
    match kind {
        TypeKind::Single(json_type) => vec![noun(*json_type)],
        TypeKind::Multiple(set) => set.iter().map(noun).collect(),
    }
}

fn noun(json_type: JsonType) -> &'static str {
    match json_type {
        JsonType::Array => "a list",
        JsonType::Boolean => "true or false",
        JsonType::Integer => "a whole number",
        JsonType::Null => "null",
        JsonType::Number => "a number",
        JsonType::Object => "an object",
        JsonType::String => "a string",
    }
}

fn alternatives(words: &[impl AsRef<str>]) -> String {
    match words {
        [] => "something else".to_owned(),
        [only] => only.as_ref().to_owned(),
        [all @ .., last] => {
            let all: Vec<_> = all.iter().map(AsRef::as_ref).collect();
            format!("{} or {}", all.join(", "), last.as_ref())
        }
    }
}

/// The value as JSON, cut where it is long.
fn quoted(value: &Value) -> String {
    match value {
        Value::Array(_) => "the list".to_owned(),
        Value::Object(_) => "the object".to_owned(),
        scalar => {
            let text = scalar.to_string();
            match text.char_indices().nth(MAX_QUOTED_CHARS) {
                Some((end, _)) => format!("{}…", &text[..end]),
                None => text,
            }
        }
    }
}
