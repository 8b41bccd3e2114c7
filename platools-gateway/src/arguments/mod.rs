//! [`Arguments`]: the arguments of a call as the text of a JSON object. It is checked and compacted in one pass, and never parsed into
//! values.

pub(crate) mod compact;
pub(crate) mod json_stringify;

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use platools::tool::object_in_text;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::arguments::compact::compact_with_names;
use crate::background::offload::{IN_PLACE_BYTES, offload};
use crate::domain::error::{Error, ErrorKind};
use crate::domain::shared_text::SharedText;
use crate::domain::surrogates::well_formed;

/// The keys the gateway adds to every call; a caller's arguments must not have them.
pub(crate) const RESERVED: [&str; 2] = ["_context", "__platos"];

/// The text of a JSON object, without white space between its parts. A clone shares the text.
#[derive(Clone, PartialEq, Eq)]
pub struct Arguments(SharedText);

/// Shows how long they are, not what they say.
impl fmt::Debug for Arguments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Arguments").field("bytes", &self.len()).finish()
    }
}

impl Arguments {
    /// No arguments at all.
    #[must_use]
    pub fn none() -> Self {
        Self("{}".to_owned().into())
    }

    /// Takes the text of a JSON value.
    ///
    /// # Errors
    /// It is not an object, names an argument twice (the two ends of the wire might each take another), or names one that
    /// only the gateway may set.
    pub fn parse(raw: &RawValue) -> Result<Self, Error> {
        Ok(Self(checked(&well_formed(raw.get()))?.into_owned().into()))
    }

    /// Takes a value that is a part of a body, which has no lone surrogates any more. Without white space in it, it shares the body's text and copies nothing.
    ///
    /// # Errors
    /// Like [`Arguments::parse`].
    pub(crate) fn parse_in_body(body: &Arc<String>, raw: &RawValue) -> Result<Self, Error> {
        Ok(Self(match checked(raw.get())? {
            Cow::Borrowed(text) => SharedText::part_of(body, text),
            Cow::Owned(text) => text.into(),
        }))
    }

    /// Takes over a value that is a part of a body, which has no lone surrogates any more. Without white space in it, nothing is copied.
    ///
    /// # Errors
    /// Like [`Arguments::parse`].
    fn from_boxed(raw: Box<RawValue>) -> Result<Self, Error> {
        if let Cow::Owned(text) = checked(raw.get())? {
            return Ok(Self(text.into()));
        }
        let text: Box<str> = raw.into();
        Ok(Self(text.into_string().into()))
    }

    /// Takes the text of a JSON value like [`Arguments::parse`], a large one on a blocking thread.
    ///
    /// # Errors
    /// Like [`Arguments::parse`].
    pub(crate) async fn parse_offloaded(raw: &RawValue) -> Result<Self, Error> {
        let bytes = raw.get().len();
        if bytes <= IN_PLACE_BYTES {
            return Self::parse(raw);
        }
        let raw = raw.to_owned();
        offload(bytes, move || Self::parse(&raw)).await
    }

    /// Takes over a value like [`Arguments::from_boxed`], a large one on a blocking thread.
    ///
    /// # Errors
    /// Like [`Arguments::parse`].
    pub(crate) async fn from_boxed_offloaded(raw: Box<RawValue>) -> Result<Self, Error> {
        offload(raw.get().len(), || Self::from_boxed(raw)).await
    }

    /// Takes over arguments that another gateway has checked.
    pub(crate) fn already_checked(raw: Box<RawValue>) -> Self {
        let text: Box<str> = raw.into();
        Self(text.into_string().into())
    }

    pub(crate) fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The length of the text, in bytes.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The text, for owners that keep it after the call.
    pub(crate) fn text(&self) -> &SharedText {
        &self.0
    }

    /// Arguments that were checked, as the rule for their tool changed them.
    pub(crate) fn fitted(text: String) -> Self {
        Self(text.into())
    }
}

/// Checks and compacts arguments in one pass. Only those that are refused are read once more, for the place and the reason.
///
/// The signature covers the compact form, because it is what travels. A receiver verifies it on the text as it came: a JSON library
/// may write numbers and escapes differently.
fn checked(json: &str) -> Result<Cow<'_, str>, Error> {
    match object_in_text(json) {
        Some(object) => Ok(Cow::Owned(checked_object(&well_formed(&object))?.into_owned())),
        None => checked_object(json),
    }
}

fn checked_object(json: &str) -> Result<Cow<'_, str>, Error> {
    let mut names = NamesSeen::default();
    let text = compact_with_names(json, |name| names.note(name));
    if !json.starts_with('{') || names.is_refused {
        serde_json::from_str::<CheckedNames>(json)
            .map_err(|error| Error::new(ErrorKind::InvalidRequest, format!("`arguments`: {error}")))?;
    }
    Ok(text)
}

/// The names of an object's members, as far as the pass over the object has come.
#[derive(Default)]
struct NamesSeen<'a> {
    names: HashSet<Cow<'a, str>>,
    /// True if one of them is there twice, is the gateway's own, or cannot be read.
    is_refused: bool,
}

impl<'a> NamesSeen<'a> {
    /// Notes a name, which is in quotes.
    fn note(&mut self, quoted: &'a str) {
        let inner = quoted.get(1..quoted.len() - 1).unwrap_or_default();
        let name =
            if inner.contains('\\') { serde_json::from_str(quoted).map(Cow::Owned) } else { Ok(Cow::Borrowed(inner)) };
        let is_good = name.is_ok_and(|name| !RESERVED.contains(&&*name) && self.names.insert(name));
        self.is_refused |= !is_good;
    }
}

/// Passes over an object's members and checks their names.
struct CheckedNames;

/// The name of a member, borrowed where that is possible; `Cow` alone always copies.
#[derive(Deserialize)]
pub(crate) struct MemberName<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);

impl<'de> Deserialize<'de> for CheckedNames {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NamesVisitor;

        impl<'de> Visitor<'de> for NamesVisitor {
            type Value = CheckedNames;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<CheckedNames, A::Error> {
                let mut seen = HashSet::new();
                while let Some(MemberName(name)) = map.next_key()? {
                    map.next_value::<IgnoredAny>()?;
                    if RESERVED.contains(&&*name) {
                        return Err(A::Error::custom(format_args!("`{name}` is set by the gateway, not by callers")));
                    }
                    if let Some(name) = seen.replace(name) {
                        return Err(A::Error::custom(format_args!("`{name}` is there twice")));
                    }
                }
                Ok(CheckedNames)
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
        Arguments::parse(raw).map(|arguments| arguments.as_str().to_owned()).map_err(|error| error.to_string())
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
        assert_eq!(checked(r#""{\"a\":\"\\ud83c\"}""#).unwrap(), r#"{"a":"\ufffd"}"#);
        let raw: &RawValue = serde_json::from_str(r#"{"a":"\udf89"}"#).expect("JSON");
        assert_eq!(Arguments::parse(raw).unwrap().as_str(), r#"{"a":"\ufffd"}"#);
    }

    #[test]
    fn the_gateways_own_names_are_refused_however_they_are_spelt() {
        for json in [r#"{"__platos":{}}"#, r#"{"a":1,"_context":{}}"#, r#"{"\u005f_platos":{}}"#] {
            assert!(checked(json).unwrap_err().contains("set by the gateway"), "{json}");
        }
    }

    #[test]
    fn an_object_that_was_encoded_a_second_time_is_taken() {
        assert_eq!(checked(r#""{\"a\": [1, \"x\"]}""#).unwrap(), r#"{"a":[1,"x"]}"#);
        assert_eq!(checked(r#"" {} ""#).unwrap(), "{}");
        assert_eq!(checked(r#""\"{}\"""#).unwrap(), "{}");
        for json in [r#""a""#, r#""[1]""#, r#""""#, r#""{\"a\":""#, r#""{\"_context\":{}}""#, r#""{\"a\":1,\"a\":2}""#]
        {
            assert!(checked(json).is_err(), "{json}");
        }
    }

    #[test]
    fn names_that_are_there_twice_are_refused() {
        assert!(checked(r#"{"a":1,"\u0061":2}"#).unwrap_err().contains("`a` is there twice"));
    }

    #[test]
    fn a_refusal_names_the_place() {
        assert_eq!(
            checked("{\"a\": 1,\n \"__platos\": {}}").unwrap_err(),
            "`arguments`: `__platos` is set by the gateway, not by callers at line 2 column 16"
        );
    }

    #[test]
    fn names_of_inner_objects_are_nobodys_business() {
        for json in [r#"{"a":{"a":1,"__platos":2},"b":[{"a":1},"a"]}"#, r#"{"x":"a","y":"a","a":"__platos"}"#] {
            assert_eq!(checked(json).unwrap(), json);
        }
    }

    #[test]
    fn arguments_without_white_space_are_not_copied() {
        let body = Arc::new(r#"{"arguments":{"text":"rather long, so that it is most of the body"}}"#.to_owned());
        let raw: &RawValue = serde_json::from_str(&body[13..body.len() - 1]).unwrap();
        for _ in 0..2 {
            let shared = Arguments::parse_in_body(&body, raw).unwrap();
            assert!(std::ptr::eq(shared.as_str(), raw.get()));
        }
        let (owned, copied) = (raw.to_owned(), Arguments::parse(raw).unwrap());
        let place = owned.get().as_ptr();
        let taken = Arguments::from_boxed(owned).unwrap();
        assert_eq!(taken.as_str().as_ptr(), place);
        assert!(taken == copied && !std::ptr::eq(copied.as_str(), raw.get()));
        assert!(std::ptr::eq(taken.as_str(), taken.clone().as_str()));
    }

    #[test]
    fn only_objects_are_arguments() {
        for json in ["[]", "null", "1", "\"[]\""] {
            assert!(checked(json).unwrap_err().contains("a JSON object"), "{json}");
        }
    }
}
