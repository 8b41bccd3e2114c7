//! Results that are too long to hand to a model.

use serde::Serialize;
use serde_json::value::RawValue;

/// Results with more bytes than this are replaced by a preview, unless they are content: 256 KiB.
pub const MAX_RESULT_BYTES: usize = 256 * 1024;

/// A preview has so many characters of the result's JSON text.
const PREVIEW_CHARS: usize = 4096;

#[derive(Serialize)]
struct Preview<'a> {
    truncated: bool,
    preview: &'a str,
    original_bytes: usize,
}

/// The result itself, or `{truncated, preview, original_bytes}` in its place if it has more than `max_bytes`.
pub(crate) fn shortened(result: Box<RawValue>, max_bytes: usize) -> Box<RawValue> {
    let text = result.get();
    if text.len() <= max_bytes {
        return result;
    }
    let end = text.char_indices().nth(PREVIEW_CHARS).map_or(text.len(), |(end, _)| end);
    let preview = Preview { truncated: true, preview: &text[..end], original_bytes: text.len() };
    serde_json::value::to_raw_value(&preview).expect("strings and numbers always serialize")
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).unwrap()
    }

    #[test]
    fn a_result_at_the_limit_stays() {
        let text = format!("\"{}\"", "x".repeat(MAX_RESULT_BYTES - 2));
        assert_eq!(shortened(raw(&text), MAX_RESULT_BYTES).get(), text);
    }

    #[test]
    fn a_result_over_the_limit_becomes_a_preview_of_whole_characters() {
        let text = format!("\"{}\"", "東".repeat(MAX_RESULT_BYTES));
        let preview: Value = serde_json::from_str(shortened(raw(&text), MAX_RESULT_BYTES).get()).unwrap();
        assert_eq!(preview["truncated"], true);
        assert_eq!(preview["preview"].as_str().unwrap(), format!("\"{}", "東".repeat(4095)));
        assert_eq!(preview["original_bytes"], text.len());
    }
}
