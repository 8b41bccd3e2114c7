//! [`WithoutEnvelopes`]: deserializes a call's arguments from its params, and skips the platform's envelopes beside them.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::value::{BorrowedStrDeserializer, MapAccessDeserializer};
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, IntoDeserializer, MapAccess, Visitor};

/// The envelope with the caller's scope and tokens.
pub(crate) const PLATFORM_ENVELOPE: &str = "__platos";

/// The envelope with the operator's own object.
pub(crate) const CONTEXT_ENVELOPE: &str = "_context";

/// Deserializes an object as if its envelopes were not there.
///
/// The names are compared as they are read, so no intermediate value is built and the values of arguments are decoded where they stand. Only the
/// envelopes of the outermost object are left out.
pub(super) struct WithoutEnvelopes<D>(pub(super) D);

fn is_envelope(name: &str) -> bool {
    name == PLATFORM_ENVELOPE || name == CONTEXT_ENVELOPE
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for WithoutEnvelopes<D> {
    type Error = D::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_map(EnvelopeObject(visitor))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, D::Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_map(Tagged(visitor))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_ignored_any(visitor)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier
    }
}

/// Hands an object on to a visitor, without the envelopes.
struct EnvelopeObject<V>(V);

impl<'de, V: Visitor<'de>> Visitor<'de> for EnvelopeObject<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        self.0.visit_map(EnvelopeEntries(map))
    }
}

/// Reads an enum from an object of one argument, whose name is the variant.
struct Tagged<V>(V);

impl<'de, V: Visitor<'de>> Visitor<'de> for Tagged<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        let mut entries = EnvelopeEntries(map);
        let value = MapAccessDeserializer::new(&mut entries).deserialize_enum("", &[], self.0)?;
        match entries.next_key::<IgnoredAny>()? {
            None => Ok(value),
            Some(_) => Err(A::Error::custom("expected one argument, whose name is the variant")),
        }
    }
}

/// The entries of an object that are no envelopes.
struct EnvelopeEntries<A>(A);

/// A name that is borrowed from the text where it has no escapes.
#[derive(Deserialize)]
struct EnvelopeName<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de, A: MapAccess<'de>> MapAccess<'de> for EnvelopeEntries<A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        while let Some(EnvelopeName(name)) = self.0.next_key()? {
            if is_envelope(&name) {
                self.0.next_value::<IgnoredAny>()?;
                continue;
            }
            let key = match name {
                Cow::Borrowed(name) => seed.deserialize(BorrowedStrDeserializer::new(name)),
                Cow::Owned(name) => seed.deserialize(name.into_deserializer()),
            };
            return key.map(Some);
        }
        Ok(None)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        self.0.next_value_seed(seed)
    }
}
