//! [`sentences`]: puts the keywords that a dialect lacks into words. A model reads the sentences in the description.

use serde_json::{Map, Value};

/// Sentences for the keywords of a node that `are_lost`; empty if none of them demands anything of a value.
///
/// Unknown keywords, titles and the formats of numbers (`uint32`) are not worth saying.
pub(super) fn sentences(node: &Map<String, Value>, are_lost: impl Fn(&str) -> bool) -> String {
    let lost = |keyword: &str| node.get(keyword).filter(|_| are_lost(keyword));
    let mut said = Vec::new();
    let mut say = |sentence: Option<String>| said.extend(sentence);
    say(text(lost("format")).filter(|_| !is_numeric(node)).map(|format| format!("Format: {format}.")));
    say(text(lost("pattern")).map(|pattern| format!("Matches the pattern `{pattern}`.")));
    say(text(lost("contentEncoding")).map(|encoding| format!("Encoded as {encoding}.")));
    say(text(lost("contentMediaType")).map(|media_type| format!("Holds {media_type}.")));
    say(count(lost("minLength"), lost("maxLength"), "character"));
    say(count(lost("minItems"), lost("maxItems"), "item"));
    say(count(lost("minProperties"), lost("maxProperties"), "key"));
    say(is_true(lost("uniqueItems")).then(|| "No item twice.".to_owned()));
    for (keyword, words) in BOUNDS {
        say(lost(keyword).filter(|bound| bound.is_number()).map(|bound| format!("{words} {bound}.")));
    }
    say(lost("const").map(|value| format!("Always {value}.")));
    say(list(lost("enum")).map(|values| format!("One of {values}.")));
    say(lost("default").filter(|value| !value.is_null()).map(|value| format!("Default: {value}.")));
    say(list(lost("examples")).map(|values| format!("For example: {values}.")));
    say(is_true(lost("deprecated")).then(|| "Deprecated.".to_owned()));
    said.extend(conditions(node, &are_lost));
    said.join(" ")
}

/// The conditions among those keywords that are schemas themselves, as sentences.
pub(super) fn conditions(node: &Map<String, Value>, are_lost: impl Fn(&str) -> bool) -> Vec<String> {
    let lost = |keyword: &str| node.get(keyword).filter(|_| are_lost(keyword));
    let mut said = Vec::new();
    said.extend(lost("not").map(|schema| format!("Must not fit: {}.", in_short(schema))));
    if let Some(condition) = lost("if") {
        let branches = [("then", "If it fits"), ("else", "Unless it fits")];
        let branches = branches.iter().filter_map(|(keyword, words)| Some((words, node.get(*keyword)?)));
        said.extend(
            branches.map(|(words, schema)| {
                format!("{words} {}, it must also fit {}.", in_short(condition), in_short(schema))
            }),
        );
    }
    for keyword in ["dependentRequired", "dependentSchemas", "dependencies"] {
        let conditions = lost(keyword).and_then(Value::as_object).into_iter().flatten();
        said.extend(conditions.map(|(name, needed)| match needed.as_array() {
            Some(names) if names.len() == 1 => format!("With `{name}`, {} is required.", named(names)),
            Some(names) => format!("With `{name}`, {} are required.", named(names)),
            None => format!("With `{name}`, it must also fit {}.", in_short(needed)),
        }));
    }
    said.extend(lost("contains").map(|schema| format!("Some item must fit: {}.", in_short(schema))));
    said.extend(lost("propertyNames").map(|schema| match schema.get("pattern").and_then(Value::as_str) {
        Some(pattern) => format!("Keys match the pattern `{pattern}`."),
        None => format!("Keys must fit: {}.", in_short(schema)),
    }));
    said
}

/// Names of keys, one after the other.
pub(super) fn named(names: &[Value]) -> String {
    let names: Vec<_> = names.iter().filter_map(Value::as_str).map(|name| format!("`{name}`")).collect();
    names.join(" and ")
}

/// The longest schema in a sentence, in characters.
const MAX_SCHEMA_CHARS: usize = 300;

/// A schema as JSON, cut where it is long.
pub(super) fn in_short(schema: &Value) -> String {
    let text = schema.to_string();
    match text.char_indices().nth(MAX_SCHEMA_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// Two texts, each a sentence or more, one after the other.
pub(super) fn join(first: &str, second: &str) -> String {
    let first = first.trim_end();
    match (first.is_empty(), second.is_empty()) {
        (true, _) => second.to_owned(),
        (_, true) => first.to_owned(),
        _ if first.ends_with(['.', '!', '?', ':', ';']) => format!("{first} {second}"),
        _ => format!("{first}. {second}"),
    }
}

/// Puts a text before what a node's description says already.
pub(super) fn describe(node: &mut Map<String, Value>, text: &str) {
    let earlier = node.get("description").and_then(Value::as_str).unwrap_or_default();
    let description = join(text, earlier);
    if !description.is_empty() {
        node.insert("description".to_owned(), description.into());
    }
}

const BOUNDS: [(&str, &str); 5] = [
    ("minimum", "At least"),
    ("exclusiveMinimum", "More than"),
    ("maximum", "At most"),
    ("exclusiveMaximum", "Less than"),
    ("multipleOf", "A multiple of"),
];

fn is_numeric(node: &Map<String, Value>) -> bool {
    let is_number = |kind: &Value| kind == "integer" || kind == "number";
    match node.get("type") {
        Some(Value::Array(kinds)) => kinds.iter().any(is_number),
        Some(kind) => is_number(kind),
        None => false,
    }
}

fn count(min: Option<&Value>, max: Option<&Value>, noun: &str) -> Option<String> {
    let min = min.and_then(Value::as_u64).filter(|min| *min > 0);
    let counted = |number: u64| if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") };
    match (min, max.and_then(Value::as_u64)) {
        (Some(min), Some(max)) if min == max => Some(format!("Exactly {}.", counted(max))),
        (Some(min), Some(max)) => Some(format!("{min} to {}.", counted(max))),
        (Some(min), None) => Some(format!("At least {}.", counted(min))),
        (None, Some(max)) => Some(format!("At most {}.", counted(max))),
        (None, None) => None,
    }
}

fn text(value: Option<&Value>) -> Option<&str> {
    value?.as_str()
}

fn is_true(value: Option<&Value>) -> bool {
    value == Some(&Value::Bool(true))
}

fn list(values: Option<&Value>) -> Option<String> {
    let values = values?.as_array().filter(|values| !values.is_empty())?;
    Some(values.iter().map(Value::to_string).collect::<Vec<_>>().join(", "))
}
