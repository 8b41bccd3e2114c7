//! A single pass over a frame's text that finds the requested members and skips the rest.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Error;
use serde_json::value::RawValue;

use crate::text::cut;

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

/// The name of a type that is not known: the peer's text, which may be anything.
pub(crate) fn unknown_kind(kind: &str) -> String {
    cut(kind, MAX_KIND_BYTES).to_owned()
}
