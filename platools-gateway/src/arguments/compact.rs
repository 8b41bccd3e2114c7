//! [`compact`]: removes the white space between the parts of a JSON text, in one pass.

use std::borrow::Cow;

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
    let (mut at, mut depth, mut string) = (0, 0_usize, None);
    'words: while at < bytes.len() {
        let marks = Marks::of(word_at(bytes, at));
        // The bytes of the word that are still to be looked at.
        let mut rest = !0_u64;
        loop {
            let found = rest & if string.is_some() { marks.in_string } else { marks.outside };
            if found == 0 {
                break;
            }
            let place = found.trailing_zeros() as usize / 8;
            let found = at + place;
            rest = !0xff << (place * 8);
            match bytes[found] {
                b'"' => match string.take() {
                    None => string = Some(found),
                    Some(begin) if depth == 1 && bytes.get(end_of_space(bytes, found + 1)) == Some(&b':') => {
                        name(&json[begin..=found]);
                    }
                    Some(_) => {}
                },
                // The character behind a backslash closes nothing.
                b'\\' if place < 7 => rest <<= 8,
                b'\\' => {
                    at += 9;
                    continue 'words;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth = depth.saturating_sub(1),
                b' ' | b'\t' | b'\n' | b'\r' => {
                    at = end_of_space(bytes, found + 1);
                    compacted.leave_out(found, at);
                    continue 'words;
                }
                _ => {}
            }
        }
        at += 8;
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

/// The bytes that matter among eight, each marked by its highest bit.
struct Marks {
    /// Quotes and backslashes.
    in_string: u64,
    /// Quotes, brackets, braces and white space. Of what differs from brackets and braces in three bits only, and of what is below the
    /// space, JSON has nothing else outside of strings.
    outside: u64,
}

const EACH: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x80 * EACH;

impl Marks {
    fn of(word: u64) -> Self {
        let quotes = equal(word, b'"');
        let brackets = equal(word | (0x26 * EACH), 0x7f);
        let spaces = !((word | HIGH) - 0x21 * EACH) & !word & HIGH;
        Self { in_string: quotes | equal(word, b'\\'), outside: quotes | brackets | spaces }
    }
}

/// Marks the bytes of a word that are this one. No carry leaves its byte, so every mark is exact.
fn equal(word: u64, byte: u8) -> u64 {
    let difference = word ^ (u64::from(byte) * EACH);
    !(((difference & !HIGH) + 0x7f * EACH) | difference) & HIGH
}

/// Eight bytes from a position on, the first of them the lowest. Behind the text are zeros as digits, which are never marked.
fn word_at(bytes: &[u8], at: usize) -> u64 {
    let rest = bytes.get(at..).unwrap_or_default();
    let word = rest.first_chunk().copied().unwrap_or_else(|| {
        let mut word = [b'0'; 8];
        word[..rest.len()].copy_from_slice(rest);
        word
    });
    u64::from_le_bytes(word)
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
            let expected = match serde_json::from_str::<MemberNames>(&json) {
                Ok(MemberNames(expected)) => expected,
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
        fn every_byte_is_marked_by_itself(bytes in any::<[u8; 8]>()) {
            let marks = Marks::of(u64::from_le_bytes(bytes));
            for (place, byte) in bytes.into_iter().enumerate() {
                let mark = 0x80 << (8 * place);
                prop_assert_eq!(marks.in_string & mark != 0, matches!(byte, b'"' | b'\\'));
                let is_outside = byte < 0x21 || byte == b'"' || byte | 0x26 == 0x7f;
                prop_assert_eq!(marks.outside & mark != 0, is_outside);
            }
            prop_assert_eq!((marks.in_string | marks.outside) & !HIGH, 0);
        }
    }

    /// The names of an object's members, also those that are there twice.
    struct MemberNames(Vec<String>);

    impl<'de> serde::Deserialize<'de> for MemberNames {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct MemberNamesVisitor;

            impl<'de> serde::de::Visitor<'de> for MemberNamesVisitor {
                type Value = MemberNames;

                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("an object")
                }

                fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<MemberNames, A::Error> {
                    let mut names = Vec::new();
                    while let Some((name, serde::de::IgnoredAny)) = map.next_entry()? {
                        names.push(name);
                    }
                    Ok(MemberNames(names))
                }
            }

            deserializer.deserialize_map(MemberNamesVisitor)
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
