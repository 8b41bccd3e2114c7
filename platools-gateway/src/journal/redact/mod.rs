//! [`redact`]: removes secrets from arguments and results before they are stored.
//!
//! It removes
//!
//! - values that the tool's schema marks as sensitive,
//! - values of members, options and header fields with names that sound secret, also where name and value are two members or two items,
//! - tokens, keys and passwords with a known form, also in the middle of a text,
//!
//! and also looks into strings that are JSON. It reads the text once and leaves the rest as it is. The work is bounded: a value that would
//! take more is dropped.

mod assignments;
mod json;
mod json_cursor;
mod names;
mod patterns;
mod plain_text;
mod schema_position;
mod search_rules;

use serde_json::Value;

pub use names::SENSITIVE_WORDS;
pub(super) use names::SensitiveNames;
pub(super) use search_rules::{Rules, Unreadable};

use json::Walk;
use schema_position::SchemaPosition;

/// The text without what must not be kept; `None` if all of it may be.
pub(super) fn redact(text: &str, schema: Option<&Value>, rules: &Rules<'_>) -> Result<Option<String>, Unreadable> {
    let nothing = Value::Null;
    let schema = schema.filter(|schema| schema_position::marks_anything(schema)).unwrap_or(&nothing);
    let mut parts = rules.max_parts;
    Walk::new(text, rules, &mut parts).run(&SchemaPosition::root(schema))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::search_rules::{MAX_DEPTH, REDACTED};
    use super::*;

    fn redacted(text: &str, schema: &Value) -> Option<String> {
        redact(text, Some(schema), &Rules::of(&SensitiveNames::default(), 64 * 1024)).unwrap()
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
            r#""toke\u006e":"[redacted]"}"#
        );
        assert_eq!(redacted(text, &Value::Null).unwrap(), expected);
    }

    #[test]
    fn white_space_around_a_value_hides_nothing() {
        let text = " \n{ \"in\" : [ {\"token\" : 1 } ] , \"a\" : [ ] } ";
        assert_eq!(
            redacted(text, &Value::Null).unwrap(),
            " \n{ \"in\" : [ {\"token\" : \"[redacted]\" } ] , \"a\" : [ ] } "
        );
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
    fn dependencies_of_draft_07_are_followed() {
        let schema = json!({
            "dependencies": {"a": {"properties": {"b": {"x-sensitive": true}}}, "c": ["a"]}
        });
        assert_eq!(redacted(r#"{"a":1,"b":2}"#, &schema).unwrap(), r#"{"a":1,"b":"[redacted]"}"#);
    }

    #[test]
    fn values_may_be_nested_as_deep_as_they_can_be_read() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(redact(&nested(MAX_DEPTH), None, &Rules::none()), Ok(None));
        assert!(serde_json::from_str::<Value>(&nested(MAX_DEPTH)).is_ok());
        assert_eq!(redact(&nested(MAX_DEPTH + 1), None, &Rules::none()), Err(Unreadable));
        assert!(serde_json::from_str::<Value>(&nested(MAX_DEPTH + 1)).is_err());
        assert_eq!(redact(&nested(30_000), None, &Rules::none()), Err(Unreadable));
    }

    fn changed(text: &str) -> Option<String> {
        redacted(text, &Value::Null)
    }

    #[test]
    fn names_and_values_that_are_apart_belong_together() {
        for (text, expected) in [
            (r#"{"value":"x","name":"Authorization","n":1}"#, r#"{"value":"[redacted]","name":"Authorization","n":1}"#),
            (r#"{"name":"Authorization","value":"Bearer x"}"#, r#"{"name":"Authorization","value":"[redacted]"}"#),
            (r#"[{"key":"password","value":{"a":1}}]"#, r#"[{"key":"password","value":"[redacted]"}]"#),
            (r#"["--password","hunter",1]"#, r#"["--password","[redacted]",1]"#),
            (r#"["--pin",1234]"#, r#"["--pin","[redacted]"]"#),
            (r#"[["Cookie","a"],["Accept","b"]]"#, r#"[["Cookie","[redacted]"],["Accept","b"]]"#),
            (r#"["Accept","b","Cookie","a"]"#, r#"["Accept","b","Cookie","[redacted]"]"#),
        ] {
            assert_eq!(changed(text).unwrap(), expected);
        }
        for text in [
            r#"{"name":"Accept","value":"x"}"#,
            r#"["password","token","name"]"#,
            r#"["--token","--verbose"]"#,
            r#"{"name":"password","type":"string"}"#,
            r#"{"pin":true,"pass":null,"max_tokens":100,"author":"x"}"#,
        ] {
            assert_eq!(changed(text), None, "{text}");
        }
    }

    #[test]
    fn json_in_strings_is_gone_into() {
        let outer = |inner: &str| json!({"body": json!([inner]).to_string(), "n": "[1, 2]"}).to_string();
        let expected = outer(r#"{"password":"[redacted]", "n":[1]}"#);
        assert_eq!(changed(&outer(r#"{"password":"hunter", "n":[1]}"#)).unwrap(), expected);
        assert_eq!(changed(&json!({"body": "{\"a\": \"b\"}"}).to_string()), None);
        let mut deep = r#"{"password":1}"#.to_owned();
        for _ in 0..6 {
            deep = json!([deep]).to_string();
        }
        assert_eq!(redact(&deep, None, &Rules::of(&SensitiveNames::default(), 64 * 1024)), Err(Unreadable));
    }

    #[test]
    fn nesting_counts_on_inside_of_strings() {
        let nested = |value: &Value, depth: usize| (0..depth).fold(value.clone(), |value, _| json!([value]));
        let rules = SensitiveNames::default();
        let inside =
            |depth: usize| json!({"a": nested(&json!(nested(&json!("x"), depth).to_string()), 60)}).to_string();
        assert_eq!(redact(&inside(60), None, &Rules::of(&rules, 64 * 1024)), Ok(None));
        assert_eq!(redact(&inside(70), None, &Rules::of(&rules, 64 * 1024)), Err(Unreadable));
    }

    #[test]
    fn schemas_of_json_in_strings_count() {
        let schema = json!({"properties": {"body": {"contentSchema": {"properties": {"ssn": {"x-sensitive": true}}}}}});
        let text = json!({"body": r#"{"ssn":1,"n":2}"#}).to_string();
        assert_eq!(redacted(&text, &schema).unwrap(), json!({"body": r#"{"ssn":"[redacted]","n":2}"#}).to_string());
    }

    #[test]
    fn secrets_in_texts_and_names_are_replaced_alone() {
        let text = r#"{"note":"use \"Bearer abc123\" with\nhttps://u:pw@h","https://u:pw@h":1}"#;
        let expected =
            r#"{"note":"use \"Bearer [redacted]\" with\nhttps://u:[redacted]@h","https://u:[redacted]@h":1}"#;
        assert_eq!(changed(text).unwrap(), expected);
    }

    #[test]
    fn strings_that_are_no_text_are_taken_out() {
        assert_eq!(changed(r#"["\ud800", "\ud83d\ude00"]"#).unwrap(), r#"["[redacted]", "\ud83d\ude00"]"#);
    }

    #[test]
    fn a_value_that_takes_too_much_work_is_not_gone_through() {
        let rules = |names| Rules { max_parts: 1000, ..Rules::of(names, 0) };
        let names = SensitiveNames::default();
        let wide = |items: usize| serde_json::to_string(&vec![1; items]).unwrap();
        assert_eq!(redact(&wide(900), None, &rules(&names)), Ok(None));
        assert_eq!(redact(&wide(1100), None, &rules(&names)), Err(Unreadable));
        let inside = json!({"a": wide(600), "b": wide(600)}).to_string();
        assert_eq!(redact(&inside, None, &rules(&names)), Err(Unreadable));
        let many: Vec<_> = (0..100).map(|n| json!({"const": n, "x-sensitive": false})).collect();
        let schema = json!({"items": {"oneOf": many}, "not": {"x-sensitive": true}});
        assert_eq!(redact(&wide(100), Some(&schema), &rules(&names)), Err(Unreadable));
        assert_eq!(redact(&wide(10_000), None, &Rules::of(&names, 64 * 1024)), Ok(None));
    }

    mod properties {
        use proptest::prelude::*;
        use serde_json::Map;

        use super::*;

        /// A secret that is no ordinary word.
        const PLANTED: &str = "Qx7hunter2Zy9";

        /// A text that shows its secret.
        fn planted_text() -> impl Strategy<Value = String> {
            prop::sample::select(vec![
                format!("Bearer {PLANTED}"),
                format!("Basic {PLANTED}="),
                format!("plt_worker_{PLANTED}"),
                format!("plt_key_{PLANTED}"),
                format!("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ1In0.{PLANTED}"),
                format!("sk-{PLANTED}"),
                format!("ghp_{PLANTED}"),
                format!("xoxb-{PLANTED}"),
                format!("postgres://app:{PLANTED}@db/app"),
                format!("https://example.com/a?b=1&token={PLANTED}#c"),
                format!("https://example.com/a?api_key={PLANTED}&b=1"),
                format!("-----BEGIN PRIVATE KEY-----\n{PLANTED}\n-----END PRIVATE KEY-----"),
                format!("Authorization: Digest {PLANTED}"),
                format!("Cookie: a=b; sid={PLANTED}"),
                format!("password={PLANTED}"),
                format!("password: {PLANTED}"),
                format!("login --secret {PLANTED}"),
                format!(r#"{{"token": "{PLANTED}", cut off"#),
            ])
        }

        /// A value with one secret in it.
        fn planted() -> impl Strategy<Value = Value> {
            let names = ["password", "apiKey", "X-Auth-Token", "db_pass", "pin", "DSN", "clientSecret"];
            let leaf = prop_oneof![
                planted_text().prop_map(Value::String),
                ("[a-z ]{0,20}", planted_text()).prop_map(|(before, text)| Value::String(format!("{before}\n{text}"))),
                prop::sample::select(names.to_vec()).prop_map(|name| json!({name: PLANTED})),
                prop::sample::select(names.to_vec()).prop_map(|name| json!({"value": PLANTED, "name": name})),
                prop::sample::select(names.to_vec()).prop_map(|name| json!(["run", format!("--{name}"), PLANTED])),
                prop::sample::select(names.to_vec()).prop_map(|name| json!([name, PLANTED])),
                planted_text().prop_map(|text| json!({text: 1})),
            ];
            (leaf, prop::collection::vec(0..3_u8, 0..6)).prop_map(|(leaf, wrappers)| {
                let mut levels = 0;
                wrappers.into_iter().fold(leaf, |value, wrapper| match wrapper {
                    0 => json!([1, value, "x"]),
                    1 if levels < 3 => {
                        levels += 1;
                        json!({"body": value.to_string()})
                    }
                    _ => json!({"a": 1, "in": value}),
                })
            })
        }

        /// A value of words without secrets.
        fn harmless() -> impl Strategy<Value = Value> {
            let leaf = prop_oneof![
                any::<i64>().prop_map(|number| json!(number)),
                any::<bool>().prop_map(|flag| json!(flag)),
                "[a-zA-Z .,!?äöü東\"\n]{0,40}".prop_map(Value::String),
                Just(json!("https://example.com:8080/a/b?page=2&sort=name#top")),
                Just(json!("author: me, passenger 12, pinned")),
            ];
            leaf.prop_recursive(4, 64, 8, |inner| {
                prop_oneof![
                    prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
                    prop::collection::vec(("[a-z]{1,4}(id|at|count)", inner.clone()), 0..6)
                        .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>())),
                    inner.prop_map(|value| Value::String(value.to_string())),
                ]
            })
        }

        proptest! {
            #[test]
            fn no_planted_secret_survives(value in planted()) {
                let text = value.to_string();
                let left = changed(&text).expect("there is a secret");
                prop_assert!(!left.contains(PLANTED), "{text} -> {left}");
                prop_assert!(serde_json::from_str::<Value>(&left).is_ok(), "{left}");
            }

            #[test]
            fn text_without_secrets_stays_as_it_is(value in harmless()) {
                for text in [value.to_string(), serde_json::to_string_pretty(&value).unwrap()] {
                    prop_assert_eq!(changed(&text), None, "{}", text);
                }
            }

            #[test]
            fn what_was_redacted_stays_as_it_is(value in planted()) {
                let once = changed(&value.to_string()).expect("there is a secret");
                let twice = changed(&once).unwrap_or_else(|| once.clone());
                prop_assert_eq!(twice, once);
            }

            #[test]
            fn any_text_ends(text in ".{0,200}") {
                let _ = redact(&text, None, &Rules::of(&SensitiveNames::default(), 1024));
                let quoted = serde_json::to_string(&text).unwrap();
                let _ = redact(&quoted, None, &Rules::of(&SensitiveNames::default(), 1024));
            }
        }
    }
}
