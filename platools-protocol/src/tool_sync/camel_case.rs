//! [`read`]: reads a frame that a peer wrote with names of members in snake case or in camel case, such as `call_id` or `callId`.

use std::fmt;

use serde::de::value::MapDeserializer;
use serde::de::{Deserialize, Deserializer as _, IgnoredAny, MapAccess, Visitor};
use serde_json::Error;
use serde_json::value::RawValue;

use crate::json_members::Text;

/// A member of a frame: the name that this crate writes, and another one that peers may write instead. An empty one is no name.
pub(super) type Spelling = (&'static str, &'static str);

/// Reads an object into a type that knows the first spelling of each member. Members that `spellings` leaves out are passed over,
/// unless it is empty: then no member has a second spelling.
///
/// A frame without any second spelling is read as its type reads it, so that errors have their place in the frame.
///
/// # Errors
/// The text is no JSON object, or its members do not fit the type.
pub(super) fn read<'a, T: Deserialize<'a>>(text: &'a str, spellings: &'static [Spelling]) -> Result<T, Error> {
    if spellings.is_empty() {
        return serde_json::from_str(text);
    }
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let members = deserializer.deserialize_map(Members(spellings))?;
    deserializer.end()?;
    if members.iter().all(|member| member.other.is_none()) {
        return serde_json::from_str(text);
    }
    let named = spellings.iter().zip(members).filter_map(|((name, _), member)| Some((*name, member.chosen()?)));
    T::deserialize(MapDeserializer::<'a, _, Error>::new(named))
}

/// The values of one member that a frame has, under each spelling. Of a repeated one the last counts.
#[derive(Clone, Copy, Default)]
pub(super) struct Spelled<'a> {
    pub(super) first: Option<&'a RawValue>,
    pub(super) other: Option<&'a RawValue>,
}

impl<'a> Spelled<'a> {
    /// The value of the first spelling, and of the other one where the first is missing or null.
    pub(super) fn chosen(self) -> Option<&'a RawValue> {
        match self.first {
            Some(first) if self.other.is_none() || first.get() != "null" => Some(first),
            _ => self.other,
        }
    }
}

struct Members(&'static [Spelling]);

impl<'de> Visitor<'de> for Members {
    type Value = Vec<Spelled<'de>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a frame, which is a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = vec![Spelled::default(); self.0.len()];
        while let Some(Text(key)) = map.next_key()? {
            let slot = self.0.iter().zip(&mut members).find_map(|((first, other), member)| match &*key {
                "" => None,
                key if key == *first => Some(&mut member.first),
                key if key == *other => Some(&mut member.other),
                _ => None,
            });
            match slot {
                Some(slot) => *slot = Some(map.next_value()?),
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(members)
    }
}
