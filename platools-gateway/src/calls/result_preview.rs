//! `shortened`: replaces a result that is too long with a preview: the beginning of the result's text. The bounds of results and previews
//! are here.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::value::RawValue;

/// Results that are longer than this are replaced by a preview, unless they are content: 256 KiB, or as many UTF-16 code units.
pub const MAX_RESULT_BYTES: usize = 256 * 1024;

/// A preview has so many characters of the result's text, counted as UTF-16 code units.
const PREVIEW_CHARS: usize = 4096;

#[derive(Serialize)]
struct Preview<'a> {
    truncated: bool,
    preview: &'a str,
    original_bytes: usize,
}

/// The result itself, or `{truncated, preview, original_bytes}` in its place if its text is longer than `max`.
///
/// The text of a string is the string itself, and that of anything else its JSON. It is measured as JavaScript does, in UTF-16 code
/// units. `original_bytes` are those of the text in UTF-8.
pub(crate) fn shortened(result: Box<RawValue>, max: usize) -> Box<RawValue> {
    // No text has more code units than its JSON has bytes.
    if result.get().len() <= max {
        return result;
    }
    let text = text_of(&result);
    if text.encode_utf16().nth(max).is_none() {
        return result;
    }
    let preview = Preview { truncated: true, preview: beginning(&text), original_bytes: text.len() };
    serde_json::value::to_raw_value(&preview).expect("strings and numbers always serialize")
}

fn text_of(result: &RawValue) -> Cow<'_, str> {
    let json = result.get();
    let string = if json.starts_with('"') { serde_json::from_str(json).ok() } else { None };
    string.map_or(Cow::Borrowed(json), Cow::Owned)
}

/// The first characters of a text. One that would be cut in half is left out.
fn beginning(text: &str) -> &str {
    let mut units = 0;
    let past = text.char_indices().find(|(_, character)| {
        units += character.len_utf16();
        units > PREVIEW_CHARS
    });
    past.map_or(text, |(end, _)| &text[..end])
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn result(value: &Value) -> Value {
        let raw = serde_json::value::to_raw_value(value).unwrap();
        serde_json::from_str(shortened(raw, MAX_RESULT_BYTES).get()).unwrap()
    }

    #[test]
    fn a_result_at_the_limit_stays() {
        for text in ["x".repeat(MAX_RESULT_BYTES), "東".repeat(MAX_RESULT_BYTES), "🎉".repeat(MAX_RESULT_BYTES / 2)]
        {
            assert_eq!(result(&json!(text)), text);
        }
        let list = json!([format!("{}", "x".repeat(MAX_RESULT_BYTES - 4))]);
        assert_eq!(result(&list), list);
    }

    #[test]
    fn a_result_over_the_limit_becomes_a_preview_of_whole_characters() {
        let cases = [
            (json!("東".repeat(MAX_RESULT_BYTES + 1)), "東".repeat(4096), 3 * (MAX_RESULT_BYTES + 1)),
            (
                json!(format!("x{}", "🎉".repeat(MAX_RESULT_BYTES / 2))),
                format!("x{}", "🎉".repeat(2047)),
                2 * MAX_RESULT_BYTES + 1,
            ),
            (json!(["x".repeat(MAX_RESULT_BYTES - 3)]), format!("[\"{}", "x".repeat(4094)), MAX_RESULT_BYTES + 1),
        ];
        for (long, preview, bytes) in cases {
            assert_eq!(result(&long), json!({"truncated": true, "preview": preview, "original_bytes": bytes}));
        }
    }
}
