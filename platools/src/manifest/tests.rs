use serde_json::json;

use super::*;

fn diff(part: &str, old: Value, new: Value) -> ManifestDiff {
    let manifest = |schema: Value| {
        let mut tool = json!({ "name": "t", "description": "Do it.", "input_schema": { "type": "object" } });
        tool[part] = schema;
        json!({ "tools": [tool] })
    };
    ManifestDiff::between(&manifest(old), &manifest(new)).expect("two manifests")
}

fn arguments(properties: Value, required: &[&str]) -> Value {
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}

/// The compatibility of a change of an argument's schema, and of the same change of a result's.
fn of_value(old: Value, new: Value) -> (Compatibility, Compatibility) {
    let input = |schema: Value| arguments(json!({ "x": schema }), &["x"]);
    let inputs = diff("input_schema", input(old.clone()), input(new.clone())).compatibility();
    (inputs, diff("output_schema", old, new).compatibility())
}

#[test]
fn a_wider_argument_is_compatible_and_a_wider_result_is_breaking() {
    let pairs = [
        (json!({ "type": "integer" }), json!({ "type": "number" })),
        (json!({ "type": "string" }), json!({ "type": ["string", "null"] })),
        (json!({ "type": "string" }), json!({ "anyOf": [{ "type": "string" }, { "type": "integer" }] })),
        (json!({ "enum": ["a"] }), json!({ "enum": ["a", "b"] })),
        (json!({ "const": "a" }), json!({ "type": "string" })),
        (json!({ "type": "integer", "minimum": 2 }), json!({ "type": "integer", "minimum": 1 })),
        (json!({ "type": "integer", "exclusiveMinimum": 2 }), json!({ "type": "integer", "minimum": 2 })),
        (json!({ "type": "string", "maxLength": 5 }), json!({ "type": "string" })),
        (json!({ "type": "string", "pattern": "^a" }), json!({ "type": "string" })),
        (json!({ "type": "integer", "multipleOf": 4 }), json!({ "type": "integer", "multipleOf": 2 })),
        (json!({ "type": "array", "items": { "type": "integer" } }), json!({ "type": "array" })),
        (json!({ "type": "array", "items": { "enum": [1] } }), json!({ "type": "array", "items": { "enum": [1, 2] } })),
        (
            json!({ "type": "object", "properties": { "a": { "type": "string" } }, "required": ["a"] }),
            json!({ "type": "object", "properties": { "a": { "type": "string" } } }),
        ),
    ];
    for (narrow, wide) in pairs {
        let text = format!("{narrow} to {wide}");
        let (compatible, breaking) = (Compatibility::Compatible, Compatibility::Breaking);
        assert_eq!(of_value(narrow.clone(), wide.clone()), (compatible, breaking), "{text}");
        assert_eq!(of_value(wide, narrow.clone()), (breaking, compatible), "{text}, the other way");
        assert_eq!(of_value(narrow.clone(), narrow), (Compatibility::Unchanged, Compatibility::Unchanged), "{text}");
    }
}

#[test]
fn texts_say_what_changed_where() {
    let old = arguments(json!({ "a": { "type": "string" }, "b": { "type": "integer", "default": 1 } }), &["a"]);
    let new = arguments(json!({ "b": { "type": "integer", "default": 2 }, "c": { "type": "string" } }), &["c"]);
    assert_eq!(
        diff("input_schema", old, new).to_string(),
        "breaking: t: argument /a: it is gone\n\
         breaking: t: argument /c: it is required, was optional\n\
         breaking: t: argument /b: `default` is 2, was 1\n"
    );
    assert!(diff("description", json!("one"), json!("two")).to_string().starts_with("compatible: t: the description"));
}

#[test]
fn an_argument_that_is_ignored_from_now_on_is_breaking() {
    let old = json!({ "type": "object", "properties": { "a": {}, "b": {} } });
    let new = json!({ "type": "object", "properties": { "a": {} } });
    assert_eq!(diff("input_schema", old, new).to_string(), "breaking: t: argument /b: it is gone\n");
}

#[test]
fn references_are_followed_also_where_they_come_back() {
    let tree = |limit: u32| {
        json!({
            "type": "object",
            "properties": { "root": { "$ref": "#/$defs/Node" } },
            "$defs": { "Node": { "type": "object", "properties": {
                "size": { "type": "integer", "maximum": limit },
                "children": { "type": "array", "items": { "$ref": "#/$defs/Node" } },
            } } },
        })
    };
    assert_eq!(
        diff("input_schema", tree(9), tree(8)).to_string(),
        "breaking: t: argument /root/size: `maximum` is 8, was 9\n"
    );
    assert_eq!(diff("input_schema", tree(9), tree(10)).compatibility(), Compatibility::Compatible);
    let loops = json!({ "type": "object", "properties": { "a": { "$ref": "#/properties/a" } } });
    assert_eq!(diff("input_schema", loops.clone(), loops).compatibility(), Compatibility::Unchanged);
}

#[test]
fn a_difference_that_is_not_understood_is_breaking() {
    let old = json!({ "type": "object", "not": { "required": ["a"] } });
    let new = json!({ "type": "object", "not": { "required": ["b"] } });
    assert_eq!(diff("input_schema", old, new).compatibility(), Compatibility::Breaking);
}

#[test]
fn fewer_callers_and_weaker_hints_are_breaking() {
    let (compatible, breaking) = (Compatibility::Compatible, Compatibility::Breaking);
    for (part, one, other, forth, back) in [
        ("auth", json!("none"), json!("user"), breaking, compatible),
        ("roles", json!([]), json!(["a"]), breaking, compatible),
        ("roles", json!(["a"]), json!(["a", "b"]), compatible, breaking),
        ("annotations", json!({}), json!({ "strictArguments": true }), breaking, compatible),
        ("annotations", json!({}), json!({ "destructiveHint": true }), breaking, compatible),
        ("annotations", json!({}), json!({ "readOnlyHint": true }), compatible, breaking),
        ("annotations", json!({ "timeoutMs": 1 }), json!({ "timeoutMs": 2 }), compatible, compatible),
        ("output_schema", Value::Null, json!({ "type": "string" }), compatible, breaking),
    ] {
        assert_eq!(diff(part, one.clone(), other.clone()).compatibility(), forth, "{part}: {one} to {other}");
        assert_eq!(diff(part, other.clone(), one.clone()).compatibility(), back, "{part}: {other} to {one}");
    }
}

#[test]
fn tools_come_and_go_and_what_is_no_manifest_is_an_error() {
    let with =
        |names: &[&str]| json!({ "tools": names.iter().map(|name| json!({ "name": name })).collect::<Vec<_>>() });
    let diff = ManifestDiff::between(&with(&["a", "b"]), &with(&["b", "c"])).expect("two manifests");
    assert_eq!(diff.to_string(), "breaking: a: the tool is gone\ncompatible: c: the tool is new\n");
    for wrong in [json!([]), json!({ "tools": 1 }), json!({ "tools": [1] })] {
        let error = ManifestDiff::between(&with(&[]), &wrong).expect_err("it is no manifest");
        assert!(error.to_string().contains("the new manifest is none"), "{error}");
    }
}
