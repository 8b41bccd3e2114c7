//! A caller's arguments, checked and compacted without building a value of them.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::compact::compact;
use super::error::{Error, ErrorKind};
use crate::domain::surrogates::well_formed;

/// The keys the gateway adds to every call; a caller's arguments must not have them.
pub(crate) const RESERVED: [&str; 2] = ["_context", "__platos"];

/// The text of a JSON object, without white space between its parts.
#[derive(Clone, PartialEq, Eq)]
pub struct Arguments(String);

/// Shows how long they are, not what they say.
impl fmt::Debug for Arguments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Arguments").field("bytes", &self.0.len()).finish()
    }
}

impl Arguments {
    /// No arguments at all.
    #[must_use]
    pub fn none() -> Self {
        Self("{}".to_owned())
    }

    /// Takes the text of a JSON value.
    ///
    /// # Errors
    /// It is not an object, names an argument twice (the two ends of the wire might each take another), or names one that
    /// only the gateway may set.
    pub fn new(raw: &RawValue) -> Result<Self, Error> {
        let raw = well_formed(raw.get());
        serde_json::from_str::<Names>(&raw)
            .map_err(|error| Error::new(ErrorKind::InvalidRequest, format!("`arguments`: {error}")))?;
        // The signature covers this form, because it is what travels. A receiver verifies it on the text as it came: a JSON library
        // may write numbers and escapes differently.
        Ok(Self(compact(&raw).into_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Arguments that were read and changed.
    pub(crate) fn of_members(members: &Map<String, Value>) -> Self {
        Self(serde_json::to_string(members).expect("values always serialize"))
    }

    /// The arguments as values.
    pub(crate) fn members(&self) -> Result<Map<String, Value>, Error> {
        serde_json::from_str(&self.0).map_err(|error| {
            // What was read once fails now only if it is nested more than 128 levels deep.
            Error::new(ErrorKind::InvalidArguments, format!("the arguments cannot be checked: {error}"))
        })
    }
}

/// Passes over an object's members and checks their names.
struct Names;

/// The name of a member, borrowed where that is possible; `Cow` alone always copies.
#[derive(Deserialize)]
pub(crate) struct Name<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NamesVisitor;

        impl<'de> Visitor<'de> for NamesVisitor {
            type Value = Names;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Names, A::Error> {
                let mut seen = HashSet::new();
                while let Some(Name(name)) = map.next_key()? {
                    map.next_value::<IgnoredAny>()?;
                    if RESERVED.contains(&&*name) {
                        return Err(A::Error::custom(format_args!("`{name}` is set by the gateway, not by callers")));
                    }
                    if let Some(name) = seen.replace(name) {
                        return Err(A::Error::custom(format_args!("`{name}` is there twice")));
                    }
                }
                Ok(Names)
            }
        }

        deserializer.deserialize_map(NamesVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(json: &str) -> Result<String, String> {
        let raw: &RawValue = serde_json::from_str(json).expect("JSON");
        Arguments::new(raw).map(|arguments| arguments.0).map_err(|error| error.to_string())
    }

    #[test]
    fn white_space_goes_and_strings_stay() {
        let json = "{ \"a b\" : [ 1 , 2.50 ],\n\t\"q\\\"  \\\\\" : \" x \\\" y \" ,\"e\": { } }";
        assert_eq!(checked(json).unwrap(), r#"{"a b":[1,2.50],"q\"  \\":" x \" y ","e":{}}"#);
    }

    #[test]
    fn escapes_and_other_alphabets_stay_as_they_are() {
        let json = "{\"text\": \"naïve – 東京 \\u0000 \\\"q\\\"\", \"n\": null}";
        assert_eq!(checked(json).unwrap(), r#"{"text":"naïve – 東京 \u0000 \"q\"","n":null}"#);
    }

    #[test]
    fn a_text_that_was_cut_within_a_character_is_taken() {
        assert_eq!(checked(r#"{"a":"x\ud83c"}"#).unwrap(), r#"{"a":"x\ufffd"}"#);
        let raw: &RawValue = serde_json::from_str(r#"{"a":"\udf89"}"#).expect("JSON");
        assert_eq!(Arguments::new(raw).unwrap().members().unwrap()["a"], "\u{fffd}");
    }

    #[test]
    fn the_gateways_own_names_are_refused_however_they_are_spelt() {
        for json in [r#"{"__platos":{}}"#, r#"{"a":1,"_context":{}}"#, r#"{"\u005f_platos":{}}"#] {
            assert!(checked(json).unwrap_err().contains("set by the gateway"), "{json}");
        }
    }

    #[test]
    fn names_that_are_there_twice_are_refused() {
        assert!(checked(r#"{"a":1,"\u0061":2}"#).unwrap_err().contains("`a` is there twice"));
    }

    #[test]
    fn only_objects_are_arguments() {
        for json in ["[]", "null", "1", "\"{}\""] {
            assert!(checked(json).unwrap_err().contains("a JSON object"), "{json}");
        }
    }
}
