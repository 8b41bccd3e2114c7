//! Tests of `ArgumentRule`, which checks and repairs arguments.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn rule(schema: &Value) -> ArgumentRule {
    ArgumentRule::new(schema).expect("a schema")
}

/// The arguments that arrive for one parameter; `None` for a problem.
fn fit(schema: &Value, value: &str) -> Option<String> {
    let schema = json!({"type": "object", "properties": {"v": schema}, "required": ["v"]});
    let text = format!(r#"{{"v":{value}}}"#);
    let fitted = rule(&schema).fit(&text).ok()?;
    let inner = fitted.strip_prefix(r#"{"v":"#)?.strip_suffix('}')?;
    Some(inner.to_owned())
}

/// The same for a parameter that may be left out; empty text stands for one that was.
fn fit_optional(schema: &Value, value: &str) -> Option<String> {
    let schema = json!({"type": "object", "properties": {"v": schema}});
    let text = format!(r#"{{"v":{value}}}"#);
    let fitted = rule(&schema).fit(&text).ok()?;
    let inner = fitted.strip_prefix('{')?.strip_suffix('}')?;
    Some(inner.strip_prefix(r#""v":"#).unwrap_or(inner).to_owned())
}

#[track_caller]
fn assert_fits(schema: Value, cases: &[(&str, Option<&str>)]) {
    for (value, expected) in cases {
        assert_eq!(fit(&schema, value).as_deref(), *expected, "{value} for {schema}");
    }
}

fn problems(schema: &Value, arguments: &Value) -> Vec<String> {
    let invalid = rule(schema).fit(&arguments.to_string()).expect_err("it does not fit");
    let mut lines: Vec<_> = invalid.problems().iter().map(ToString::to_string).collect();
    lines.sort();
    lines
}

#[test]
fn scalars_in_strings_are_taken_where_no_string_is() {
    let integer = json!({"type": "integer"});
    assert_fits(
        integer,
        &[
            (r#""42""#, Some("42")),
            (r#"" -7 ""#, Some("-7")),
            (r#""5.0""#, Some("5.0")),
            (r#""1e2""#, Some("1e2")),
            ("30.0", Some("30.0")),
            (r#""5.5""#, None),
            (r#""many""#, None),
            ("true", None),
        ],
    );
    assert_fits(json!({"type": "number"}), &[(r#""0.10""#, Some("0.10")), (r#""NaN""#, None), (r#""true""#, None)]);
    assert_fits(json!({"type": "boolean"}), &[(r#""true""#, Some("true")), (r#""False""#, Some("false")), ("1", None)]);
    assert_fits(json!({"type": ["string", "integer"]}), &[(r#""42""#, Some(r#""42""#))]);
    assert_fits(json!({"type": "string"}), &[("42", None)]);
    assert_fits(json!({"enum": [1, 2, "a"]}), &[(r#""2""#, Some("2")), (r#""3""#, None), (r#""a""#, Some(r#""a""#))]);
    assert_fits(json!({"const": true}), &[(r#""true""#, Some("true"))]);
}

#[test]
fn json_in_strings_is_taken_where_a_list_or_an_object_is_meant() {
    let numbers = json!({"type": "array", "items": {"type": "integer"}});
    assert_fits(
        numbers,
        &[
            (r#""[1, 2]""#, Some("[1, 2]")),
            (r#"["1", 2]"#, Some("[1,2]")),
            (r#""[\"1\"]""#, Some("[1]")),
            (r#""\"[1]\"""#, Some("[1]")),
            (r#""[1""#, None),
        ],
    );
    let object = json!({"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]});
    assert_fits(object, &[(r#""{\"n\": \"1\"}""#, Some(r#"{"n":1}"#)), (r#""{}""#, None)]);
}

#[test]
fn one_value_is_taken_for_a_list_of_it() {
    let strings = json!({"type": "array", "items": {"type": "string"}});
    assert_fits(strings, &[(r#""a""#, Some(r#"["a"]"#)), (r#""[\"a\"]""#, Some(r#"["a"]"#)), ("null", None)]);
    let objects = json!({"type": "array", "items": {"type": "object", "required": ["n"]}});
    assert_fits(objects, &[(r#"{"n":1}"#, Some(r#"[{"n":1}]"#)), (r#""{\"n\":1}""#, Some(r#"[{"n":1}]"#))]);
    assert_fits(json!({"type": "array", "items": {"type": "integer"}}), &[("5", Some("[5]")), (r#""5""#, Some("[5]"))]);
}

#[test]
fn arguments_that_are_nothing_are_left_out_where_they_may_be() {
    for schema in [
        json!({"type": "integer"}),
        json!({"type": ["integer", "null"]}),
        json!({"type": "array", "items": {"type": "string"}}),
        json!({"enum": ["a", "b"]}),
        json!({"anyOf": [{"type": "object"}, {"type": "null"}]}),
        json!({"type": "string", "minLength": 1}),
    ] {
        assert_eq!(fit_optional(&schema, r#""""#).as_deref(), Some(""), "{schema}");
    }
    assert_eq!(fit_optional(&json!({"type": "integer"}), "null").as_deref(), Some(""));
    assert_eq!(fit_optional(&json!({"type": "integer"}), r#""null""#).as_deref(), Some(""));
    assert_eq!(fit_optional(&json!({"type": ["integer", "null"]}), "null").as_deref(), Some("null"));
    assert_eq!(fit_optional(&json!({"type": "string"}), r#""null""#).as_deref(), Some(r#""null""#));
    assert_eq!(fit_optional(&json!({"type": "string"}), r#""""#).as_deref(), Some(r#""""#));
    // An item is no argument that may be left out.
    let numbers = json!({"type": "array", "items": {"type": "integer"}});
    assert_fits(numbers, &[("[1,null]", None), (r#"[1,""]"#, None)]);
    assert_fits(json!({"type": "array", "items": {"type": ["integer", "null"]}}), &[(r#"[1,""]"#, Some("[1,null]"))]);
    // A required one becomes null where null is taken.
    assert_fits(json!({"type": ["integer", "null"]}), &[(r#""""#, Some("null")), (r#""null""#, Some("null"))]);
    assert_fits(json!({"type": "integer"}), &[(r#""""#, None), ("null", None)]);
}

#[test]
fn changes_are_made_at_every_depth_and_behind_references() {
    let schema = json!({
        "type": "object",
        "properties": {"tree": {"$ref": "#/$defs/Tree"}},
        "$defs": {"Tree": {
            "type": "object",
            "properties": {"n": {"type": "integer"}, "kids": {"type": "array", "items": {"$ref": "#/$defs/Tree"}}},
            "additionalProperties": false,
            "required": ["n"]
        }}
    });
    let sent = r#"{"tree": "{\"n\": \"1\", \"kids\": [\"{\\\"n\\\": \\\"2\\\", \\\"kids\\\": null}\"]}", "x": 340282366920938463463374607431768211455}"#;
    let fitted = rule(&schema).fit(sent).expect("it is meant so");
    // A number beside the changes keeps its digits.
    assert_eq!(fitted, r#"{"tree":{"n":1,"kids":[{"n":2}]},"x":340282366920938463463374607431768211455}"#);
}

#[test]
fn of_several_forms_the_nearest_is_taken() {
    let tagged = json!({"oneOf": [
        {"type": "object", "properties": {"kind": {"const": "a"}, "n": {"type": "integer"}}, "required": ["kind", "n"]},
        {"type": "object", "properties": {"kind": {"const": "b"}, "on": {"type": "boolean"}}, "required": ["kind", "on"]}
    ]});
    assert_fits(
        tagged,
        &[
            (r#"{"kind":"b","on":"true"}"#, Some(r#"{"kind":"b","on":true}"#)),
            (r#"{"kind":"a","n":"5"}"#, Some(r#"{"kind":"a","n":5}"#)),
            (r#"{"kind":"c","n":"5"}"#, None),
        ],
    );
    let either = json!({"anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "integer"}]});
    assert_fits(either, &[(r#""5""#, Some("5")), (r#""x""#, Some(r#"["x"]"#))]);
}

#[test]
fn a_strict_rule_changes_nothing() {
    let schema = json!({"type": "object", "properties": {"n": {"type": "integer"}}});
    let strict = rule(&schema).strict();
    assert!(strict.fit(r#"{"n":"1"}"#).is_err());
    assert!(strict.fit(r#"{"n":1}"#).is_ok());
}

#[test]
fn every_problem_is_told_at_its_path() {
    let schema = json!({
        "type": "object",
        "properties": {
            "order": {"type": "object", "properties": {"note": {"type": "string"}, "sort": {"enum": ["newest", "oldest"]}},
                "additionalProperties": false},
            "lines": {"type": "array", "items": {"type": "object", "properties": {"n": {"type": "integer", "maximum": 5}},
                "required": ["n"]}}
        },
        "required": ["order", "lines", "id"],
        "additionalProperties": false
    });
    let sent = json!({"order": {"nte": "x", "sort": "newst"}, "lines": [{"n": "9"}, {}, {"n": "x"}], "oder": 1});
    assert_eq!(
        problems(&schema, &sent),
        [
            "id: it is required and missing",
            "lines[0].n: 9 is out of range: it must be at most 5",
            "lines[1].n: it is required and missing",
            "lines[2].n: \"x\" must be a whole number",
            "oder: there is no such argument; did you mean `order`?",
            "order.nte: there is no such argument; did you mean `note`?",
            "order.sort: \"newst\" must be \"newest\" or \"oldest\"; did you mean \"newest\"?",
        ]
    );
}

#[test]
fn names_of_digits_and_empty_names_are_names() {
    let schema = json!({"type": "object", "additionalProperties": {"type": "integer"}});
    let sent = r#"{"5":"1","":"2","a/b~c":"3"}"#;
    assert_eq!(rule(&schema).fit(sent).expect("numbers"), r#"{"5":1,"":2,"a/b~c":3}"#);
}

#[test]
fn long_arguments_that_do_not_fit_are_refused_without_a_list_of_their_problems() {
    let either = json!({"anyOf": [{"type": "array", "items": {"type": "boolean"}}, {"type": "array", "items": {"type": "null"}}]});
    let schema = json!({"type": "object", "properties": {"v": either}});
    let long = format!(r#"{{"v":[{}0]}}"#, "0,".repeat(500_000));
    let invalid = rule(&schema).fit(&long).expect_err("they are numbers");
    assert_eq!(invalid.problems().len(), 1);
    assert!(invalid.to_string().contains("too many values to say where"), "{invalid}");
    let fits = format!(r#"{{"v":[{}true]}}"#, "true,".repeat(500_000));
    assert_eq!(rule(&schema).fit(&fits).expect("they are booleans"), fits);
}

#[test]
fn messages_stay_short_whatever_is_sent() {
    let options: Vec<_> = (0..500).map(|number| format!("option_{number}")).collect();
    let names: serde_json::Map<_, _> = (0..500).map(|number| (format!("member_{number}"), json!({}))).collect();
    let schema = json!({"type": "object", "properties": {
        "sort": {"enum": options}, "n": {"type": "integer"}, "inner": {"properties": names, "additionalProperties": false},
    }, "additionalProperties": false});
    let long = "x".repeat(1 << 20);
    for sent in [json!({"sort": long}), json!({"n": long}), json!({"inner": {&long: 1}}), json!({&long: 1})] {
        let told = rule(&schema).fit(&sent.to_string()).expect_err("it does not fit").to_string();
        assert!(told.len() < 1000, "{} bytes: {}", told.len(), &told[..200]);
    }
    let told = problems(&schema, &json!({"sort": "none of them"}));
    assert!(told[0].ends_with("\"option_23\" or one of 476 more"), "{told:?}");
    let told = problems(&schema, &json!({"sort": "optoin_499"}));
    assert!(told[0].ends_with("did you mean \"option_499\"?"), "{told:?}");
}

#[test]
fn a_long_text_beside_a_mistake_is_no_reason_to_refuse_the_call() {
    let schema = json!({"type": "object", "properties": {"text": {"type": "string"}, "append": {"type": "boolean"}}});
    let text = "line\n".repeat(200_000);
    let sent = json!({"text": text, "append": "true"}).to_string();
    assert_eq!(rule(&schema).fit(&sent).expect("it is meant so"), json!({"text": text, "append": true}).to_string());
    let invalid = rule(&schema).fit(&json!({"text": text, "append": "yes"}).to_string()).expect_err("no boolean");
    assert_eq!(invalid.to_string(), "invalid arguments: append: \"yes\" must be true or false");
}

#[test]
fn names_that_are_given_twice_are_told_beside_other_problems() {
    let schema =
        json!({"type": "object", "properties": {"a": {"type": "object", "properties": {"n": {"type": "integer"}}}}});
    let rule = rule(&schema);
    for (sent, told) in [
        (r#"{"a":{"n":1,"n":2}}"#, "a.n: it is given twice"),
        (r#"{"a":{"n":1,"\u006e":1}}"#, "a.n: it is given twice"),
        (r#"{"a":{},"a":{"n":"x"}}"#, "a: it is given twice; a.n: \"x\" must be a whole number"),
        (r#"{"_a":1,"b":[{"x":1,"x":1}],"_a":2}"#, "b[0].x: it is given twice"),
    ] {
        let invalid = rule.fit(sent).expect_err(sent);
        assert_eq!(invalid.to_string(), format!("invalid arguments: {told}"));
    }
}

#[test]
fn schemas_of_every_draft_are_kept_to() {
    let older = json!({"$schema": "http://json-schema.org/draft-04/schema#", "type": "object", "properties": {
        "n": {"type": "number", "minimum": 0, "exclusiveMinimum": true}, "pair": {"items": [{"type": "integer"}], "additionalItems": false},
        "line": {"$ref": "#/definitions/Line"}, "code": {"type": "string", "pattern": "^(?!x)", "maxLength": 3},
    }, "definitions": {"Line": {"type": "object", "properties": {"units": {"type": "integer"}}}}});
    let rule = rule(&older);
    assert_eq!(
        rule.fit(r#"{"n":"1","pair":["2"],"line":{"units":"3"}}"#).expect("numbers"),
        r#"{"n":1,"pair":[2],"line":{"units":3}}"#
    );
    for bad in [r#"{"n":0}"#, r#"{"pair":[1,2]}"#, r#"{"line":{"units":"x"}}"#, r#"{"code":"long"}"#] {
        assert!(rule.fit(bad).is_err(), "{bad}");
    }
}

/// Schemas of the kinds that tools have.
fn schemas() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!({"type": "integer"})),
        Just(json!({"type": "integer", "minimum": 0, "maximum": 10})),
        Just(json!({"type": "number"})),
        Just(json!({"type": "boolean"})),
        Just(json!({"type": "string"})),
        Just(json!({"type": "string", "minLength": 1})),
        Just(json!({"type": ["integer", "null"]})),
        Just(json!({"type": ["string", "null"]})),
        Just(json!({"enum": ["a", "b", 1, null]})),
        Just(json!({"const": true})),
        Just(json!({})),
    ];
    leaf.prop_recursive(3, 16, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|items| json!({"type": "array", "items": items})),
            (inner.clone(), inner.clone(), any::<bool>(), any::<bool>()).prop_map(|(a, b, required, closed)| {
                let required = if required { json!(["a"]) } else { json!([]) };
                json!({"type": "object", "properties": {"a": a, "b": b}, "required": required, "additionalProperties": !closed})
            }),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| json!({"anyOf": [a, b]})),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| json!({"oneOf": [a, b]})),
            (inner.clone(), inner).prop_map(|(a, b)| json!({"allOf": [a, b]})),
        ]
    })
}

/// Values as models write them.
fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-3_i64..12).prop_map(Value::from),
        (-3_i64..12).prop_map(|n| json!(n.to_string())),
        Just(json!(30.0)),
        proptest::sample::select(vec![
            "",
            "null",
            "true",
            "False",
            "a",
            "b",
            "x",
            " 7 ",
            "[1]",
            "[\"a\"]",
            "{\"a\":\"1\"}"
        ])
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| json!({"a": a, "b": b})),
            inner.clone().prop_map(|a| json!({"a": a})),
            inner.prop_map(|value| json!(value.to_string())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn fitting_keeps_what_fits_ends_in_what_fits_and_changes_nothing_twice(schema in schemas(), value in values()) {
        let rule = rule(&schema);
        let sent = value.to_string();
        match rule.fit(&sent) {
            Ok(fitted) => {
                let read: Value = serde_json::from_str(&fitted).expect("JSON");
                prop_assert!(rule.validator.is_valid(&read));
                if rule.validator.is_valid(&value) {
                    prop_assert_eq!(fitted.as_ref(), sent.as_str());
                }
                let again = rule.fit(&fitted).expect("it fits");
                prop_assert_eq!(&again, &fitted);
            }
            Err(invalid) => {
                prop_assert!(!invalid.problems().is_empty());
                prop_assert!(!rule.validator.is_valid(&value));
            }
        }
    }
}
