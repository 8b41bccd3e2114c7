//! [`Members`]: reads a JSON object as a list of names and unparsed values, in which a name may occur twice.

use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;

/// Reads an object as its names and the text of its values. A name may be there twice.
pub(crate) struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Vec<(String, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(members)
    }
}
