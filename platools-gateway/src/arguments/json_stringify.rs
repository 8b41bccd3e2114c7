//! [`javascript_form`]: writes a JSON text as JavaScript's `JSON.stringify` does. Workers in JavaScript verify signatures over that form.

use std::borrow::Cow;
use std::ops::Range;

use memchr::memchr2;

/// A text that is nested more deeply stays as it is.
const MAX_DEPTH: usize = 128;

/// Writes a JSON text as `JSON.stringify(JSON.parse(json))` does, as far as that changes no value.
///
/// A worker in JavaScript has the parsed arguments only, and writes them again to verify the signature over them. The form has
/// no white space and the shortest escapes and numbers, and names that are array indexes come first. A number that is not exactly the
/// one that JavaScript makes of it stays as it is written, and so does an object that has a name twice.
///
/// `json` is well-formed and has no white space between its parts.
pub(crate) fn javascript_form(json: &str) -> Cow<'_, str> {
    let mut writer = FormWriter { json, at: 0, out: String::with_capacity(json.len()) };
    match writer.value(0) {
        Some(()) if writer.at == json.len() && writer.out != json => Cow::Owned(writer.out),
        _ => Cow::Borrowed(json),
    }
}

/// Reads a text and writes its form. Each method returns `None` where the text is not as expected.
struct FormWriter<'a> {
    json: &'a str,
    at: usize,
    out: String,
}

impl FormWriter<'_> {
    fn value(&mut self, depth: usize) -> Option<()> {
        match self.peek()? {
            b'{' if depth < MAX_DEPTH => self.object(depth),
            b'[' if depth < MAX_DEPTH => self.array(depth),
            b'{' | b'[' => None,
            b'"' => self.string(),
            _ => self.scalar(),
        }
    }

    fn array(&mut self, depth: usize) -> Option<()> {
        self.copy(b'[')?;
        while self.peek()? != b']' {
            self.value(depth + 1)?;
            self.separator(b']')?;
        }
        self.copy(b']')
    }

    fn object(&mut self, depth: usize) -> Option<()> {
        self.copy(b'{')?;
        let begin = self.out.len();
        let mut indexes = Indexes::default();
        while self.peek()? != b'}' {
            let start = self.out.len();
            self.string()?;
            let index = array_index(&self.out[start..]);
            self.copy(b':')?;
            self.value(depth + 1)?;
            indexes.add(index, start..self.out.len());
            self.separator(b'}')?;
        }
        if !indexes.are_in_order() {
            let members = indexes.in_order(&self.out);
            self.out.truncate(begin);
            self.out.push_str(&members);
        }
        self.copy(b'}')
    }

    /// A comma, unless the list or the object ends.
    fn separator(&mut self, end: u8) -> Option<()> {
        if self.peek()? == end { Some(()) } else { self.copy(b',') }
    }

    fn string(&mut self) -> Option<()> {
        let bytes = self.json.as_bytes();
        let start = self.at;
        let mut end = start + 1;
        let mut has_escapes = false;
        loop {
            end += memchr2(b'"', b'\\', bytes.get(end..)?)?;
            if bytes[end] == b'"' {
                break;
            }
            has_escapes = true;
            end += 2;
        }
        self.at = end + 1;
        let text = self.json.get(start..self.at)?;
        if has_escapes {
            // The escapes that are needed are the same in both languages.
            let text: String = serde_json::from_str(text).ok()?;
            self.out.push_str(&serde_json::to_string(&text).ok()?);
        } else {
            self.out.push_str(text);
        }
        Some(())
    }

    /// A number, or one of the three words.
    fn scalar(&mut self) -> Option<()> {
        let rest = self.json.get(self.at..)?;
        let length = rest.bytes().position(|byte| b",]}".contains(&byte)).unwrap_or(rest.len());
        let text = &rest[..length];
        match text.as_bytes().first()? {
            b'-' | b'0'..=b'9' => self.out.push_str(&number(text)),
            _ => self.out.push_str(text),
        }
        self.at += length;
        Some(())
    }

    fn peek(&self) -> Option<u8> {
        self.json.as_bytes().get(self.at).copied()
    }

    fn copy(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| {
            self.at += 1;
            self.out.push(char::from(byte));
        })
    }
}

/// The members of an object that was written. Those before the first array index, which are most, are kept as one piece.
#[derive(Default)]
struct Indexes {
    /// The members before the first index.
    plain: Option<Range<usize>>,
    /// The members from the first index on.
    members: Vec<(Option<u32>, Range<usize>)>,
}

impl Indexes {
    fn add(&mut self, index: Option<u32>, member: Range<usize>) {
        if index.is_none() && self.members.is_empty() {
            let start = self.plain.as_ref().map_or(member.start, |plain| plain.start);
            self.plain = Some(start..member.end);
        } else {
            self.members.push((index, member));
        }
    }

    /// True if the indexes come first, and in ascending order. An object without any is in order.
    fn are_in_order(&self) -> bool {
        let mut keys = self.members.iter().map(|(index, _)| index.map_or(u64::MAX, u64::from));
        let Some(mut last) = keys.next() else { return true };
        self.plain.is_none()
            && keys.all(|key| {
                let follows = last < key || key == u64::MAX;
                last = key;
                follows
            })
    }

    /// The members in order. Of an index that is there twice both stay.
    fn in_order(self, written: &str) -> String {
        let mut members: Vec<_> = self.plain.map(|plain| (None, plain)).into_iter().chain(self.members).collect();
        members.sort_by_key(|(index, _)| index.map_or(u64::MAX, u64::from));
        let members: Vec<_> = members.into_iter().map(|(_, member)| &written[member]).collect();
        members.join(",")
    }
}

/// The array index that a name with its quotes is: JavaScript has those first among an object's members.
fn array_index(name: &str) -> Option<u32> {
    let digits = name.strip_prefix('"')?.strip_suffix('"')?;
    let is_canonical = digits == "0" || !digits.starts_with(['0', '+']);
    digits.parse::<u32>().ok().filter(|index| is_canonical && *index != u32::MAX)
}

/// A number as JavaScript writes it, if that is the same number.
fn number(text: &str) -> Cow<'_, str> {
    if is_short(text) {
        return Cow::Borrowed(text);
    }
    let Some(value) = text.parse::<f64>().ok().filter(|value| value.is_finite()) else { return Cow::Borrowed(text) };
    let scientific = format!("{:e}", value.abs());
    if Decimal::of(text.trim_start_matches('-')) != Decimal::of(&scientific) {
        return Cow::Borrowed(text);
    }
    let sign = if value < 0.0 { "-" } else { "" };
    let written = format!("{sign}{}", positional(&scientific).unwrap_or(scientific));
    if written == text { Cow::Borrowed(text) } else { Cow::Owned(written) }
}

/// True if a number is an integer or a decimal fraction that JavaScript certainly writes in the same way: a double holds every number of
/// up to 15 digits, and no shorter one stands for the same double.
fn is_short(text: &str) -> bool {
    let (whole, fraction) = text.split_once('.').map_or((text, None), |(whole, fraction)| (whole, Some(fraction)));
    let whole = whole.strip_prefix('-').unwrap_or(whole);
    let is_plain = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let is_fitting = text.len() <= 15 && is_plain(whole);
    match fraction {
        None => is_fitting && (whole != "0" || !text.starts_with('-')),
        // Below a millionth JavaScript writes an exponent.
        Some(fraction) => {
            let is_small = whole == "0" && fraction.starts_with("00000");
            is_fitting && is_plain(fraction) && !fraction.ends_with('0') && !is_small
        }
    }
}

/// The digits of a number without zeros around them, and the exponent of ten behind the last digit. Zero has no digits.
#[derive(PartialEq, Eq)]
struct Decimal {
    digits: String,
    exponent: i64,
}

impl Decimal {
    /// Reads a number without a sign; `None` if its exponent is beyond all bounds.
    fn of(text: &str) -> Option<Self> {
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let exponent: i64 =
            exponent.trim_start_matches('+').parse().ok().filter(|exponent: &i64| exponent.abs() < 1 << 40)?;
        let digits = format!("{whole}{fraction}");
        let short = digits.trim_end_matches('0');
        let zeros = i64::try_from(digits.len() - short.len()).ok()?;
        let exponent = exponent - i64::try_from(fraction.len()).ok()? + zeros;
        let digits = short.trim_start_matches('0').to_owned();
        Some(if digits.is_empty() { Self { digits, exponent: 0 } } else { Self { digits, exponent } })
    }
}

/// The form of JavaScript's `Number::toString` for a number such as `1.5e-7`.
fn positional(scientific: &str) -> Option<String> {
    let (mantissa, exponent) = scientific.split_once('e')?;
    let exponent: i32 = exponent.parse().ok()?;
    let digits = mantissa.replace('.', "");
    let count = i32::try_from(digits.len()).ok()?;
    Some(match exponent {
        0..21 if count <= exponent + 1 => {
            format!("{digits}{}", "0".repeat(usize::try_from(exponent + 1 - count).ok()?))
        }
        0..21 => {
            let (whole, fraction) = digits.split_at(usize::try_from(exponent + 1).ok()?);
            format!("{whole}.{fraction}")
        }
        -6..0 => format!("0.{}{digits}", "0".repeat(usize::try_from(-exponent - 1).ok()?)),
        _ => format!("{mantissa}e{exponent:+}"),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    /// Texts, and what Node.js 20 gives for `JSON.stringify(JSON.parse(text))`.
    const VECTORS: &str = include_str!("../../tests/fixtures/javascript_form.json");

    #[test]
    fn the_form_is_that_of_javascript() {
        let vectors: Vec<(String, String)> = serde_json::from_str(VECTORS).unwrap();
        assert!(vectors.len() > 40);
        for (json, expected) in vectors {
            assert_eq!(javascript_form(&json), expected, "{json}");
        }
    }

    #[test]
    fn a_number_that_javascript_cannot_hold_stays_as_it_is() {
        for json in [
            "12345678901234567890",
            "1e400",
            "-1e400",
            "0.10000000000000000555",
            "9007199254740993",
            "1e-400",
            "1e99999999999999",
        ] {
            assert_eq!(javascript_form(json), json);
        }
    }

    #[test]
    fn short_numbers_are_those_that_the_long_way_leaves_alone() {
        for text in
            ["0", "-1", "19.99", "-0.5", "0.00001", "123456789.12345", "100", "-0", "1.0", "0.000001", "1e3", "1.50"]
        {
            let value: f64 = text.parse().unwrap();
            let scientific = format!("{:e}", value.abs());
            let sign = if value < 0.0 { "-" } else { "" };
            let written = format!("{sign}{}", positional(&scientific).unwrap_or(scientific));
            assert!(!is_short(text) || written == text, "{text}: {written}");
        }
        assert!(["0", "-1", "19.99", "-0.5", "123456789.12345"].into_iter().all(is_short));
        assert!(!["-0", "1.0", "0.000001", "1e3", "1.", "-"].into_iter().any(is_short));
    }

    proptest! {
        #[test]
        fn a_short_number_is_what_the_long_way_writes(whole in 0_u64..1_000_000_000, digits in 0_u32..100_000) {
            let text = format!("{whole}.{digits}");
            if is_short(&text) {
                let value: f64 = text.parse().unwrap();
                prop_assert_eq!(positional(&format!("{value:e}")), Some(text));
            }
        }
    }

    #[test]
    fn a_text_that_is_nested_too_deeply_stays_as_it_is() {
        let deep = format!("{}2.0{}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(javascript_form(&deep), deep);
    }

    #[test]
    fn indexes_come_first_and_none_is_lost() {
        assert_eq!(
            javascript_form(r#"{"b":1,"10":2,"a":{"1":1,"0":0},"2":3}"#),
            r#"{"2":3,"10":2,"b":1,"a":{"0":0,"1":1}}"#
        );
        assert_eq!(javascript_form(r#"{"2":1,"1":2,"1":3}"#), r#"{"1":2,"1":3,"2":1}"#);
        let same = r#"{"1":0,"2":0,"01":0,"-1":0,"4294967295":0,"":0}"#;
        assert!(matches!(javascript_form(same), Cow::Borrowed(_)));
    }

    proptest! {
        #[test]
        fn no_value_changes(value in any::<f64>().prop_filter("JSON", |value| value.is_finite()), text in any::<String>()) {
            let json = serde_json::to_string(&(value, &text, format!("{value:?}"))).unwrap();
            let (same, again): (Value, Value) = (serde_json::from_str(&json).unwrap(), serde_json::from_str(&javascript_form(&json)).unwrap());
            prop_assert_eq!(same[0].as_f64(), again[0].as_f64());
            prop_assert_eq!(&same[1], &again[1]);
            let form = javascript_form(&json).into_owned();
            prop_assert_eq!(javascript_form(&form), form.as_str());
        }
    }
}
