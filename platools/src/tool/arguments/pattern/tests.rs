//! Tests of the patterns of arguments.

use super::compile;

fn matches(pattern: &str, text: &str) -> bool {
    compile(pattern).unwrap_or_else(|problem| panic!("{pattern}: {problem}")).is_match(text)
}

#[test]
fn digits_and_words_are_ascii_inside_and_outside_of_brackets() {
    assert!(matches(r"^\d+$", "42"));
    assert!(!matches(r"^\d+$", "٤٢"), "Arabic digits are no digits to JSON Schema");
    assert!(matches(r"^[\w-]+$", "a-b_c"));
    assert!(!matches(r"^[\w-]+$", "ä"));
    assert!(matches(r"^[^\d]$", "٤"));
    assert!(matches(r"^\\d$", "\\d"), "an escaped backslash escapes nothing else");
}

#[test]
fn spaces_and_ends_of_lines_are_those_of_the_standard() {
    assert!(matches(r"^\s$", "\u{feff}") && matches(r"^[\s]$", "\u{3000}"));
    assert!(!matches(r"^\s$", "\u{85}") && matches(r"^\S$", "\u{85}"));
    assert!(!matches("^a.b$", "a\rb") && matches("^a.b$", "a\u{85}b"));
    assert!(matches(r"^[.]\.$", "..") && !matches(r"^[.]$", "a"));
}

#[test]
fn patterns_are_not_anchored() {
    assert!(matches("ord-", "an ord-1"));
}

#[test]
fn brackets_hold_characters_and_no_classes_or_operations() {
    for (pattern, members, others) in [
        ("^[[a]$", "[a", "]b"),
        ("^[[:alpha:]]$", "", "ab"),
        ("^[a-z&&b]$", "az&b", "[-"),
        ("^[a-c~~b]$", "abc~", "d}"),
        ("^[a-c--b]$", "abc-./Zb", "d,+"),
        ("^[+--]$", "+,-", "*."),
        (r"^[\b]$", "\u{8}", "b"),
        (r"^[a\-c]$", "a-c", "b"),
        ("^[-a]$", "-a", "b"),
        ("^[]$", "", "a]"),
        ("^[^]$", "a]\n", ""),
        (r"^[^\]]$", "a", "]"),
    ] {
        for c in members.chars() {
            assert!(matches(pattern, &c.to_string()), "{pattern} holds {c:?}");
        }
        for c in others.chars() {
            assert!(!matches(pattern, &c.to_string()), "{pattern} does not hold {c:?}");
        }
    }
}

#[test]
fn ends_of_words_are_between_ascii_letters_and_the_rest() {
    assert!(matches(r"a\bä", "aä") && !matches(r"a\Bä", "aä"));
    assert!(matches(r"a\Bb", "ab") && !matches(r"a\bb", "ab"));
}

#[test]
fn escapes_of_the_standard_are_read() {
    for (pattern, text) in [
        (r"^\cJ$", "\n"),
        (r"^\0$", "\0"),
        (r"^\x41\u0042\u{43}$", "ABC"),
        (r"^\/\@\<\>\-$", "/@<>-"),
        (r"^\t\n\v\f\r$", "\t\n\u{b}\u{c}\r"),
        (r"^\p{Lu}\P{Script=Greek}$", "Äb"),
        (r"^(?:a|(?<name>b)){2,}?$", "ab"),
    ] {
        assert!(matches(pattern, text), "{pattern}");
    }
}

#[test]
fn what_a_validator_of_json_schema_refuses_is_refused() {
    for pattern in [
        "(?i)a", "(?i:a)", "(?P<n>a)", "(?#a)", r"\Aa\z", r"\a", r"\pL", r"\p{^L}", r"\x{41}", r"\u12", "a{,3}", "a{",
        "a**", "a{2}{3}", "*", "(", "[", "[b-a]", r"[\w-a]", "\\",
    ] {
        assert!(compile(pattern).is_err(), "{pattern}");
    }
}

#[test]
fn a_pattern_that_takes_unbounded_time_is_refused_with_that_reason() {
    for pattern in ["(?=a)", "(?!a)", "(?<=a)", "(?<!a)", r"(a)\1", r"(?<n>a)\k<n>"] {
        assert!(compile(pattern).expect_err(pattern).contains("unbounded time"), "{pattern}");
    }
}
