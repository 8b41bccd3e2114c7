//! [`redact_text`]: replaces the secrets in a text that is not JSON. `assignments` and `patterns` find them.

use std::ops::Range;

use super::names::SensitiveNames;
use super::search_rules::REPLACEMENT;
use super::{assignments, patterns};

/// The text with a replacement in the place of every secret; `None` if there is none.
pub(super) fn redact_text(text: &str, names: &SensitiveNames) -> Option<String> {
    let mut places: Vec<_> = patterns::find(text).chain(assignments::find(text, names)).collect();
    places.retain(|place| &text[place.clone()] != REPLACEMENT);
    (!places.is_empty()).then(|| replace(text, merged(places)))
}

/// The places in their order, without overlaps.
fn merged(mut places: Vec<Range<usize>>) -> Vec<Range<usize>> {
    places.sort_by_key(|place| place.start);
    let mut merged = Vec::<Range<usize>>::new();
    for place in places {
        match merged.last_mut() {
            Some(last) if place.start < last.end => last.end = last.end.max(place.end),
            _ => merged.push(place),
        }
    }
    merged
}

fn replace(text: &str, places: Vec<Range<usize>>) -> String {
    let (mut out, mut at) = (String::with_capacity(text.len()), 0);
    for place in places {
        out.push_str(&text[at..place.start]);
        out.push_str(REPLACEMENT);
        at = place.end;
    }
    out.push_str(&text[at..]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_secrets_are_replaced() {
        let redacted = |text| redact_text(text, &SensitiveNames::default());
        assert_eq!(
            redacted("GET https://u:hunter2@h/?token=abc HTTP/1.1\nAuthorization: Bearer abc\nAccept: */*").unwrap(),
            "GET https://u:[redacted]@h/?token=[redacted] HTTP/1.1\nAuthorization: [redacted]\nAccept: */*"
        );
        assert_eq!(redacted("token=ghp_0123456789").unwrap(), "token=[redacted]");
        assert_eq!(redacted("nothing here"), None);
        assert_eq!(redacted("token=[redacted]"), None, "it was redacted before");
    }
}
