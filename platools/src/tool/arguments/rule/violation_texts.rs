//! [`sentence`]: describes one violation of a schema in words: the required value, and the name or option that was probably meant.

use std::borrow::Cow;

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{JsonType, ValidationError};
use serde_json::Value;

use super::enum_option::meant_option;
use super::json_in_text::json_in;
use crate::tool::arguments::suggestion::did_you_mean;

/// The longest value or name that is quoted, in characters.
const MAX_QUOTED_CHARS: usize = 60;

/// The longest pattern that is told whole, in characters.
const MAX_PATTERN_CHARS: usize = 400;

/// The most options and names that are listed.
const MAX_LISTED: usize = 24;

/// A violation in words.
pub(super) fn sentence(error: &ValidationError<'_>) -> String {
    let value = || quoted(error.instance());
    match error.kind() {
        ValidationErrorKind::Type { kind } => {
            let why = if is_broken_json(error.instance()) { "; the text cannot be read as JSON" } else { "" };
            format!("{} must be {}{why}", value(), alternatives(&types(kind)))
        }
        ValidationErrorKind::Enum { options } => {
            must_be_option(error.instance(), options.as_array().map(Vec::as_slice).unwrap_or_default())
        }
        ValidationErrorKind::Constant { expected_value } => {
            must_be_option(error.instance(), std::slice::from_ref(expected_value))
        }
        ValidationErrorKind::Minimum { limit } => format!("{} is out of range: it must be at least {limit}", value()),
        ValidationErrorKind::Maximum { limit } => format!("{} is out of range: it must be at most {limit}", value()),
        ValidationErrorKind::ExclusiveMinimum { limit } => {
            format!("{} is out of range: it must be more than {limit}", value())
        }
        ValidationErrorKind::ExclusiveMaximum { limit } => {
            format!("{} is out of range: it must be less than {limit}", value())
        }
        ValidationErrorKind::MultipleOf { multiple_of } => format!("{} must be a multiple of {multiple_of}", value()),
        ValidationErrorKind::MinLength { limit } => format!("it must have at least {limit} characters"),
        ValidationErrorKind::MaxLength { limit } => format!("it must have at most {limit} characters"),
        ValidationErrorKind::MinItems { limit } => format!("it must have at least {limit} items"),
        ValidationErrorKind::MaxItems { limit } => format!("it must have at most {limit} items"),
        ValidationErrorKind::AdditionalItems { limit } => format!("it must have at most {limit} items"),
        ValidationErrorKind::UniqueItems => "an item is there twice".to_owned(),
        ValidationErrorKind::Contains => "it lacks an item that the schema requires".to_owned(),
        ValidationErrorKind::MinProperties { limit } => format!("it must have at least {limit} entries"),
        ValidationErrorKind::MaxProperties { limit } => format!("it must have at most {limit} entries"),
        ValidationErrorKind::Pattern { pattern } => {
            format!("it does not match the pattern {}", cut(pattern, MAX_PATTERN_CHARS))
        }
        ValidationErrorKind::PropertyNames { error } => format!("it has a name that is not taken: {}", sentence(error)),
        ValidationErrorKind::Not { .. } if error.instance().as_str() == Some("") => "it must not be empty".to_owned(),
        ValidationErrorKind::Not { .. } => format!("{} is a value that the schema excludes", value()),
        ValidationErrorKind::FalseSchema => "no value is taken here; leave it out".to_owned(),
        ValidationErrorKind::OneOfMultipleValid { .. } => {
            format!("{} fits more than one of the forms that the schema allows", value())
        }
        _ => error.masked_with(quoted(error.instance())).to_string(),
    }
}

/// Returns true if a value is a text that begins as a list or an object does. Where it could be read, it was taken for one.
fn is_broken_json(value: &Value) -> bool {
    let text = value.as_str().map(str::trim_start);
    text.is_some_and(|text| text.starts_with(['[', '{']) && json_in(text).is_none())
}

/// Says which options a value must be one of.
pub(super) fn must_be_option(value: &Value, options: &[Value]) -> String {
    let names: Vec<_> = options.iter().filter_map(Value::as_str).collect();
    let meant = value.as_str().and_then(|text| meant_option(text, options).or_else(|| did_you_mean(text, &names)));
    let meant = meant.map(|meant| format!("; did you mean \"{meant}\"?"));
    let options: Vec<_> = options.iter().map(option).collect();
    format!("{} must be {}{}", quoted(value), alternatives(&options), meant.unwrap_or_default())
}

/// Says that the schema does not have a member, with a suggestion.
pub(super) fn no_such_member(name: &str, value: Option<&Value>, known: &[&str]) -> String {
    if let Some(meant) = did_you_mean(name, known) {
        return format!("there is no such argument; did you mean `{meant}`?");
    }
    let inner = value.and_then(Value::as_object);
    let own: Vec<_> =
        inner.into_iter().flat_map(|members| members.keys()).filter(|name| known.contains(&name.as_str())).collect();
    match (own.is_empty(), known.is_empty()) {
        (false, _) => format!("there is no such argument; send what is in it, such as `{}`, without it", own[0]),
        (true, true) => "there is no such argument; none is taken here".to_owned(),
        (true, false) => format!("there is no such argument; taken are {}", listed(known, "and")),
    }
}

/// Says that a member is missing, with the name that was sent in its place.
pub(super) fn missing(name: &str, sent: &[&str], options: &[Value]) -> String {
    if !options.is_empty() {
        let options: Vec<_> = options.iter().map(option).collect();
        return format!("it is required and missing; it must be {}", alternatives(&options));
    }
    match did_you_mean(name, sent) {
        Some(sent) => format!("it is required and missing; was `{sent}` meant to be it?"),
        None => "it is required and missing".to_owned(),
    }
}

pub(super) fn types(kind: &TypeKind) -> Vec<&'static str> {
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

/// Words, the last of them behind an "or".
pub(super) fn alternatives(words: &[impl AsRef<str>]) -> String {
    if words.is_empty() { "something else".to_owned() } else { listed(words, "or") }
}

/// Words, as many as a reader looks at.
fn listed(words: &[impl AsRef<str>], before_last: &str) -> String {
    let told: Vec<_> = words.iter().take(MAX_LISTED).map(AsRef::as_ref).collect();
    let more = words.len() - told.len();
    match told.as_slice() {
        [] => String::new(),
        [only] => (*only).to_owned(),
        all if more > 0 => format!("{} {before_last} one of {more} more", all.join(", ")),
        [all @ .., last] => format!("{} {before_last} {last}", all.join(", ")),
    }
}

/// An option as JSON.
pub(super) fn option(value: &Value) -> String {
    shortened(&value.to_string()).into_owned()
}

/// The value as JSON, cut where it is long.
pub(super) fn quoted(value: &Value) -> String {
    match value {
        Value::Array(_) => "the list".to_owned(),
        Value::Object(_) => "the object".to_owned(),
        Value::String(text) => shortened(&Value::from(shortened(text).as_ref()).to_string()).into_owned(),
        scalar => scalar.to_string(),
    }
}

/// A text, cut where it is long.
pub(super) fn shortened(text: &str) -> Cow<'_, str> {
    cut(text, MAX_QUOTED_CHARS)
}

fn cut(text: &str, characters: usize) -> Cow<'_, str> {
    match text.char_indices().nth(characters) {
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
        None => Cow::Borrowed(text),
    }
}
