//! [`decode`]: reads JSON that a caller sent as a type. The error names the wrong member and the value that is expected there.

use serde::Deserialize;
use serde_json::Error;
use serde_path_to_error::{Path, Segment};

/// Reads JSON.
///
/// # Errors
/// The mistake for the caller, such as "`user_id` is required" or "`limit` must be a whole number from 0 on".
pub(crate) fn decode<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, String> {
    // The path of a mistake costs time, so it is looked for only after one.
    serde_json::from_str(text).map_err(|error| match mistake::<T>(text) {
        Some((path, error)) => words(&path, &without_place(&error)),
        None => format!("it is no JSON: {error}"),
    })
}

/// The path of the value that does not fit the type, and the reason; none if the text is no JSON.
fn mistake<'a, T: Deserialize<'a>>(text: &'a str) -> Option<(String, Error)> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let error = serde_path_to_error::deserialize::<_, T>(&mut deserializer).err()?;
    let path = name_of(error.path());
    Some((path, error.into_inner())).filter(|(_, error)| error.is_data())
}

/// The place of a value as callers write it: `profile.tools[2]`; empty for the whole text.
fn name_of(path: &Path) -> String {
    let mut name = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => name.push_str(&format!("[{index}]")),
            Segment::Map { key } => {
                let dot = if name.is_empty() { "" } else { "." };
                name.push_str(&format!("{dot}{key}"));
            }
            // A variant has no name of its own in the text, and an unknown place has none at all.
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    name
}

/// The text of an error without the line and the column, which a caller that sends one line has no use for.
fn without_place(error: &Error) -> String {
    let text = error.to_string();
    match text.rfind(" at line ") {
        Some(at) if error.line() > 0 => text[..at].to_owned(),
        _ => text,
    }
}

/// A mistake in the value of `path`, of which a decoder has said `reason`.
pub(crate) fn words(path: &str, reason: &str) -> String {
    let whole = path.is_empty();
    let (of, name) =
        if whole { (String::new(), "it".to_owned()) } else { (format!("`{path}`: "), format!("`{path}`")) };
    if let Some(member) = quoted(reason, "missing field ") {
        let dot = if whole { "" } else { "." };
        return format!("`{path}{dot}{member}` is required");
    }
    if let Some(member) = quoted(reason, "duplicate field ") {
        return format!("`{member}` is there twice");
    }
    if let Some(rest) = reason.strip_prefix("unknown field ") {
        // The path ends with the member that is not known.
        return match rest.split_once(", expected ") {
            Some((member, known)) => format!("there is no member {member}; the members are {}", listed(known)),
            None => format!("there is no member {rest}"),
        };
    }
    if let Some(rest) = reason.strip_prefix("unknown variant ") {
        return match rest.split_once(", expected ") {
            Some((_, known)) => format!("{name} must be one of {}", listed(known)),
            None => format!("{name} must not be {rest}"),
        };
    }
    if let Some((found, expected)) = found_and_expected(reason) {
        return format!("{name} must be {}, and it is {}", kind(expected), found_kind(found));
    }
    match reason {
        "invalid digit found in string"
        | "cannot parse integer from empty string"
        | "number too large to fit in target type" => format!("{name} must be a whole number from 0 on"),
        "provided string was not `true` or `false`" => format!("{name} must be `true` or `false`"),
        other => format!("{of}{other}"),
    }
}

/// The name between backticks behind a prefix.
fn quoted<'a>(reason: &'a str, prefix: &str) -> Option<&'a str> {
    reason.strip_prefix(prefix)?.strip_prefix('`')?.strip_suffix('`')
}

fn listed(known: &str) -> &str {
    known.strip_prefix("one of ").unwrap_or(known)
}

/// The parts of "invalid type: string "x", expected a sequence".
fn found_and_expected(reason: &str) -> Option<(&str, &str)> {
    let rest = ["invalid type: ", "invalid value: "].into_iter().find_map(|prefix| reason.strip_prefix(prefix))?;
    // The last one: a string that was found may have the word in it.
    rest.rsplit_once(", expected ")
}

/// The value that a decoder expects, in words.
fn kind(expected: &str) -> &str {
    match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number from 0 on",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        "a boolean" => "`true` or `false`",
        "a sequence" => "a list",
        "a map" => "an object",
        name if name.starts_with("struct ") => "an object",
        other => other,
    }
}

/// The kind of a value that was found. The value itself may be a secret in the wrong place.
fn found_kind(found: &str) -> &str {
    match found.split_whitespace().next().unwrap_or_default() {
        "string" | "character" => "a string",
        "integer" | "floating" | "number" => match found.contains("`-") {
            true => "a number below 0",
            false => "a number",
        },
        "boolean" => "`true` or `false`",
        "sequence" => "a list",
        "map" => "an object",
        "null" | "unit" | "Option" => "null",
        _ => "something else",
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Role {
        Viewer,
        Admin,
    }

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only mistakes are read")]
    struct Inner {
        model: String,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    #[expect(dead_code, reason = "only mistakes are read")]
    struct Form {
        user_id: String,
        limit: Option<usize>,
        offset: Option<i64>,
        stop: Option<bool>,
        role: Option<Role>,
        profile: Option<Inner>,
        tools: Option<Vec<String>>,
    }

    #[test]
    fn a_mistake_names_the_member_and_what_it_must_be_and_not_its_value() {
        for (text, expected) in [
            (r#"{}"#, "`userId` is required"),
            (r#"{"userId": 7}"#, "`userId` must be a string, and it is a number"),
            (r#"{"userId": null}"#, "`userId` must be a string, and it is null"),
            (r#"{"userId": "u", "limit": -1}"#, "`limit` must be a whole number from 0 on, and it is a number below 0"),
            (r#"{"userId": "u", "limit": "hunter2"}"#, "`limit` must be a whole number from 0 on, and it is a string"),
            (r#"{"userId": "u", "offset": 1.5}"#, "`offset` must be a whole number, and it is a number"),
            (r#"{"userId": "u", "stop": []}"#, "`stop` must be `true` or `false`, and it is a list"),
            (r#"{"userId": "u", "role": "hunter2"}"#, "`role` must be one of `viewer` or `admin`"),
            (r#"{"userId": "u", "profile": {}}"#, "`profile.model` is required"),
            (r#"{"userId": "u", "profile": 7}"#, "`profile` must be an object, and it is a number"),
            (r#"{"userId": "u", "tools": ["a", 7]}"#, "`tools[1]` must be a string, and it is a number"),
            (r#"{"userId": "u", "userId": "v"}"#, "`userId` is there twice"),
        ] {
            let told = decode::<Form>(text).unwrap_err();
            assert_eq!(told, expected, "{text}");
        }
        let unknown = decode::<Form>(r#"{"userId": "u", "agent": 1}"#).unwrap_err();
        assert!(unknown.starts_with("there is no member `agent`; the members are `userId`, `limit`"), "{unknown}");
        let broken = decode::<Form>(r#"{"userId": "#).unwrap_err();
        assert!(broken.starts_with("it is no JSON: ") && broken.contains("line 1"), "{broken}");
    }

    #[test]
    fn a_mistake_in_the_query_of_a_url_is_told_in_the_same_words() {
        let digit = words("limit", "invalid digit found in string");
        assert_eq!(digit, "`limit` must be a whole number from 0 on");
        assert_eq!(words("", "missing field `tool`"), "`tool` is required");
    }
}
