//! Takes out of arguments and results what must not be kept.
//!
//! The text is gone through member by member, and not turned into values: what stays is written as it was, and a name that
//! is there twice is looked at twice.

mod names;
mod place;

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

pub(super) use names::Names;
pub use names::SENSITIVE_NAMES;

use crate::core::arguments::Name;
use place::Place;

/// What stands for what was taken out.
const REDACTED: &str = r#""[redacted]""#;

/// Values may be nested so deep; it is what serde_json reads, here and in most callers.
const MAX_DEPTH: usize = 127;

/// The value is nested too deep to be gone through.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooDeep;

/// The text without what must not be kept; `None` if all of it may be.
pub(super) fn redact(text: &str, schema: Option<&Value>, names: &Names) -> Result<Option<String>, TooDeep> {
    let nothing = Value::Null;
    let schema = schema.filter(|schema| place::marks_anything(schema)).unwrap_or(&nothing);
    let mut walk = Walk { names, out: String::with_capacity(text.len()), found: false };
    // A value is told from its first character.
    walk.value(text.trim_ascii(), &Place::root(schema), 0)?;
    Ok(walk.found.then_some(walk.out))
}

struct Walk<'a> {
    names: &'a Names,
    out: String,
    /// Something was taken out.
    found: bool,
}

impl Walk<'_> {
    fn value(&mut self, text: &str, place: &Place<'_>, depth: usize) -> Result<(), TooDeep> {
        if place.is_sensitive() {
            self.take_out();
            return Ok(());
        }
        let inside = depth + 1;
        match text.as_bytes().first() {
            Some(b'{' | b'[') if inside > MAX_DEPTH => Err(TooDeep),
            Some(b'{') => self.object(text, place, inside),
            Some(b'[') => self.array(text, place, inside),
            _ => {
                self.out.push_str(text);
                Ok(())
            }
        }
    }

    fn object(&mut self, text: &str, place: &Place<'_>, depth: usize) -> Result<(), TooDeep> {
        // What fails here is a name that is no text, such as half a surrogate; it is as little to be shown as what is too deep.
        let Members(members) = serde_json::from_str(text).map_err(|_| TooDeep)?;
        for (index, (name, value)) in members.iter().enumerate() {
            self.out.push(if index == 0 { '{' } else { ',' });
            self.out.push_str(&serde_json::to_string(&name.0).expect("text always serializes"));
            self.out.push(':');
            if self.names.fit(&name.0) {
                self.take_out();
            } else {
                self.value(value.get(), &place.member(&name.0), depth)?;
            }
        }
        self.out.push_str(if members.is_empty() { "{}" } else { "}" });
        Ok(())
    }

    fn array(&mut self, text: &str, place: &Place<'_>, depth: usize) -> Result<(), TooDeep> {
        let items: Vec<&RawValue> = serde_json::from_str(text).map_err(|_| TooDeep)?;
        for (index, item) in items.iter().enumerate() {
            self.out.push(if index == 0 { '[' } else { ',' });
            self.value(item.get(), &place.item(index), depth)?;
        }
        self.out.push_str(if items.is_empty() { "[]" } else { "]" });
        Ok(())
    }

    fn take_out(&mut self) {
        self.out.push_str(REDACTED);
        self.found = true;
    }
}

/// The members of an object, also those whose name was there before.
struct Members<'a>(Vec<(Name<'a>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;

        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(MembersVisitor)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn redacted(text: &str, schema: &Value) -> Option<String> {
        redact(text, Some(schema), &Names::default()).unwrap()
    }

    #[test]
    fn what_needs_no_redaction_stays_as_it_is() {
        let text = r#"{"a" : [1, 2.50, {"b": 123456789012345678901234567890}], "c":"password"}"#;
        assert_eq!(redacted(text, &json!({"type": "object"})), None);
    }

    #[test]
    fn members_whose_names_sound_secret_go_wherever_they_are() {
        let text = r#"{"user":"u","api_key":"k","in":[{"Password":{"a":1},"n":1.50},[]],"e":{},"toke\u006e":null}"#;
        let expected = concat!(
            r#"{"user":"u","api_key":"[redacted]","in":[{"Password":"[redacted]","n":1.50},[]],"e":{},"#,
            r#""token":"[redacted]"}"#
        );
        assert_eq!(redacted(text, &Value::Null).unwrap(), expected);
    }

    #[test]
    fn white_space_around_a_value_hides_nothing() {
        let text = " \n{ \"in\" : [ {\"token\" : 1 } ] , \"a\" : [ ] } ";
        assert_eq!(redacted(text, &Value::Null).unwrap(), r#"{"in":[{"token":"[redacted]"}],"a":[]}"#);
    }

    #[test]
    fn a_name_that_is_there_twice_hides_nothing() {
        let text = r#"{"x":{"password":"p"},"x":1}"#;
        assert_eq!(redacted(text, &Value::Null).unwrap(), r#"{"x":{"password":"[redacted]"},"x":1}"#);
    }

    #[test]
    fn marks_are_found_behind_references_and_in_alternatives() {
        let schema = json!({
            "$defs": {
                "card": {"type": "object", "properties": {"number": {"x-sensitive": true}, "of": {"$ref": "#/$defs/card"}}},
                "ssn": {"type": "string", "x-sensitive": true}
            },
            "properties": {
                "card": {"$ref": "#/$defs/card"},
                "id": {"anyOf": [{"type": "integer"}, {"$ref": "#/$defs/ssn"}]},
                "cards": {"items": {"$ref": "#/$defs/card"}},
                "pair": {"prefixItems": [{}, {"x-sensitive": true}]},
                "open": {"x-sensitive": false}
            },
            "additionalProperties": {"allOf": [{"properties": {"inner": {"x-sensitive": true}}}]}
        });
        for (text, expected) in [
            (
                r#"{"card":{"number":1,"of":{"of":{"number":2,"n":3}}}}"#,
                r#"{"card":{"number":"[redacted]","of":{"of":{"number":"[redacted]","n":3}}}}"#,
            ),
            (r#"{"id":"x","open":1}"#, r#"{"id":"[redacted]","open":1}"#),
            (r#"{"cards":[{"number":1},{"n":2}]}"#, r#"{"cards":[{"number":"[redacted]"},{"n":2}]}"#),
            (r#"{"pair":[1,2,3]}"#, r#"{"pair":[1,"[redacted]",3]}"#),
            (r#"{"other":{"inner":1}}"#, r#"{"other":{"inner":"[redacted]"}}"#),
        ] {
            assert_eq!(redacted(text, &schema).unwrap(), expected);
        }
        assert_eq!(redacted(r#"{"card":{"n":1},"open":{"inner":1}}"#, &schema), None);
    }

    #[test]
    fn a_schema_that_marks_the_whole_value_leaves_nothing_of_it() {
        assert_eq!(redacted("[1,2]", &json!({"x-sensitive": true})).unwrap(), REDACTED);
    }

    #[test]
    fn what_may_be_marked_somewhere_else_is_taken_out() {
        let schema = json!({
            "properties": {"a": {"$ref": "https://example.com/a"}, "b": {"$ref": "#/$defs/none"}, "c": {"x-sensitive": true}}
        });
        let expected = r#"{"a":"[redacted]","b":"[redacted]","d":1}"#;
        assert_eq!(redacted(r#"{"a":1,"b":2,"d":1}"#, &schema).unwrap(), expected);
    }

    #[test]
    fn circles_and_schemas_that_multiply_end() {
        let circle = json!({"allOf": [{"$ref": "#"}], "properties": {"a": {"$ref": "#"}, "b": {"x-sensitive": true}}});
        assert_eq!(redacted(r#"{"a":{"b":1}}"#, &circle).unwrap(), r#"{"a":{"b":"[redacted]"}}"#);
        let many: Vec<_> = (0..1000).map(|n| json!({"const": n, "x-sensitive": false})).collect();
        let bomb = json!({"properties": {"a": {"oneOf": many}, "b": {"x-sensitive": true}}});
        assert_eq!(redacted(r#"{"a":1}"#, &bomb).unwrap(), r#"{"a":"[redacted]"}"#);
    }

    #[test]
    fn values_may_be_nested_as_deep_as_they_can_be_read() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(redact(&nested(MAX_DEPTH), None, &Names::none()), Ok(None));
        assert!(serde_json::from_str::<Value>(&nested(MAX_DEPTH)).is_ok());
        assert_eq!(redact(&nested(MAX_DEPTH + 1), None, &Names::none()), Err(TooDeep));
        assert!(serde_json::from_str::<Value>(&nested(MAX_DEPTH + 1)).is_err());
        assert_eq!(redact(&nested(30_000), None, &Names::none()), Err(TooDeep));
    }
}
