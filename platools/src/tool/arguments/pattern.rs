//! Patterns with the meaning JSON Schema gives them.

use regex::Regex;

/// Compiles a pattern as JSON Schema means it: unanchored, and with `\d` and `\w` for ASCII alone (ECMA-262). In this
/// crate's regex engine they would match every script's digits and letters, so that an argument could pass here and fail
/// against the schema.
///
/// # Panics
/// The pattern is not a regular expression, which its author learns the first time the tool is registered.
pub(super) fn compile(pattern: &str) -> Regex {
    Regex::new(&ascii_classes(pattern)).unwrap_or_else(|error| panic!("`pattern` is not a regular expression: {error}"))
}

/// Replaces the escapes whose meaning differs; works inside of brackets too, where `[:...:]` classes nest.
fn ascii_classes(pattern: &str) -> String {
    let mut translated = String::with_capacity(pattern.len());
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            translated.push(c);
            continue;
        }
        match chars.next() {
            Some('d') => translated.push_str("[0-9]"),
            Some('D') => translated.push_str("[^0-9]"),
            Some('w') => translated.push_str("[0-9A-Za-z_]"),
            Some('W') => translated.push_str("[^0-9A-Za-z_]"),
            Some('b') => translated.push_str("(?-u:\\b)"),
            Some('/') => translated.push('/'),
            Some(other) => translated.extend(['\\', other]),
            None => translated.push('\\'),
        }
    }
    translated
}

#[cfg(test)]
mod tests {
    use super::compile;

    #[test]
    fn digits_and_words_are_ascii_inside_and_outside_of_brackets() {
        assert!(compile(r"^\d+$").is_match("42"));
        assert!(!compile(r"^\d+$").is_match("٤٢"), "Arabic digits are no digits to JSON Schema");
        assert!(compile(r"^[\w-]+$").is_match("a-b_c"));
        assert!(!compile(r"^[\w-]+$").is_match("ä"));
        assert!(compile(r"^[^\d]$").is_match("٤"));
        assert!(compile(r"^\\d$").is_match("\\d"), "an escaped backslash escapes nothing else");
    }

    #[test]
    fn patterns_are_not_anchored() {
        assert!(compile("ord-").is_match("an ord-1"));
    }
}
