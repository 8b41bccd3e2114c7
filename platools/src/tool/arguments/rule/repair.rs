//! [`changes`]: proposes changes for arguments that violate a schema, such as `42` for `"42"`. `json_edits.rs` applies them.

use jsonschema::error::TypeKind;
use jsonschema::error::ValidationErrorKind;
use jsonschema::{JsonType, ValidationError};
use serde_json::Value;

use super::enum_option::meant_option;
use super::json_in_text::json_in;
use super::problem::Path;

/// The names that models give the only member of an object when they write a list as an object.
const LIST_NAMES: [&str; 8] = ["item", "items", "list", "array", "value", "values", "element", "elements"];

/// A change of one value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Change {
    /// Another value takes its place, given as JSON.
    Replace(String),
    /// The option that is meant takes its place, given as JSON.
    Respell(String),
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
            Self::Replace(_) | Self::Respell(_) | Self::Wrap => {}
        }
        true
    }

    /// Distance of the changed value from the sent one. Of several readings the nearest is taken.
    fn distance(&self) -> usize {
        match self {
            Self::LeaveOut { .. } => 0,
            Self::Replace(_) | Self::Respell(_) => 1,
            Self::Wrap => 2,
        }
    }
}

/// A change, and the value that it is about.
pub(super) type PlacedChange = (Path, Change);

/// The changes that make up for a violation; `None` if nothing does.
pub(super) fn changes(error: &ValidationError<'_>) -> Option<Vec<PlacedChange>> {
    let instance = error.instance();
    let path = || Path::of(error.instance_path());
    let one = |change: Change| vec![(path(), change)];
    match error.kind() {
        ValidationErrorKind::Type { kind } => {
            let takes = |json_type| is_taken(kind, json_type);
            let is_nothing = is_nothing(instance) || is_word_for_nothing(instance) && !takes(JsonType::Array);
            if is_nothing && !(takes(JsonType::String) && instance.is_string()) {
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
        | ValidationErrorKind::Not { .. }
            if is_nothing(instance) =>
        {
            Some(one(Change::LeaveOut { or_null: false }))
        }
        ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context } => nearest(context),
        _ => None,
    }
}

/// The changes of the branch that is nearest to what was sent.
fn nearest(branches: &[Vec<ValidationError<'static>>]) -> Option<Vec<PlacedChange>> {
    let branches = branches.iter().filter_map(|errors| {
        let changes: Vec<_> = errors.iter().map(changes).collect::<Option<Vec<_>>>()?.into_iter().flatten().collect();
        (!changes.is_empty()).then_some(changes)
    });
    let mut best: Option<(usize, Vec<PlacedChange>)> = None;
    for changes in branches {
        let distance = changes.iter().map(|(_, change)| change.distance()).sum();
        match &mut best {
            // Two branches have options that read like the text: no one of them is meant.
            Some((known, best)) if *known == distance && respells(best) && respells(&changes) && *best != changes => {
                return None;
            }
            Some((known, best)) if *known == distance => allow_null(best, &changes),
            Some((known, _)) if *known < distance => {}
            _ => best = Some((distance, changes)),
        }
    }
    best.map(|(_, changes)| changes)
}

fn respells(changes: &[PlacedChange]) -> bool {
    changes.iter().any(|(_, change)| matches!(change, Change::Respell(_)))
}

/// Has a member become `null` if one of two equal readings allows that.
fn allow_null(best: &mut [PlacedChange], other: &[PlacedChange]) {
    if let ([(path, Change::LeaveOut { or_null })], [(same, Change::LeaveOut { or_null: true })]) = (best, other)
        && path == same
    {
        *or_null = true;
    }
}

/// True if a value stands for one that was left out: models write these for want of a way to leave an argument out.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => matches!(text.trim(), "" | "null"),
        _ => false,
    }
}

/// True if a value is the word of a programming language for no value.
fn is_word_for_nothing(value: &Value) -> bool {
    let is_word = |text: &str| ["none", "null", "undefined"].iter().any(|word| text.eq_ignore_ascii_case(word));
    value.as_str().is_some_and(|text| is_word(text.trim()))
}

/// The value that a text spells, or a list of the value, whichever is taken.
fn converted(value: &Value, takes: &impl Fn(JsonType) -> bool) -> Option<Change> {
    if let Value::String(text) = value
        && let Some(json) = json_in(text)
        && is_one_of(&json, takes)
    {
        return Some(Change::Replace(json.into_owned()));
    }
    (takes(JsonType::Array) && is_one_value(value)).then_some(Change::Wrap)
}

/// True if a value certainly is one, where a list is meant. Texts that list several, or begin like JSON and are none, may be a list in
/// another form, and so may objects with a list or numbered members.
fn is_one_value(value: &Value) -> bool {
    match value {
        Value::Null | Value::Array(_) => false,
        Value::Bool(_) | Value::Number(_) => true,
        Value::String(text) => match json_in(text).and_then(|json| serde_json::from_str(&json).ok()) {
            Some(json) => is_one_value(&json),
            None => {
                let text = text.trim();
                let lists_several = text.starts_with(['[', '{', '<', '`']) || text.contains([',', '\n', ';']);
                !text.is_empty() && !lists_several && !is_word_for_nothing(value)
            }
        },
        Value::Object(members) => {
            let is_numbered = members.keys().enumerate().all(|(index, name)| *name == index.to_string());
            let is_list = |(name, member): (&String, &Value)| member.is_array() && LIST_NAMES.contains(&name.as_str());
            let is_wrapped_list = members.len() == 1 && members.iter().all(is_list);
            !is_numbered && !is_wrapped_list
        }
    }
}

/// True if JSON is of a type that is taken. Strings and `null` are not meant by a text that spells them.
fn is_one_of(json: &str, takes: &impl Fn(JsonType) -> bool) -> bool {
    match json.as_bytes().first() {
        Some(b'{') => takes(JsonType::Object),
        Some(b'[') => takes(JsonType::Array),
        Some(b't' | b'f') => takes(JsonType::Boolean),
        Some(b'"' | b'n') | None => false,
        Some(_) => takes(JsonType::Number) || takes(JsonType::Integer) && is_whole(json),
    }
}

/// True if a number has no fraction, as `5`, `5.0` and `5e1`.
fn is_whole(number: &str) -> bool {
    let has_point = number.bytes().any(|byte| matches!(byte, b'.' | b'e' | b'E'));
    !has_point || number.parse::<f64>().is_ok_and(|number| number.fract() == 0.0)
}

/// The option that a text means: the one that it spells, or the string that it differs from in its case and separators alone.
fn among(value: &Value, options: &[Value]) -> Option<Change> {
    if let Some(option) = value.as_str().and_then(|text| meant_option(text, options)) {
        return Some(Change::Respell(Value::from(option).to_string()));
    }
    if is_nothing(value) || is_word_for_nothing(value) {
        return Some(Change::LeaveOut { or_null: !value.is_null() && options.contains(&Value::Null) });
    }
    let json = json_in(value.as_str()?)?;
    let value: Value = serde_json::from_str(&json).ok()?;
    (!value.is_string() && options.contains(&value)).then(|| Change::Replace(json.into_owned()))
}

fn is_taken(kind: &TypeKind, json_type: JsonType) -> bool {
    match kind {
        TypeKind::Single(single) => *single == json_type,
        TypeKind::Multiple(set) => set.contains(json_type),
    }
}
