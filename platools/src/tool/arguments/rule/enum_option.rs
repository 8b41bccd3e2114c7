//! [`meant_option`]: finds the option of an `enum` that a text means, such as `in_progress` for `In Progress`. Case, and the separators
//! between letters, do not count.

use serde_json::Value;

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
}
