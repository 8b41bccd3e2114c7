//! [`ArgumentProblem`]: a violation of a tool's schema, in words for the model that wrote the arguments.

use std::fmt;

use jsonschema::error::TypeKind;
use jsonschema::error::ValidationErrorKind;
use jsonschema::paths::Location;
use jsonschema::{JsonType, ValidationError};
use serde_json::{Value, json};

use crate::tool::arguments::problem::did_you_mean;
use crate::tool::error::{ToolError, code};

/// The most problems that are told. A sender with more of them has misunderstood the tool as a whole.
const MAX_PROBLEMS: usize = 32;

/// The longest value that is quoted, in characters.
const MAX_QUOTED_CHARS: usize = 60;

/// A value in the arguments, by the names and indexes that lead to it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Path(pub(super) Vec<String>);

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

/// One thing that is wrong with arguments. `Display` has the value's names and the message: `lines[1].n: it is required and missing`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArgumentProblem {
    path: Path,
    message: String,
}

impl ArgumentProblem {
    /// A problem with the text as a whole.
    pub(super) fn of_whole(error: &serde_json::Error) -> Self {
        Self { path: Path(Vec::new()), message: format!("they cannot be read: {error}") }
    }

    /// The value that is wrong or missing, as a JSON pointer into the arguments.
    #[must_use]
    pub fn pointer(&self) -> String {
        let tokens = self.path.0.iter().map(|token| token.replace('~', "~0").replace('/', "~1"));
        tokens.map(|token| format!("/{token}")).collect()
    }

    /// The problem and, where it can be told, the remedy.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for ArgumentProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.0.is_empty() {
            true => write!(f, "arguments: {}", self.message),
            false => write!(f, "{}: {}", self.path, self.message),
        }
    }
}

/// Arguments that do not fit the schema of their tool. `Display` names the problems.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidArguments {
    problems: Vec<ArgumentProblem>,
    more: usize,
    is_explained: bool,
}

impl InvalidArguments {
    /// The problems, the first 32 of them.
    #[must_use]
    pub fn problems(&self) -> &[ArgumentProblem] {
        &self.problems
    }

    /// Whether the problems say where in the arguments they are.
    pub(crate) fn is_explained(&self) -> bool {
        self.is_explained
    }

    /// Arguments that cannot be read.
    pub(super) fn unreadable(error: &serde_json::Error) -> Self {
        Self { problems: vec![ArgumentProblem::of_whole(error)], more: 0, is_explained: false }
    }

    /// Arguments with more violations than memory should be spent on.
    pub(super) fn too_long_to_explain(bytes: usize) -> Self {
        let message = format!("they do not fit the tool's schema, and with {bytes} bytes are too long to say where");
        Self { problems: vec![ArgumentProblem { path: Path(Vec::new()), message }], more: 0, is_explained: false }
    }

    /// Every violation in words, those past the limit only counted.
    pub(super) fn of(schema: &Value, errors: &[ValidationError<'_>]) -> Self {
        let mut invalid = Self { problems: Vec::new(), more: 0, is_explained: true };
        for error in errors {
            let room = MAX_PROBLEMS - invalid.problems.len();
            let (told, more) = told(schema, error, room);
            invalid.problems.extend(told);
            invalid.more += more;
        }
        invalid
    }
}

impl fmt::Display for InvalidArguments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("invalid arguments: ")?;
        for (position, problem) in self.problems.iter().enumerate() {
            let separator = if position == 0 { "" } else { "; " };
            write!(f, "{separator}{problem}")?;
        }
        if self.more > 0 {
            write!(f, "; and {} more", self.more)?;
        }
        Ok(())
    }
}

impl std::error::Error for InvalidArguments {}

impl InvalidArguments {
    /// The failure of a call, with the code [`INVALID_ARGUMENTS`](code::INVALID_ARGUMENTS) and each problem in its details.
    pub(crate) fn into_tool_error(self) -> ToolError {
        let problems = self.problems.iter();
        let details: Vec<_> =
            problems.map(|problem| json!({"path": problem.pointer(), "message": problem.message})).collect();
        ToolError::new(self.to_string()).with_code(code::INVALID_ARGUMENTS).with_details(json!({ "problems": details }))
    }
}

/// A violation in words, as at most `room` problems, and the number of further ones.
fn told(schema: &Value, error: &ValidationError<'_>, room: usize) -> (Vec<ArgumentProblem>, usize) {
    let path = Path::of(error.instance_path());
    let one = |path, message: &dyn Fn() -> String| match room {
        0 => (Vec::new(), 1),
        _ => (vec![ArgumentProblem { path, message: message() }], 0),
    };
    match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            let known = known_names(schema, error);
            let told = unexpected.iter().take(room);
            let told = told
                .map(|name| ArgumentProblem { path: path.clone().join(name), message: no_such_member(name, &known) });
            (told.collect(), unexpected.len().saturating_sub(room))
        }
        ValidationErrorKind::Required { property: Value::String(name) } => {
            one(path.join(name), &|| "it is required and missing".to_owned())
        }
        // The branch that comes nearest tells most.
        ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context } => {
            match nearest_branch(error, context) {
                Some(branch) => {
                    let InvalidArguments { mut problems, more, .. } = InvalidArguments::of(schema, branch);
                    let over = problems.len().saturating_sub(room);
                    problems.truncate(room);
                    (problems, more + over)
                }
                None => one(path, &|| no_branch(error, context)),
            }
        }
        _ => one(path, &|| sentence(error)),
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
