//! [`problems_of`]: describes every violation of a tool's schema as a problem with its path in the arguments. `violation_texts.rs` has the
//! words.

use std::collections::{BTreeSet, HashSet};

use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind;
use serde_json::Value;

use super::problem::{ArgumentProblem, InvalidArguments, Path};
use super::violation_texts::{alternatives, missing, must_be_option, no_such_member, option, quoted, sentence, types};

/// The most names that a suggestion is looked for among.
const MAX_SUGGESTED_FROM: usize = 256;

/// The violations of one branch of `anyOf` or `oneOf`.
type Branch = Vec<ValidationError<'static>>;

/// The schema that is violated, and the values that were made lists of before.
pub(super) struct Violations<'a> {
    pub(super) schema: &'a Value,
    pub(super) wrapped: &'a BTreeSet<Path>,
}

/// Every violation in words, those past the limit only counted, behind the members that are given twice.
pub(super) fn problems_of(
    violations: &Violations<'_>,
    errors: &[ValidationError<'_>],
    repeated: Vec<Path>,
) -> InvalidArguments {
    let mut invalid = InvalidArguments::explained();
    let twice = |path| ArgumentProblem::new(path, "it is given twice");
    invalid.add(repeated.into_iter().map(twice).collect(), 0);
    let told_by_options: HashSet<&str> =
        errors.iter().filter(|error| expected(error).is_some()).map(|error| error.instance_path().as_str()).collect();
    for error in errors {
        let is_type = matches!(error.kind(), ValidationErrorKind::Type { .. });
        // A value of another type is told of by its options already.
        if is_type && told_by_options.contains(error.instance_path().as_str()) {
            continue;
        }
        let (told, more) = violations.told(error, invalid.room());
        invalid.add(told, more);
    }
    invalid
}

impl Violations<'_> {
    /// A violation in words, as at most `room` problems, and the number of further ones.
    fn told(&self, error: &ValidationError<'_>, room: usize) -> (Vec<ArgumentProblem>, usize) {
        let path = Path::of(error.instance_path());
        let one = |path, message: &dyn Fn() -> String| match room {
            0 => (Vec::new(), 1),
            _ => (vec![ArgumentProblem::new(path, message())], 0),
        };
        match error.kind() {
            ValidationErrorKind::AdditionalProperties { unexpected }
            | ValidationErrorKind::UnevaluatedProperties { unexpected } => {
                let known = self.known_names(error);
                let told = unexpected.iter().take(room).map(|name| {
                    let message = no_such_member(name, error.instance().get(name), &known);
                    ArgumentProblem::new(path.clone().join(name), message)
                });
                (told.collect(), unexpected.len().saturating_sub(room))
            }
            ValidationErrorKind::Required { property: Value::String(name) } => {
                one(path.join(name), &|| missing(name, &self.unknown_names(error), &[]))
            }
            ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context } => {
                self.told_of_branches(error, context, room)
            }
            ValidationErrorKind::Type { kind } => match path.wrapped_in(self.wrapped) {
                Some(sent) => one(sent, &|| {
                    format!("{} must be a list, each item {}", quoted(error.instance()), alternatives(&types(kind)))
                }),
                None => one(path, &|| sentence(error)),
            },
            _ => one(path, &|| sentence(error)),
        }
    }

    /// The branch that comes nearest tells most. Where the branches differ in the value of a member, its values are told.
    fn told_of_branches(
        &self,
        error: &ValidationError<'_>,
        branches: &[Branch],
        room: usize,
    ) -> (Vec<ArgumentProblem>, usize) {
        if let Some((name, options)) = self.missing_tag(error, branches) {
            let path = Path::of(error.instance_path()).join(name);
            let problem = || ArgumentProblem::new(path, missing(name, &[], &options));
            return if room == 0 { (Vec::new(), 1) } else { (vec![problem()], 0) };
        }
        if let Some(branch) = nearest_branch(error, branches) {
            let mut told = (Vec::new(), 0);
            for inner in branch {
                let (problems, more) = self.told(inner, room.saturating_sub(told.0.len()));
                told.0.extend(problems);
                told.1 += more;
            }
            return told;
        }
        let (path, message) = match tag_of(error, branches) {
            Some((path, value, options)) => (path, must_be_option(value, &options)),
            None => (Path::of(error.instance_path()), no_branch(error, branches)),
        };
        if room == 0 { (Vec::new(), 1) } else { (vec![ArgumentProblem::new(path, message)], 0) }
    }

    /// The member that says which branch is meant, if it is missing, and its values: each of several branches requires it to be another
    /// one.
    fn missing_tag<'a>(&self, error: &ValidationError<'_>, branches: &'a [Branch]) -> Option<(&'a str, Vec<Value>)> {
        let objects: Vec<_> = branches.iter().filter(|branch| !is_other_type(error, branch)).collect();
        let (first, _) = objects.split_first().filter(|(_, others)| !others.is_empty())?;
        first.iter().filter_map(|inner| required_of(error, inner)).find_map(|name| {
            let values = objects.iter().map(|branch| {
                let inner = branch.iter().find(|inner| required_of(error, inner) == Some(name))?;
                let schema = self.parent(inner)?.get("properties")?.get(name)?;
                schema.get("const").cloned().or_else(|| schema.get("enum")?.as_array()?.first().cloned())
            });
            Some((name, values.collect::<Option<Vec<_>>>()?))
        })
    }

    /// The names that the schema of a violation declares beside the keyword that is violated.
    fn known_names(&self, error: &ValidationError<'_>) -> Vec<&str> {
        let properties = self.parent(error).and_then(|schema| schema.get("properties"));
        properties.and_then(Value::as_object).into_iter().flat_map(serde_json::Map::keys).map(String::as_str).collect()
    }

    /// The schema that has the violated keyword.
    fn parent(&self, error: &ValidationError<'_>) -> Option<&Value> {
        let parent = error.schema_path().as_str().rsplit_once('/').map_or("", |(parent, _)| parent);
        self.schema.pointer(parent)
    }

    /// The names in an object that its schema does not declare, and takes all the same.
    fn unknown_names<'a>(&self, error: &'a ValidationError<'_>) -> Vec<&'a str> {
        let known: HashSet<_> = self.known_names(error).into_iter().collect();
        let others = self.parent(error).and_then(|schema| schema.get("additionalProperties"));
        if others == Some(&Value::Bool(false)) {
            return Vec::new();
        }
        let members = error.instance().as_object();
        let names = members.into_iter().flat_map(|members| members.keys()).map(String::as_str);
        names.filter(|name| !known.contains(name)).take(MAX_SUGGESTED_FROM).collect()
    }
}

/// The branch with the fewest violations of those whose violations all lie within the value. The other branches do not even have its
/// type, or are about another variant.
fn nearest_branch<'a>(error: &ValidationError<'_>, branches: &'a [Branch]) -> Option<&'a Branch> {
    let is_near = |branch: &&Branch| {
        !branch.iter().any(|inner| {
            let options = expected(inner);
            let is_other_kind = matches!(inner.kind(), ValidationErrorKind::Type { .. }) || options.is_some();
            is_other_kind && inner.instance_path() == error.instance_path()
                || options.is_some_and(|options| options.len() == 1)
        })
    };
    branches.iter().filter(is_near).min_by_key(|branch| branch.len())
}

/// True if a branch takes values of another type only.
fn is_other_type(error: &ValidationError<'_>, branch: &Branch) -> bool {
    branch.iter().any(|inner| {
        matches!(inner.kind(), ValidationErrorKind::Type { .. }) && inner.instance_path() == error.instance_path()
    })
}

/// The member of the value itself whose absence is the violation.
fn required_of<'a>(error: &ValidationError<'_>, inner: &'a ValidationError<'_>) -> Option<&'a str> {
    match inner.kind() {
        ValidationErrorKind::Required { property: Value::String(name) }
            if inner.instance_path() == error.instance_path() =>
        {
            Some(name)
        }
        _ => None,
    }
}

/// The values that a violation expects one of.
fn expected<'a>(error: &'a ValidationError<'_>) -> Option<&'a [Value]> {
    match error.kind() {
        ValidationErrorKind::Constant { expected_value } => Some(std::slice::from_ref(expected_value)),
        ValidationErrorKind::Enum { options } => options.as_array().map(Vec::as_slice),
        _ => None,
    }
}

/// The member whose value says which branch is meant: each branch expects another value of it. Branches without an object are left
/// aside.
fn tag_of<'a>(error: &ValidationError<'_>, branches: &'a [Branch]) -> Option<(Path, &'a Value, Vec<Value>)> {
    if !error.instance().is_object() {
        return None;
    }
    let mut objects = branches.iter().filter(|branch| !is_other_type(error, branch));
    let first = objects.next()?.iter().find(|inner| expected(inner).is_some())?;
    let mut options = expected(first)?.to_vec();
    for branch in objects {
        let same = branch.iter().find(|inner| inner.instance_path() == first.instance_path())?;
        options.extend_from_slice(expected(same)?);
    }
    Some((Path::of(first.instance_path()), first.instance(), options))
}

/// The types or values that would be taken, if every branch says one.
fn no_branch(error: &ValidationError<'_>, branches: &[Branch]) -> String {
    let (mut taken, mut options) = (Vec::new(), Vec::new());
    for inner in branches.iter().flatten().filter(|inner| inner.instance_path() == error.instance_path()) {
        match inner.kind() {
            ValidationErrorKind::Type { kind } => taken.extend(types(kind).into_iter().map(str::to_owned)),
            _ => options.extend_from_slice(expected(inner).unwrap_or_default()),
        }
    }
    if taken.is_empty() && !options.is_empty() {
        return must_be_option(error.instance(), &options);
    }
    taken.extend(options.iter().map(option));
    let mut seen = BTreeSet::new();
    taken.retain(|word| seen.insert(word.clone()));
    match taken.is_empty() {
        true => format!("{} fits none of the forms that the schema allows", quoted(error.instance())),
        false => format!("{} must be {}", quoted(error.instance()), alternatives(&taken)),
    }
}
