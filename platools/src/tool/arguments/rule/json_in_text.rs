//! [`json_in`]: finds JSON in a text, such as `"[1, 2]"`. Models write a list, an object or a number as a text now and then.

use std::borrow::Cow;

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
    json_in(&text).filter(|json| json.starts_with('{')).map(Cow::into_owned)
}

/// The JSON that a text spells: a number, a boolean, a list or an object. A text within the text is opened, too.
pub(super) fn json_in(text: &str) -> Option<Cow<'_, str>> {
    let text = unfenced(text);
    if text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false") {
        return Some(text.to_ascii_lowercase().into());
    }
    if text.starts_with('"') || text.contains("\\\"") && !is_json(text) {
        return in_quotes(text).and_then(|inner| json_in(&inner).map(|json| Cow::Owned(json.into_owned())));
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
    use super::*;

    #[test]
    fn json_in_a_code_fence_is_json() {
        for text in ["```json\n[1]\n```", "```\n[1]\n```", "\u{feff} [1] ", "```JSON [1]```"] {
            assert_eq!(json_in(text).as_deref(), Some("[1]"), "{text}");
        }
        for text in [r#""[1]""#, r#""\"[1]\"""#] {
            assert_eq!(json_in(text).as_deref(), Some("[1]"), "{text}");
        }
        assert_eq!(json_in(r#"{\"a\":\"b\"}"#).as_deref(), Some(r#"{"a":"b"}"#));
        for text in ["\"a\"", "\\\"a", "\"\"", "```python\n[1]\n```", "Here: ```[1]```", "[1,]", "[1", "```"] {
            assert_eq!(json_in(text), None, "{text}");
        }
    }
}
