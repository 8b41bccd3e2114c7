//! [`compact`]: removes the white space between the parts of a JSON text, in one pass that copies runs of bytes.

use std::borrow::Cow;

use memchr::memchr2;
use serde_json::value::RawValue;

/// Removes the white space outside of strings. Strings and numbers stay as they are written, and a text without such white space is
/// not copied.
///
/// `json` is well-formed; a [`RawValue`] is.
pub(crate) fn compact(json: &str) -> Cow<'_, str> {
    compact_with_names(json, |_| ())
}

/// Compacts a JSON text like [`compact`], and tells the names of the members of the object that it is, in quotes and with escapes as they
/// are written.
pub(crate) fn compact_with_names<'a>(json: &'a str, mut name: impl FnMut(&'a str)) -> Cow<'a, str> {
    let bytes = json.as_bytes();
    let mut compacted = Compacted { json, text: None, kept_to: 0 };
    let (mut at, mut depth) = (0, 0_usize);
    while let Some(found) = next_landmark(bytes, at) {
        at = found + 1;
        match bytes[found] {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => {
                at = end_of_string(bytes, at);
                if depth == 1 && bytes.get(end_of_space(bytes, at)) == Some(&b':') {
                    name(&json[found..at]);
                }
            }
            b' ' | b'\t' | b'\n' | b'\r' => {
                at = end_of_space(bytes, at);
                compacted.leave_out(found, at);
            }
            _ => {}
        }
    }
    compacted.finish()
}

/// A value without white space between its parts.
pub(crate) fn compacted(value: Box<RawValue>) -> Box<RawValue> {
    match compact(value.get()) {
        Cow::Borrowed(_) => value,
        Cow::Owned(text) => RawValue::from_string(text).unwrap_or(value),
    }
}

/// A text that some parts are left out of. Nothing is copied before the first of them.
struct Compacted<'a> {
    json: &'a str,
    text: Option<String>,
    /// Everything before this position was copied or left out.
    kept_to: usize,
}

impl<'a> Compacted<'a> {
    fn leave_out(&mut self, from: usize, to: usize) {
        let text = self.text.get_or_insert_with(|| String::with_capacity(self.json.len()));
        text.push_str(&self.json[self.kept_to..from]);
        self.kept_to = to;
    }

    fn finish(self) -> Cow<'a, str> {
        let Some(mut text) = self.text else { return Cow::Borrowed(self.json) };
        text.push_str(&self.json[self.kept_to..]);
        text.shrink_to_fit();
        Cow::Owned(text)
    }
}

/// The position of the next byte outside of strings that may be white space, a quote, a bracket or a brace. `at` is outside of strings.
fn next_landmark(bytes: &[u8], mut at: usize) -> Option<usize> {
    while let Some(eight) = bytes.get(at..)?.first_chunk() {
        let found = landmarks(u64::from_le_bytes(*eight));
        if found != 0 {
            return Some(at + found.trailing_zeros() as usize / 8);
        }
        at += 8;
    }
    let rest = bytes[at..].iter().position(|byte| landmarks(u64::from(*byte) | FILLED) & 0xff != 0);
    rest.map(|rest| at + rest)
}

const EACH: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x80 * EACH;
/// Seven zeros as digits, which are no landmarks, above a byte.
const FILLED: u64 = 0x3030_3030_3030_3000;

/// Marks the landmarks among eight bytes, each by its highest bit; the lowest mark is exact. Outside of strings JSON has nothing below the
/// quote but white space, and of all that differs from the brackets and braces in these three bits alone it has only those.
fn landmarks(eight: u64) -> u64 {
    let braces = (eight | (0x26 * EACH)) ^ (0x7f * EACH);
    let braces = braces.wrapping_sub(EACH) & !braces;
    let low = eight.wrapping_sub(0x23 * EACH) & !eight;
    (braces | low) & HIGH
}

/// The position behind white space, if there is some.
fn end_of_space(bytes: &[u8], mut at: usize) -> usize {
    // Indentation is the most of it.
    while bytes.get(at..at + 8) == Some(&[b' '; 8]) {
        at += 8;
    }
    while matches!(bytes.get(at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
        at += 1;
    }
    at
}

/// The position behind the quote that closes a string, or behind the text.
fn end_of_string(bytes: &[u8], mut at: usize) -> usize {
    while let Some(found) = bytes.get(at..).and_then(|rest| memchr2(b'"', b'\\', rest)) {
        at += found + 1;
        if bytes[at - 1] == b'"' {
            return at;
        }
        // The character behind a backslash closes nothing.
        at += 1;
    }
    bytes.len()
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

        #[test]
        fn the_names_that_are_told_are_those_of_the_outer_object(json in spaced()) {
            let mut names: Vec<String> = Vec::new();
            compact_with_names(&json, |name| names.push(serde_json::from_str(name).unwrap()));
            let expected = match serde_json::from_str::<Members>(&json) {
                Ok(Members(expected)) => expected,
                Err(_) => Vec::new(),
            };
            prop_assert_eq!(names, expected);
        }

        #[test]
        fn a_text_that_is_no_json_panics_nowhere(json in ".{0,64}", bytes in "[\"\\\\{}\\[\\]: é]{0,24}") {
            for text in [&json, &bytes] {
                compact_with_names(text, |_| ());
            }
        }

        #[test]
        fn landmarks_are_found_wherever_they_are(text in "[0-9a-z+.,:E\"{}\\[\\] \\n-]{0,40}") {
            let plain = |byte: &u8| b"\"{}[] \n".contains(byte) || *byte == b'y';
            // `y` is in no word of JSON, and may be found as well.
            let mut at = 0;
            while let Some(found) = next_landmark(text.as_bytes(), at) {
                prop_assert!(!text.as_bytes()[at..found].iter().any(|byte| plain(byte) && *byte != b'y'));
                prop_assert!(plain(&text.as_bytes()[found]));
                at = found + 1;
            }
            prop_assert!(!text.as_bytes()[at..].iter().any(|byte| plain(byte) && *byte != b'y'));
        }
    }

    /// The names of an object's members, also those that are there twice.
    struct Members(Vec<String>);

    impl<'de> serde::Deserialize<'de> for Members {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct MembersVisitor;

            impl<'de> serde::de::Visitor<'de> for MembersVisitor {
                type Value = Members;

                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("an object")
                }

                fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                    let mut names = Vec::new();
                    while let Some((name, serde::de::IgnoredAny)) = map.next_entry()? {
                        names.push(name);
                    }
                    Ok(Members(names))
                }
            }

            deserializer.deserialize_map(MembersVisitor)
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
