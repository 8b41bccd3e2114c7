//! The fast path: one pass over the text, each argument decoded where it stands.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::exact::Exact;
use super::parameter::Parameters;
use super::problem::Problems;
use super::{Policy, lenient};
use crate::tool::error::ToolError;

/// Decodes the arguments of one call.
///
/// # Errors
/// Something does not fit; the failure names every bad argument.
pub(crate) fn decode<P: Parameters>(parameters: &P, policy: Policy, text: &str) -> Result<P::Values, ToolError> {
    let mut problems = Problems::default();
    let slots = match all_at_once(parameters, policy, text) {
        Ok(slots) => slots,
        Err(_) => lenient::one_by_one(parameters, policy, text, &mut problems),
    };
    match parameters.settle(slots, &mut problems) {
        Some(values) if problems.is_empty() => Ok(values),
        _ => Err(problems.into_error()),
    }
}

fn all_at_once<P: Parameters>(parameters: &P, policy: Policy, text: &str) -> serde_json::Result<P::Slots> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let slots = deserializer.deserialize_map(Object { parameters, policy })?;
    deserializer.end()?;
    Ok(slots)
}

struct Object<'a, P> {
    parameters: &'a P,
    policy: Policy,
}

impl<'de, P: Parameters> Visitor<'de> for Object<'_, P> {
    type Value = P::Slots;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of arguments")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<P::Slots, A::Error> {
        let mut slots = P::Slots::default();
        while let Some(position) = map.next_key_seed(Name { parameters: self.parameters, policy: self.policy })? {
            match position {
                Some(position) => {
                    map.next_value_seed(Slot { parameters: self.parameters, position, slots: &mut slots })?;
                }
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(slots)
    }
}

/// The position of the parameter a key names; `None` where the argument is passed over.
struct Name<'a, P> {
    parameters: &'a P,
    policy: Policy,
}

impl<'de, P: Parameters> DeserializeSeed<'de> for Name<'_, P> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl<P: Parameters> Visitor<'_> for Name<'_, P> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of an argument")
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Self::Value, E> {
        match self.parameters.position(name) {
            None if !self.policy.ignores(name) => Err(E::custom("there is no such argument")),
            position => Ok(position),
        }
    }
}

struct Slot<'a, P: Parameters> {
    parameters: &'a P,
    position: usize,
    slots: &'a mut P::Slots,
}

impl<'de, P: Parameters> DeserializeSeed<'de> for Slot<'_, P> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        self.parameters.decode(self.position, self.slots, Exact(deserializer))
    }
}
