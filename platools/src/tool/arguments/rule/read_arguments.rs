//! [`read`]: parses a call's arguments without the platform's envelopes, and notes members that occur twice.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::map::{Entry, Map};
use serde_json::{Number, Value};

use super::problem::Path;

/// The name under which `serde_json` passes numbers if a program has it keep all their digits.
const NUMBER: &str = "$serde_json::private::Number";

/// Arguments, and the members that are given twice.
#[derive(Debug, Default)]
pub(super) struct Arguments {
    pub(super) value: Value,
    pub(super) repeated: Vec<Path>,
}

/// Reads arguments. Members of the outermost object whose names begin with `_` are the platform's and are passed over.
///
/// # Errors
/// The text is no JSON.
pub(super) fn read(arguments: &str) -> serde_json::Result<Arguments> {
    let mut reader = Reader { place: Vec::new(), repeated: Vec::new() };
    let mut deserializer = serde_json::Deserializer::from_str(arguments);
    let value = Seed(&mut reader).deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(Arguments { value, repeated: reader.repeated })
}

/// The place that is read.
struct Reader {
    /// The names and indexes that lead to it.
    place: Vec<PathStep>,
    repeated: Vec<Path>,
}

enum PathStep {
    Member(String),
    Item(usize),
}

impl Reader {
    fn note_repeated(&mut self, name: &str) {
        let steps = self.place.iter().map(|step| match step {
            PathStep::Member(name) => name.clone(),
            PathStep::Item(index) => index.to_string(),
        });
        let path = Path(steps.collect()).join(name);
        if self.repeated.last() != Some(&path) {
            self.repeated.push(path);
        }
    }
}

struct Seed<'a>(&'a mut Reader);

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let Self(reader) = self;
        let mut items = Vec::new();
        loop {
            reader.place.push(PathStep::Item(items.len()));
            let item = seq.next_element_seed(Seed(reader))?;
            reader.place.pop();
            match item {
                Some(item) => items.push(item),
                None => return Ok(items.into()),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let Self(reader) = self;
        let mut members = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            if reader.place.is_empty() && name.starts_with('_') {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            if name == NUMBER {
                let digits: String = map.next_value()?;
                return digits.parse::<Number>().map(Value::Number).map_err(A::Error::custom);
            }
            reader.place.push(PathStep::Member(name));
            let value = map.next_value_seed(Seed(reader))?;
            let Some(PathStep::Member(name)) = reader.place.pop() else { unreachable!("it was pushed") };
            match members.entry(name) {
                Entry::Vacant(member) => {
                    member.insert(value);
                }
                Entry::Occupied(mut member) => {
                    reader.note_repeated(member.key());
                    member.insert(value);
                }
            }
        }
        Ok(members.into())
    }
}
