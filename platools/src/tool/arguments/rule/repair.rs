//! [`changes`]: the changes that make up for one violation of a schema.

use std::borrow::Cow;

use jsonschema::error::TypeKind;
use jsonschema::error::ValidationErrorKind;
use jsonschema::{JsonType, ValidationError};
use serde_json::Value;

use super::problem::Path;

/// A change of one value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Change {
    /// Another value takes its place, given as JSON.
    Replace(String),
    /// It becomes the only item of a list.
    Wrap,
    /// The member is left out. Where the schema requires the member, `null` takes the place of its value if the schema takes that.
    LeaveOut { or_null: bool },
}

impl Change {
    pub(super) fn may_leave_out(&self) -> bool {
        matches!(self, Self::LeaveOut { .. })
    }

    /// Keeps a member in that is required; `false` if no change is left then.
    pub(super) fn keep_in(&mut self) -> bool {
        match self {
            Self::LeaveOut { or_null: true } => *self = Self::Replace("null".to_owned()),
            Self::LeaveOut { or_null: false } => return false,
            Self::Replace(_) | Self::Wrap => {}
        }
        true
    }

    /// How far the changed value is from what was sent: of several readings the nearest is taken.
    fn distance(&self) -> usize {
        match self {
            Self::LeaveOut { .. } => 0,
            Self::Replace(_) => 1,
            Self::Wrap => 2,
        }
    }
}

/// A change, and the value that it is about.
pub(super) type At = (Path, Change);

/// The changes that make up for a violation; `None` if nothing does.
pub(super) fn changes(error: &ValidationError<'_>) -> Option<Vec<At>> {
    let instance = error.instance();
    let path = || Path::of(error.instance_path());
    let one = |change: Change| vec![(path(), change)];
    match error.kind() {
        ValidationErrorKind::Type { kind } => {
            let takes = |json_type| is_taken(kind, json_type);
            if is_nothing(instance) && !(takes(JsonType::String) && instance.is_string()) {
                return Some(one(Change::LeaveOut { or_null: !instance.is_null() && takes(JsonType::Null) }));
            }
            converted(instance, &takes).map(one)
        }
        ValidationErrorKind::Enum { options } => among(instance, options.as_array()?.as_slice()).map(one),
        ValidationErrorKind::Constant { expected_value } => {
            among(instance, std::slice::from_ref(expected_value)).map(one)
        }
        ValidationErrorKind::MinLength { .. }
        | ValidationErrorKind::Pattern { .. }
        | ValidationErrorKind::Format { .. }
            if is_nothing(instance) =>
        {
            Some(one(Change::LeaveOut { or_null: false }))
        }
        ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context } => nearest(context),
        _ => None,
    }
}

/// The changes of the branch that is nearest to what was sent.
fn nearest(branches: &[Vec<ValidationError<'static>>]) -> Option<Vec<At>> {
    let branches = branches.iter().filter_map(|errors| {
        let changes: Vec<_> = errors.iter().map(changes).collect::<Option<Vec<_>>>()?.into_iter().flatten().collect();
        (!changes.is_empty()).then_some(changes)
    });
    let mut best: Option<(usize, Vec<At>)> = None;
    for changes in branches {
        let distance = changes.iter().map(|(_, change)| change.distance()).sum();
        match &mut best {
            Some((known, best)) if *known == distance => allow_null(best, &changes),
            Some((known, _)) if *known < distance => {}
            _ => best = Some((distance, changes)),
        }
    }
    best.map(|(_, changes)| changes)
}

/// Has a member become `null` if one of two equal readings allows that.
fn allow_null(best: &mut [At], other: &[At]) {
    if let ([(path, Change::LeaveOut { or_null })], [(same, Change::LeaveOut { or_null: true })]) = (best, other)
        && path == same
    {
        *or_null = true;
    }
}

/// Whether a value stands for one that was left out: models write these for want of a way to leave an argument out.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => matches!(text.trim(), "" | "null"),
        _ => false,
    }
}

/// The value that a text spells, or a list of the value, whichever is taken.
fn converted(value: &Value, takes: &impl Fn(JsonType) -> bool) -> Option<Change> {
    if let Value::String(text) = value
        && let Some(json) = spelt(text)
        && is_one_of(&json, takes)
    {
        return Some(Change::Replace(json.into_owned()));
    }
    let may_be_item = !value.is_array() && !value.is_null() && takes(JsonType::Array);
    may_be_item.then_some(Change::Wrap)
}

/// The JSON that a text spells: a number, a boolean, a list or an object.
fn spelt(text: &str) -> Option<Cow<'_, str>> {
    let text = text.trim();
    if text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false") {
        return Some(text.to_ascii_lowercase().into());
    }
    serde_json::from_str::<&serde_json::value::RawValue>(text).ok().map(|_| Cow::Borrowed(text))
}

/// Whether JSON is of a type that is taken. Strings and `null` are not meant by a text that spells them.
fn is_one_of(json: &str, takes: &impl Fn(JsonType) -> bool) -> bool {
    match json.as_bytes().first() {
        Some(b'{') => takes(JsonType::Object),
        Some(b'[') => takes(JsonType::Array),
        Some(b't' | b'f') => takes(JsonType::Boolean),
        Some(b'"' | b'n') | None => false,
        Some(_) => takes(JsonType::Number) || takes(JsonType::Integer) && is_whole(json),
    }
}

/// Whether a number has no fraction, as `5`, `5.0` and `5e1`.
fn is_whole(number: &str) -> bool {
    let has_point = number.bytes().any(|byte| matches!(byte, b'.' | b'e' | b'E'));
    !has_point || number.parse::<f64>().is_ok_and(|number| number.fract() == 0.0)
}

/// The option that a text spells, if it is no string itself.
fn among(value: &Value, options: &[Value]) -> Option<Change> {
    if is_nothing(value) && !options.contains(value) {
        return Some(Change::LeaveOut { or_null: !value.is_null() && options.contains(&Value::Null) });
    }
    let json = spelt(value.as_str()?)?;
    let spelt: Value = serde_json::from_str(&json).ok()?;
    (!spelt.is_string() && options.contains(&spelt)).then(|| Change::Replace(json.into_owned()))
}

fn is_taken(kind: &TypeKind, json_type: JsonType) -> bool {
    match kind {
        TypeKind::Single(single) => *single == json_type,
        TypeKind::Multiple(set) => set.contains(json_type),
    }
}
