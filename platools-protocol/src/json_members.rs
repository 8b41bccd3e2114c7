//! [`pick`]: reads the named members of a frame in one pass, and leaves their values unparsed. [`PlainMembers`] does the same faster, for
//! frames of the usual form.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Error, Value};

use crate::truncate::truncate;

/// The bytes of an unknown type that are kept.
const MAX_KIND_BYTES: usize = 64;

/// The members of those names, still raw; `None` for those that are not there. Of a repeated one the last counts, as in
/// JavaScript.
pub(crate) fn pick<'a, const N: usize>(
    text: &'a str,
    names: [&'static str; N],
) -> Result<[Option<&'a RawValue>; N], Error> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let mut picked = [None; N];
    deserializer.deserialize_map(Picker { names: &names, picked: &mut picked })?;
    deserializer.end()?;
    Ok(picked)
}

/// Reads an object, and keeps the members of those names.
struct Picker<'a, 'de> {
    names: &'a [&'static str],
    picked: &'a mut [Option<&'de RawValue>],
}

impl<'de> Visitor<'de> for Picker<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a frame, which is a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(position) = map.next_key_seed(Name(self.names))? {
            match position {
                Some(position) => self.picked[position] = Some(map.next_value()?),
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

/// The members of an object, one after the other. It reads only the usual form, in which no name and no requested string has an escape, and
/// makes a third of the work of [`pick`]. `None` from a method means another form, which may be an error: `pick` decides.
pub(crate) struct PlainMembers<'a> {
    /// The text that is not read yet: at first the object, then what follows a value.
    rest: &'a str,
    is_first: bool,
}

impl<'a> PlainMembers<'a> {
    /// Enters an object.
    pub(crate) fn of(text: &'a str) -> Option<Self> {
        Some(Self { rest: spaceless(text).strip_prefix('{')?, is_first: true })
    }

    /// Returns true if another member follows.
    pub(crate) fn has_next(&self) -> bool {
        !spaceless(self.rest).starts_with('}')
    }

    /// The name of the next member, whose value is to be read next.
    pub(crate) fn name(&mut self) -> Option<&'a str> {
        let is_first = std::mem::replace(&mut self.is_first, false);
        if !is_first {
            self.rest = spaceless(self.rest).strip_prefix(',')?;
        }
        let name = self.text()?;
        self.rest = spaceless(self.rest).strip_prefix(':')?;
        Some(name)
    }

    /// Leaves the object. `None` if something follows it.
    pub(crate) fn end(self) -> Option<()> {
        let rest = spaceless(self.rest).strip_prefix('}')?;
        spaceless(rest).is_empty().then_some(())
    }

    /// The next value, if it is a string.
    pub(crate) fn text(&mut self) -> Option<&'a str> {
        let text = spaceless(self.rest).strip_prefix('"')?;
        let (text, rest) = text.split_at(plain_length(text.as_bytes())?);
        self.rest = rest.strip_prefix('"')?;
        Some(text)
    }

    /// The next value, whatever it is.
    pub(crate) fn value(&mut self) -> Option<&'a RawValue> {
        let mut values = serde_json::Deserializer::from_str(self.rest).into_iter();
        let value = values.next()?.ok()?;
        self.rest = &self.rest[values.byte_offset()..];
        Some(value)
    }
}

/// The number of bytes before the first that ends a string, begins an escape or is no part of a string. Eight at a time: most names and ids
/// are short, and this is the only look at their bytes.
fn plain_length(bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGHS: u64 = u64::from_ne_bytes([0x80; 8]);
    let (words, rest) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        // The high bit of the lowest byte that is zero is set; of those above it, bits may be set that should not be.
        let zeroes = |word: u64| word.wrapping_sub(ONES) & !word;
        let below_space = word.wrapping_sub(ONES * u64::from(b' ')) & !word;
        let found =
            (zeroes(word ^ (ONES * u64::from(b'"'))) | zeroes(word ^ (ONES * u64::from(b'\\'))) | below_space) & HIGHS;
        if found != 0 {
            return Some(8 * index + found.trailing_zeros() as usize / 8);
        }
    }
    let end = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | ..b' '))?;
    Some(bytes.len() - rest.len() + end)
}

/// A text without the white space that it begins with.
fn spaceless(text: &str) -> &str {
    match text.as_bytes().first() {
        Some(b' ' | b'\n' | b'\t' | b'\r') => text.trim_start_matches([' ', '\n', '\t', '\r']),
        _ => text,
    }
}

/// Reads a key as its position among the names, without a copy of it.
struct Name<'a>(&'a [&'static str]);

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl Visitor<'_> for Name<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a member")
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        Ok(self.0.iter().position(|name| *name == key))
    }
}

/// The string that a member is, if it is one that is not empty.
pub(crate) fn text(raw: Option<&RawValue>) -> Option<Cow<'_, str>> {
    raw.and_then(string).filter(|text| !text.is_empty())
}

/// The string a raw value holds, borrowed where it has no escapes.
pub(crate) fn string(raw: &RawValue) -> Option<Cow<'_, str>> {
    // It is valid JSON already, so that without an escape the text is what stands between the quotes.
    let quoted = raw.get().strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    if let Some(text) = quoted.filter(|text| !text.contains('\\')) {
        return Some(Cow::Borrowed(text));
    }
    serde_json::from_str::<Text<'_>>(raw.get()).ok().map(|text| text.0)
}

/// A string that borrows when it can; `Cow` alone always copies.
#[derive(Deserialize)]
pub(crate) struct Text<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);

/// A number of milliseconds, also where it was written with a fraction.
pub(crate) fn millis(value: &Value) -> Option<u64> {
    let from_float = |ms: f64| Duration::try_from_secs_f64(ms.ceil() / 1000.0).ok();
    value.as_u64().or_else(|| u64::try_from(from_float(value.as_f64()?)?.as_millis()).ok())
}

/// The name of a type that is not known: the peer's text, which may be anything.
pub(crate) fn unknown_kind(kind: &str) -> String {
    truncate(kind, MAX_KIND_BYTES).to_owned()
}
