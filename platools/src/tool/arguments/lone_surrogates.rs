//! [`well_formed`]: replaces lone surrogates in a JSON text. A lone surrogate is half of a character, which Rust's texts cannot have.

use std::borrow::Cow;

use memchr::memmem;

/// The text of the replacement character in JSON: six bytes, as long as the escape that it replaces.
const REPLACEMENT: &str = "\\ufffd";

/// Replaces each escape of a lone surrogate, such as `\ud83c` without its second half, with the replacement character.
///
/// JavaScript cuts texts between the halves of a character, and `JSON.stringify` writes the half that is left as an escape. Neither
/// Rust nor Python can hold such a text. `String.prototype.toWellFormed` replaces the half in the same way.
#[must_use]
pub fn well_formed(json: &str) -> Cow<'_, str> {
    let mut text = Cow::Borrowed(json);
    let mut from = 0;
    while let Some(at) = next_surrogate(json, from) {
        from = match (half(json, at), half(json, at + 6)) {
            (Some(Half::High), Some(Half::Low)) => at + 12,
            (Some(_), _) => {
                text.to_mut().replace_range(at..at + 6, REPLACEMENT);
                at + 6
            }
            (None, _) => at + 2,
        };
    }
    text
}

enum Half {
    High,
    Low,
}

/// The position of the next escape that begins as those of surrogates do.
fn next_surrogate(json: &str, from: usize) -> Option<usize> {
    let bytes = json.as_bytes();
    let mut from = from;
    loop {
        // One search for both spellings: with one for each, every escape of one would search the rest of the text for the other.
        let at = from + memmem::find(bytes.get(from..)?, b"\\u")?;
        if !matches!(bytes.get(at + 2), Some(b'd' | b'D')) {
            from = at + 2;
            continue;
        }
        // An even number of backslashes before it are escapes of backslashes.
        let before = bytes[..at].iter().rev().take_while(|byte| **byte == b'\\').count();
        if before % 2 == 0 {
            return Some(at);
        }
        from = at + 1;
    }
}

/// The surrogate that an escape at a position stands for.
fn half(json: &str, at: usize) -> Option<Half> {
    let digits = json.get(at..at + 6)?.strip_prefix("\\u")?;
    match u16::from_str_radix(digits, 16).ok()? {
        0xD800..=0xDBFF => Some(Half::High),
        0xDC00..=0xDFFF => Some(Half::Low),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_replaced_and_whole_characters_stay() {
        for (json, expected) in [
            (r#""\ud83c""#, r#""\ufffd""#),
            (r#""\ud83c\uDf89""#, r#""\ud83c\uDf89""#),
            (r#""\udf89\ud83c""#, r#""\ufffd\ufffd""#),
            (r#""\ud83c\ud83c\udf89 \ud83c\n""#, r#""\ufffd\ud83c\udf89 \ufffd\n""#),
            (r#""\\ud83c""#, r#""\\ud83c""#),
            (r#""\\\ud83c""#, r#""\\\ufffd""#),
            (r#""\ud7ff \ue000""#, r#""\ud7ff \ue000""#),
            (r#"{"\uD800":1}"#, r#"{"\ufffd":1}"#),
            (r#""\ud8""#, r#""\ud8""#),
        ] {
            assert_eq!(well_formed(json), expected, "{json}");
        }
        assert!(matches!(well_formed(r#""\ud83c\udf89""#), Cow::Borrowed(_)));
    }

    #[test]
    fn a_long_text_of_escapes_is_read_once() {
        // With a search of the rest for each of them, this would take minutes.
        let text = format!("\"{}\"", r"\ud83c\udf89\u00e9".repeat(200_000));
        assert!(matches!(well_formed(&text), Cow::Borrowed(_)));
        assert_eq!(well_formed(&format!(r"{text}\ud83c")), format!(r"{text}\ufffd"));
    }
}
