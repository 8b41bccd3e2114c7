//! A single pass over a frame's text that finds the requested members and skips the rest.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer as _, IgnoredAny, MapAccess, Visitor};
use serde_json::Error;
use serde_json::value::RawValue;

use super::fields::Text;

/// The members of those names, still raw; `None` for those that are not there. Of a repeated one the last counts, as in
/// JavaScript.
pub(super) fn pick<'a, const N: usize>(
    text: &'a str,
    names: [&'static str; N],
) -> Result<[Option<&'a RawValue>; N], Error> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let picked = deserializer.deserialize_map(Picker(names))?;
    deserializer.end()?;
    Ok(picked)
}

struct Picker<const N: usize>([&'static str; N]);

impl<'de, const N: usize> Visitor<'de> for Picker<N> {
    type Value = [Option<&'de RawValue>; N];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a frame, which is a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut picked = [None; N];
        while let Some(Text(key)) = map.next_key()? {
            match self.0.iter().position(|name| *name == key) {
                Some(at) => picked[at] = Some(map.next_value()?),
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(picked)
    }
}

/// The string that a member is, if it is one that is not empty.
pub(super) fn text(raw: Option<&RawValue>) -> Option<Cow<'_, str>> {
    raw.and_then(super::fields::string).filter(|text| !text.is_empty())
}
