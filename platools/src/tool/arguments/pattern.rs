//! Patterns with the meaning JSON Schema gives them.

use regex::Regex;

/// Compiles a pattern as JSON Schema means it (ECMA-262): unanchored, with `\d` and `\w` for ASCII alone, and with that
/// standard's own spaces and ends of lines. In this crate's regex engine they would match other characters too, so that an
/// argument could pass here and fail against the schema.
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
    let mut in_brackets = false;
    while let Some(c) = chars.next() {
        if c == '.' && !in_brackets {
            translated.push_str(r"[^\n\r\x{2028}\x{2029}]");
            continue;
        }
        if c != '\\' {
            in_brackets = c == '[' || (in_brackets && c != ']');
            translated.push(c);
            continue;
        }
        match chars.next() {
            Some('d') => translated.push_str("[0-9]"),
            Some('D') => translated.push_str("[^0-9]"),
            Some('w') => translated.push_str("[0-9A-Za-z_]"),
            Some('W') => translated.push_str("[^0-9A-Za-z_]"),
            Some('s') => translated.push_str(r"[\t\n\x0B\x0C\r\p{Zs}\x{2028}\x{2029}\x{FEFF}]"),
            Some('S') => translated.push_str(r"[^\t\n\x0B\x0C\r\p{Zs}\x{2028}\x{2029}\x{FEFF}]"),
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
    fn spaces_and_ends_of_lines_are_those_of_the_standard() {
        assert!(compile(r"^\s$").is_match("\u{feff}") && compile(r"^[\s]$").is_match("\u{3000}"));
        assert!(!compile(r"^\s$").is_match("\u{85}") && compile(r"^\S$").is_match("\u{85}"));
        assert!(!compile("^a.b$").is_match("a\rb") && compile("^a.b$").is_match("a\u{85}b"));
        assert!(compile(r"^[.]\.$").is_match("..") && !compile(r"^[.]$").is_match("a"));
    }

    #[test]
    fn patterns_are_not_anchored() {
        assert!(compile("ord-").is_match("an ord-1"));
    }
}
