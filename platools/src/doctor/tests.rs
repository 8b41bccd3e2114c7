use serde_json::{Value, json};

use super::*;

fn tool(name: &str, properties: Value, required: &[&str]) -> ToolDefinition {
    let schema = json!({ "type": "object", "properties": properties, "required": required });
    let mut tool = ToolDefinition::new(name, "Do something for a test.", schema);
    tool.output_schema = Some(json!({ "type": "string" }));
    tool
}

fn returning(mut tool: ToolDefinition, properties: Value) -> ToolDefinition {
    tool.output_schema = Some(json!({ "type": "object", "properties": properties }));
    tool
}

/// A described text without anything to find.
fn text() -> Value {
    json!({ "type": "string", "description": "A word, such as lamp.", "maxLength": 9, "x-user-providable": true })
}

/// The codes and places of all findings.
fn found(doctor: Doctor) -> Vec<String> {
    let report = doctor.check();
    report.findings().iter().map(|finding| format!("{} {}", finding.rule, finding.place())).collect()
}

fn codes(tools: Vec<ToolDefinition>) -> Vec<String> {
    found(Doctor::of(tools))
}

#[test]
fn a_good_tool_has_no_findings() {
    assert_eq!(codes(vec![tool("find_item", json!({ "item": text() }), &["item"])]), [""; 0]);
}

#[test]
fn required_arguments_come_from_other_tools_with_the_same_type() {
    let mut id = text();
    id.as_object_mut().expect("an object").shift_remove("x-user-providable");
    let find = || tool("find_item", json!({ "id": id.clone() }), &["id"]);
    assert_eq!(codes(vec![find()]), ["unreachable_param find_item.id"]);
    assert_eq!(codes(vec![tool("find_item", json!({ "id": id.clone() }), &[])]), [""; 0]);
    assert_eq!(
        codes(vec![returning(find(), json!({ "id": { "type": "string" } }))]),
        ["unreachable_param find_item.id"]
    );
    let list = |kind: &str| returning(tool("list", json!({}), &[]), json!({ "id": { "type": kind } }));
    assert_eq!(codes(vec![find(), list("string")]), [""; 0]);
    assert_eq!(codes(vec![find(), list("integer")]), ["type_mismatch find_item.id"]);
    let two = vec![list("string"), returning(tool("search", json!({}), &[]), json!({ "id": {} }))];
    assert_eq!(codes(two), ["ambiguous_output "]);
}

#[test]
fn every_tool_of_a_circle_has_a_finding() {
    let needs = |name: &str, needed: &str, given: &str| {
        returning(tool(name, json!({ needed: text() }), &[needed]), json!({ given: {} }))
    };
    let circle = vec![needs("one", "b", "a"), needs("two", "a", "b"), needs("other", "a", "c")];
    assert_eq!(codes(circle), ["circular_dependency one", "circular_dependency two"]);
}

#[test]
fn texts_results_breadth_and_hints_are_checked() {
    let mut short = tool("find", json!({ "item": { "type": "boolean", "description": "é      " } }), &[]);
    short.description = "Find it. ".to_owned();
    short.output_schema = None;
    assert_eq!(
        codes(vec![short]),
        ["short_tool_description find", "short_param_description find.item", "no_return_schema find"]
    );
    let many: serde_json::Map<_, _> = (0..11).map(|index| (format!("a{index}"), text())).collect();
    assert_eq!(codes(vec![tool("find", Value::Object(many), &[])]), ["overly_broad_tool find"]);
    let mut purge = tool("PurgeAll", json!({}), &[]);
    assert_eq!(codes(vec![purge.clone()]), ["missing_destructive_hint PurgeAll"]);
    purge.annotations.insert("destructiveHint".to_owned(), true.into());
    assert_eq!(codes(vec![purge]), [""; 0]);
}

#[test]
fn agents_and_roles_are_checked_where_they_are_known() {
    let mut refund = tool("refund", json!({}), &[]);
    refund.roles = vec!["support".to_owned(), "admin".to_owned()];
    let doctor = Doctor::of([refund]);
    assert_eq!(found(doctor.clone()), [""; 0]);
    let known = doctor.agent_tools(["find"]).roles_in_use(["support"]);
    assert_eq!(found(known), ["permission_gap refund", "orphan_tool refund"]);
}

#[test]
fn names_that_models_mix_up_are_found() {
    let named = |names: &[&str]| codes(names.iter().map(|name| tool(name, json!({}), &[])).collect());
    assert_eq!(named(&["get_order", "getOrder"]), ["clashing_name getOrder"]);
    assert_eq!(named(&["get_order", "get_orders"]), ["confusable_name get_orders"]);
    assert_eq!(named(&["get_order", "set_price", "a", "b"]), [""; 0]);
}

#[test]
fn interfaces_of_models_are_checked() {
    let map =
        json!({ "type": "object", "additionalProperties": { "type": "integer" }, "description": "Prices by item." });
    assert_eq!(codes(vec![tool("set", json!({ "prices": map }), &[])]), ["openai_not_strict set"]);
    let mut long = tool("find", json!({}), &[]);
    long.description = "x".repeat(1025);
    assert_eq!(codes(vec![long]), ["openai_long_description find"]);
    assert_eq!(codes(vec![tool("find", json!({ "$top": text() }), &[])]), ["anthropic_renamed_param find.$top"]);
    let even = json!({ "type": "integer", "multipleOf": 2, "description": "An even number.", "default": { "not": 1 } });
    let report = Doctor::of([tool("find", json!({ "even": even }), &[])]).check();
    assert_eq!(report.findings()[0].message, "Gemini lacks `multipleOf`, and its models read sentences instead");
}

#[test]
fn secrets_are_found_and_not_repeated() {
    let with = |keyword: &str, value: Value| {
        let mut schema = text();
        schema[keyword] = value;
        schema
    };
    let token = "ghp_0123456789012345678901234567";
    for (name, schema) in [
        ("key", with("default", json!(token))),
        ("key", with("examples", json!(["a", token]))),
        ("jwt", with("default", json!("eyJhbGciOi.eyJzdWIi.c2ln"))),
        ("api_key", with("default", json!("hunter2"))),
        (
            "nested",
            json!({ "type": "object", "description": "An account.", "properties": { "password": with("const", json!("x")) } }),
        ),
    ] {
        let report = Doctor::of([tool("find", json!({ name: schema }), &[])]).check();
        assert!(report.has_errors(), "{name}");
        assert!(report.findings()[0].rule == Rule::SecretInSchema, "{report}");
        assert!(!report.to_string().contains("ghp_") && !report.to_sarif().to_string().contains("hunter2"), "{report}");
    }
    assert_eq!(
        codes(vec![tool("find", json!({ "api_key": text(), "x": with("default", json!("sk-1")) }), &[])]),
        [""; 0]
    );
}

#[test]
fn texts_and_lists_without_limits_and_examples_are_found_at_any_depth() {
    let properties = json!({
        "note": { "type": ["string", "null"], "description": "A note of the customer." },
        "lines": { "type": "array", "description": "Lines of the order.", "items": { "$ref": "#/$defs/Line" } },
    });
    let mut order = tool("order", properties, &[]);
    order.input_schema["$defs"] = json!({ "Line": { "type": "object", "properties": {
        "sku": { "type": "string" },
        "parts": { "type": "array", "maxItems": 3, "items": { "$ref": "#/$defs/Line" } },
    } } });
    assert_eq!(
        codes(vec![order]),
        [
            "unbounded_string order.note",
            "unbounded_string order.lines/*/sku",
            "unbounded_list order.lines",
            "missing_example order.note",
        ]
    );
}

#[test]
fn allowed_findings_are_kept_apart_with_their_reasons() {
    let doctor = Doctor::of([tool("purge", json!({}), &[]), tool("wipe", json!({}), &[])])
        .allow("purge", Rule::MissingDestructiveHint, "it only hides")
        .allow_everywhere(Rule::OrphanTool, "no agents yet");
    let report = doctor.check();
    assert_eq!(found(doctor), ["missing_destructive_hint wipe", "unused_allowance "]);
    assert_eq!(report.to_json()["allowed"][0]["reason"], "it only hides");
    report.assert_healthy();
    let sarif = report.to_sarif();
    let results = sarif["runs"][0]["results"].as_array().expect("results");
    assert_eq!(results.len(), 3);
    assert_eq!(results[2]["suppressions"][0]["justification"], "it only hides");
    assert_eq!(results[0]["locations"][0]["logicalLocations"][0]["fullyQualifiedName"], "wipe");
    let rules = sarif["runs"][0]["tool"]["driver"]["rules"].as_array().expect("rules");
    assert!(results.iter().all(|result| rules.iter().any(|rule| rule["id"] == result["ruleId"])), "{sarif}");
}

#[test]
fn a_report_is_read_by_people() {
    let report = Doctor::of([tool("purge", json!({}), &[])]).check();
    assert_eq!(
        report.to_string(),
        "1 tool: 0 errors, 1 warning, 0 info, 0 allowed\n\
         warning: missing_destructive_hint: purge: its name has `purge`, and it is not declared as `destructive`\n"
    );
    assert!("no_such_rule".parse::<Rule>().expect_err("there is none").to_string().contains("unreachable_param"));
    assert!(Rule::ALL.iter().all(|rule| rule.code().parse() == Ok(*rule)));
}
