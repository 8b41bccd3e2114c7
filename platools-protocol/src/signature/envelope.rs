//! [`split`]: separates the params of a call from the platform's envelope within them, byte for byte.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The key of the platform's envelope, which is not signed itself.
const ENVELOPE: &str = "__platos";

/// The params without the envelope, in the order of their members, and the envelope; `None` where there is not exactly one.
///
/// Platforms put it last. Nothing of it is signed, so it may stand anywhere.
pub(super) fn split(params: &str) -> Option<(String, &str)> {
    let Entries(entries) = serde_json::from_str(params).ok()?;
    let mut named = entries.iter().enumerate().filter(|(_, (key, _))| key == ENVELOPE);
    let (at, (_, envelope)) = named.next().filter(|_| named.next().is_none())?;
    let end_of = |value: &str| value.as_ptr() as usize + value.len() - params.as_ptr() as usize;
    // From the comma before the envelope's key, or for the first entry from its key to the comma behind it.
    let (start, end) = match at.checked_sub(1).and_then(|before| entries.get(before)) {
        Some((_, before)) => (end_of(before.get()), end_of(envelope.get())),
        None => {
            let rest = params.get(end_of(envelope.get())..)?;
            let comma = rest.trim_start().starts_with(',').then(|| rest.find(',')).flatten();
            (params.find('{')? + 1, end_of(envelope.get()) + comma.map_or(0, |comma| comma + 1))
        }
    };
    let (before, after) = (params.get(..start)?, params.get(end..)?);
    Some((format!("{before}{after}"), envelope.get()))
}

/// The entries of an object.
struct Entries<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Entries<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct EntriesVisitor;

        impl<'de> Visitor<'de> for EntriesVisitor {
            type Value = Entries<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(Key(key)) = map.next_key()? {
                    entries.push((key, map.next_value()?));
                }
                Ok(Entries(entries))
            }
        }

        deserializer.deserialize_map(EntriesVisitor)
    }
}

/// A key, borrowed where that is possible.
#[derive(Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);
