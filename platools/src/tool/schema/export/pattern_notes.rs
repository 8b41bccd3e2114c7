//! [`tell_pattern`]: moves a `pattern` that OpenAI or Gemini would refuse from the schema into the description.

use serde_json::Value;

use super::composed_node::Node;
use super::keyword_notes::{describe, sentences};

/// Puts a pattern that OpenAI and Gemini may refuse into the description: they take no look-around, no classes of Unicode and no named groups, and
/// refuse a whole request for one.
pub(super) fn tell_pattern(node: &mut Node) {
    if node.get("pattern").and_then(Value::as_str).is_none_or(is_common) {
        return;
    }
    let note = sentences(node, |keyword| keyword == "pattern");
    node.shift_remove("pattern");
    describe(node, &note);
}

/// True if every dialect of regular expressions reads a pattern alike.
fn is_common(pattern: &str) -> bool {
    let (mut characters, mut last) = (pattern.chars().peekable(), None);
    while let Some(character) = characters.next() {
        match character {
            '\\' => {
                let Some(escaped) = characters.next() else { return false };
                if escaped.is_ascii_alphanumeric() && !"dDwWsSbBnrtfv0xu".contains(escaped) {
                    return false;
                }
                // `\x{..}` and `\u{..}` are read by some only.
                if "xu".contains(escaped) && characters.peek() == Some(&'{') {
                    return false;
                }
                last = None;
                continue;
            }
            '(' if characters.peek() == Some(&'?') => {
                characters.next();
                if characters.peek() != Some(&':') {
                    return false;
                }
            }
            // Possessive repetition, and classes such as `[[:alpha:]]` and `[a&&b]`.
            '+' if matches!(last, Some('+' | '*' | '?' | '}')) => return false,
            ':' | '=' | '.' if last == Some('[') && !pattern.contains("(?:") && pattern.contains("[[") => return false,
            '&' if last == Some('&') => return false,
            _ => {}
        }
        last = Some(character);
    }
    true
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_patterns_that_all_read_are_kept() {
        for pattern in ["^[a-z0-9._-]+$", r"^\d{3}-\w+\.txt$", "^(?:a|b)?$", r"\\p", "", r"^\u00e9+$", "a+?"] {
            assert!(is_common(pattern), "{pattern}");
        }
        for pattern in [
            "(?=a)b",
            "(?!x)",
            "(?<=a)b",
            r"^\p{L}+$",
            r"\P{Lu}",
            "(?<year>[0-9]{4})",
            "(?P<y>a)",
            "(?i)a",
            r"\x{41}",
            r"\u{41}",
            "a++",
            "[a-z&&b]",
            r"\Aa\z",
            "\\",
        ] {
            assert!(!is_common(pattern), "{pattern}");
        }
    }

    #[test]
    fn a_pattern_that_some_refuse_is_told() {
        let mut node =
            json!({"type": "string", "pattern": r"^\p{L}+$", "description": "A word."}).as_object().unwrap().clone();
        tell_pattern(&mut node);
        assert_eq!(
            Value::Object(node),
            json!({"type": "string", "description": r"Matches the pattern `^\p{L}+$`. A word."})
        );
    }
}
