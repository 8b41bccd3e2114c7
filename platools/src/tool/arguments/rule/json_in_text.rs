//! [`spelt`]: finds JSON in a text, such as `"[1, 2]"`. [`meant_option`] finds the option of an `enum` that a text means, such as
//! `in_progress` for `In Progress`.

use std::borrow::Cow;

use serde_json::Value;
use serde_json::value::RawValue;

/// The text of the object that a JSON string holds, as for arguments that were encoded a second time; `None` for every other JSON.
///
/// ```
/// use platools::tool::object_in_text;
///
/// assert_eq!(object_in_text(r#""{\"n\": 1}""#).as_deref(), Some(r#"{"n": 1}"#));
/// assert_eq!(object_in_text(r#"{"n": 1}"#), None);
/// assert_eq!(object_in_text(r#""[1]""#), None);
/// ```
#[must_use]
pub fn object_in_text(json: &str) -> Option<String> {
    let text = json.starts_with('"').then(|| serde_json::from_str::<String>(json).ok()).flatten()?;
    spelt(&text).filter(|spelt| spelt.starts_with('{')).map(Cow::into_owned)
}

/// The JSON that a text spells: a number, a boolean, a list or an object. A text within the text is opened, too.
pub(super) fn spelt(text: &str) -> Option<Cow<'_, str>> {
    let text = unfenced(text);
    if text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false") {
        return Some(text.to_ascii_lowercase().into());
    }
    if text.starts_with('"') || text.contains("\\\"") && !is_json(text) {
        return in_quotes(text).and_then(|inner| spelt(&inner).map(|spelt| Cow::Owned(spelt.into_owned())));
    }
    is_json(text).then_some(Cow::Borrowed(text))
}

/// The text that a JSON string holds, also if its quotes are missing while those within it are escaped.
fn in_quotes(text: &str) -> Option<String> {
    let quoted = if text.starts_with('"') { Cow::Borrowed(text) } else { Cow::Owned(format!("\"{text}\"")) };
    let inner: String = serde_json::from_str(&quoted).ok()?;
    // Each text is shorter than the one around it, so this ends.
    (inner.len() < text.len()).then_some(inner)
}

/// The one string among options that differs from a text in its case and its separators only, or that the text holds in quotes.
///
/// `"In Progress"` means `"in_progress"` where no other option reads like it.
pub(super) fn meant_option<'a>(text: &str, options: &'a [Value]) -> Option<&'a str> {
    let text = text.trim();
    let inner = serde_json::from_str::<String>(text);
    let wanted = folded(inner.as_deref().unwrap_or(text));
    let mut alike = options.iter().filter_map(Value::as_str).filter(|option| folded(option) == wanted);
    alike.next().filter(|_| !wanted.is_empty() && alike.next().is_none())
}

/// The letters of a name in lower case, without separators between letters. Signs and separators beside digits stay.
fn folded(name: &str) -> String {
    let characters: Vec<char> = name.trim().chars().collect();
    let is_letter = |at: usize| characters.get(at).is_some_and(|character| character.is_alphabetic());
    let kept = characters.iter().enumerate().filter(|(at, character)| {
        let is_between = *at > 0 && is_letter(at - 1) && is_letter(at + 1);
        !(matches!(character, '_' | '-' | ' ') && is_between)
    });
    kept.flat_map(|(_, character)| character.to_lowercase()).collect()
}

/// A text without the white space around it, and without the code fence that models put around JSON.
fn unfenced(text: &str) -> &str {
    let text = trimmed(text);
    let fenced = text.strip_prefix("```").and_then(|rest| rest.strip_suffix("```"));
    let Some(inner) = fenced else { return text };
    let after_language = inner.strip_prefix("json").or_else(|| inner.strip_prefix("JSON")).unwrap_or(inner);
    trimmed(after_language)
}

fn trimmed(text: &str) -> &str {
    text.trim_matches(|character: char| character.is_whitespace() || character == '\u{feff}')
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<&RawValue>(text).is_ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_option_is_meant_if_case_and_separators_alone_differ() {
        let Value::Array(options) = json!(["in_progress", "Done", "-1", "GMT-5", "v1", 3]) else { unreachable!() };
        for (text, meant) in [
            ("In Progress", Some("in_progress")),
            ("inProgress", Some("in_progress")),
            ("IN-PROGRESS", Some("in_progress")),
            (" done ", Some("Done")),
            ("\"Done\"", Some("Done")),
            ("1", None),
            ("GMT5", None),
            ("GMT 5", None),
            ("gmt-5", Some("GMT-5")),
            ("v 1", None),
            ("", None),
            ("3", None),
            ("progress", None),
        ] {
            assert_eq!(meant_option(text, &options), meant, "{text}");
        }
        let Value::Array(alike) = json!(["a-b", "a_b", "A"]) else { unreachable!() };
        assert_eq!(meant_option("ab", &alike), None);
        assert_eq!(meant_option("a", &alike), Some("A"));
    }

    #[test]
    fn json_in_a_code_fence_is_json() {
        for text in ["```json\n[1]\n```", "```\n[1]\n```", "\u{feff} [1] ", "```JSON [1]```"] {
            assert_eq!(spelt(text).as_deref(), Some("[1]"), "{text}");
        }
        for text in [r#""[1]""#, r#""\"[1]\"""#] {
            assert_eq!(spelt(text).as_deref(), Some("[1]"), "{text}");
        }
        assert_eq!(spelt(r#"{\"a\":\"b\"}"#).as_deref(), Some(r#"{"a":"b"}"#));
        for text in ["\"a\"", "\\\"a", "\"\"", "```python\n[1]\n```", "Here: ```[1]```", "[1,]", "[1", "```"] {
            assert_eq!(spelt(text), None, "{text}");
        }
    }
}
