//! [`compact`]: removes the white space between the parts of a JSON text.

use std::borrow::Cow;

use memchr::memchr2;
use serde_json::value::RawValue;

/// Removes the white space outside of strings. Strings and numbers stay as they are written, and a text without such white space is
/// not copied.
///
/// `json` is well-formed; a [`RawValue`] is.
pub(crate) fn compact(json: &str) -> Cow<'_, str> {
    let Some(first) = white_space(json) else { return Cow::Borrowed(json) };
    let mut text = String::with_capacity(json.len());
    let (mut rest, mut next) = (json, Some(first));
    while let Some(at) = next {
        let (part, after) = rest.split_at(at);
        text.push_str(part);
        rest = after.trim_start_matches([' ', '\t', '\n', '\r']);
        next = white_space(rest);
    }
    text.push_str(rest);
    Cow::Owned(text)
}

/// A value without white space between its parts.
pub(crate) fn compacted(value: Box<RawValue>) -> Box<RawValue> {
    match compact(value.get()) {
        Cow::Borrowed(_) => value,
        Cow::Owned(text) => RawValue::from_string(text).unwrap_or(value),
    }
}

/// The position of the first white space that is in no string. The text begins outside of strings.
fn white_space(json: &str) -> Option<usize> {
    let bytes = json.as_bytes();
    let mut at = 0;
    loop {
        // Outside of strings there is nothing else below the space.
        at += bytes.get(at..)?.iter().position(|byte| *byte <= b' ' || *byte == b'"')?;
        if bytes[at] != b'"' {
            return Some(at);
        }
        at = end_of_string(bytes, at + 1)?;
    }
}

/// The position behind the quote that closes a string.
fn end_of_string(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at += memchr2(b'"', b'\\', bytes.get(at..)?)?;
        if bytes[at] == b'"' {
            return Some(at + 1);
        }
        // The character behind a backslash closes nothing.
        at += 2;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    /// Texts of JSON values with white space wherever the grammar allows it.
    fn spaced() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            Just("null".to_owned()),
            any::<bool>().prop_map(|value| value.to_string()),
            any::<i64>().prop_map(|value| value.to_string()),
            Just("1.50e20".to_owned()),
            any::<String>().prop_map(|text| Value::from(text).to_string()),
            Just(r#"" \" \\ \u0020 ""#.to_owned()),
        ];
        let space = || "[ \t\n\r]{0,3}";
        let value = leaf.prop_recursive(4, 32, 5, move |inner| {
            let item = (space(), inner.clone(), space()).prop_map(|(before, item, after)| before + &item + &after);
            let member = (space(), any::<String>(), space(), item.clone())
                .prop_map(|(before, name, after, item)| format!("{before}{}{after}:{item}", Value::from(name)));
            let list = |items: Vec<String>, space: String| if items.is_empty() { space } else { items.join(",") };
            prop_oneof![
                (prop::collection::vec(item, 0..5), space())
                    .prop_map(move |(items, space)| { format!("[{}]", list(items, space)) }),
                (prop::collection::vec(member, 0..5), space())
                    .prop_map(move |(members, space)| { format!("{{{}}}", list(members, space)) }),
            ]
        });
        (space(), value, space()).prop_map(|(before, value, after)| before + &value + &after)
    }

    proptest! {
        #[test]
        fn a_compact_text_is_the_same_value_and_stays_as_it_is(json in spaced()) {
            let text = compact(&json);
            let value = |json: &str| serde_json::from_str::<Value>(json).unwrap();
            prop_assert_eq!(value(&text), value(&json));
            prop_assert_eq!(&*text, by_character(&json));
            prop_assert!(matches!(compact(&text), Cow::Borrowed(_)), "{}", text);
        }
    }

    /// The plain way, a character at a time.
    fn by_character(json: &str) -> String {
        let (mut in_string, mut escaped) = (false, false);
        let stays = |character: &char| {
            if in_string {
                in_string = escaped || *character != '"';
                escaped = !escaped && *character == '\\';
                return true;
            }
            in_string = *character == '"';
            !character.is_ascii_whitespace()
        };
        json.chars().filter(stays).collect()
    }

    #[test]
    fn a_text_without_white_space_is_not_copied() {
        for json in [r#"{"a b":[1,2.50],"q\"  \\":" x \" y ","e":{}}"#, "1", r#"" a\\""#, "null"] {
            assert!(matches!(compact(json), Cow::Borrowed(text) if text == json), "{json}");
        }
    }

    #[test]
    fn strings_and_numbers_stay_as_they_are_written() {
        let value = RawValue::from_string("{ \"a\" : [ 1.50e400 , \" \\u0020\\\" \" ]\n}".to_owned()).unwrap();
        assert_eq!(compacted(value).get(), r#"{"a":[1.50e400," \u0020\" "]}"#);
    }
}
