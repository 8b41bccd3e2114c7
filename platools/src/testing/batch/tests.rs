use serde_json::{Value, json};

use super::*;
use crate::tool::{Context, ToolDefinition, ToolError};

/// Returns its argument `value`, or fails with the code `fail` and a message.
fn registry() -> ToolRegistry {
    let schema = json!({ "type": "object", "properties": { "value": {}, "fail": { "type": "string" } } });
    let echo =
        ToolDefinition::new("echo", "Return a value.", schema).handler(|arguments: Value, ctx: Context| async move {
            match arguments["fail"].as_str() {
                Some(code) => Err(ToolError::new("no such order").with_code(code.to_owned())),
                None if arguments["value"] == "user" => Ok(json!(ctx.user_id())),
                None => Ok(arguments["value"].clone()),
            }
        });
    ToolRegistry::new().with_tools(vec![echo]).expect("a valid tool")
}

/// The failure of a case whose tool returns `value`, with these further lines.
async fn failure(value: Value, expected: &str) -> Option<String> {
    let text = format!("tests:\n  - tool: echo\n    params: {{ value: {value} }}\n    {expected}\n");
    let batch = Batch::from_yaml(&text).expect("a batch");
    batch.run(&registry()).await.cases()[0].failure.clone()
}

#[tokio::test]
async fn results_are_compared_in_whole_in_part_at_paths_and_with_patterns() {
    let order = json!({ "id": "ord-1", "lines": [{ "sku": "a", "n": 1 }, { "sku": "b", "n": 2.0 }], "note": null });
    for passes in [
        "expect_success: true",
        "expect: { id: ord-1 }",
        "expect: { lines: [{ sku: a }, { n: 2 }], note: null }",
        "expect_exact: { note: null, id: ord-1, lines: [{ sku: a, n: 1 }, { sku: b, n: 2 }] }",
        "expect_path: { '$.lines[1].sku': b, '$.lines[*].n': [1, 2] }",
        "expect_match: { '$.id': '^ord-[0-9]$', '$.lines[*].sku': '[ab]' }",
    ] {
        assert_eq!(failure(order.clone(), passes).await, None, "{passes}");
    }
    for (fails, reason) in [
        ("expect: { id: ord-2 }", r#"$.id: "ord-2" was expected, and it is "ord-1""#),
        ("expect: { lines: [{ sku: a }] }", "$.lines: [{"),
        ("expect: { state: open }", "$.state: it is missing"),
        ("expect_exact: { id: ord-1 }", r#"{"id":"ord-1"} was expected"#),
        ("expect_path: { '$.lines[0].n': 2 }", "$.lines[0].n: 2 was expected, and it is 1"),
        ("expect_path: { '$.total': 2 }", "has no such value"),
        ("expect_match: { '$.lines[*].sku': '^a' }", r#"and it is "b""#),
        ("expect_match: 'ord'", "a text that matches `ord` was expected"),
        ("expect_error: true", "an error was expected, and it returned {"),
        ("expect_success: false", "an error was expected"),
    ] {
        let found = failure(order.clone(), fails).await.unwrap_or_else(|| panic!("{fails} passes"));
        assert!(found.contains(reason), "{fails}: {found}");
    }
    assert_eq!(failure(json!(null), "expect_exact: null").await, None);
    assert!(failure(json!(1), "expect: null").await.is_some());
    assert_eq!(failure(json!("user"), "user: ann\n    expect: ann").await, None);
}

#[tokio::test]
async fn errors_are_compared_by_code_and_message() {
    let fails = |expected: &str| {
        let text = format!("tests: [{{ tool: echo, params: {{ fail: gone }}, {expected} }}]");
        async move { Batch::from_yaml(&text).expect("a batch").run(&registry()).await.failed() }
    };
    for passes in
        ["expect_error: true", "expect_success: false", "expect_error: gone", "expect_error: { message: 'such' }"]
    {
        assert_eq!(fails(passes).await, 0, "{passes}");
    }
    for wrong in ["expect_success: true", "expect_error: lost", "expect_error: { code: gone, message: '^such' }"] {
        assert_eq!(fails(wrong).await, 1, "{wrong}");
    }
}

#[test]
fn a_batch_that_cannot_be_meant_is_refused_with_its_case() {
    for (entry, reason) in [
        ("expect_success: true, expect_error: true", "both set"),
        ("expect_success: false, expect_error: false", "nothing is expected"),
        ("expect_error: true, expect: 1", "an error and a result"),
        ("expect_path: { 'lines': 1 }", "lines is no JSON Path"),
        ("expect_match: '('", "no regular expression"),
        ("expected: 1", "unknown field `expected`"),
        ("params: [1]", "invalid type"),
    ] {
        let error = Batch::from_yaml(&format!("tests: [{{ tool: echo, {entry} }}]")).expect_err(entry).to_string();
        assert!(error.contains(reason), "{entry}: {error}");
    }
    let error =
        Batch::from_yaml("tests: [{ tool: a }, { tool: b, expect_match: '(' }]").expect_err("a pattern").to_string();
    assert!(error.contains("case 2 (b)"), "{error}");
    assert!(Batch::from_yaml("[]").is_err() && Batch::from_yaml("tests:\n\t- a").is_err());
}

#[tokio::test]
async fn a_batch_of_the_python_sdk_runs() {
    let text = "
tests:
  - tool: echo
    params: { value: 'abc123' }
    expect_success: true
  - tool: echo
    params: { fail: 'x' }
    expect_error: true
  - tool: missing
    params:
    expect_error: true
  - tool: echo
";
    Batch::from_yaml(text).expect("a batch").run(&registry()).await.assert_passed();
}

#[tokio::test]
async fn reports_are_for_people_and_for_ci() {
    let text = "tests: [{ name: 'a < b', tool: echo, params: { value: 1 }, expect: 2 }, { tool: echo }]";
    let batch = Batch::from_yaml(text).expect("a batch");
    let mut report = batch.run(&registry()).await;
    report.cases.iter_mut().for_each(|case| case.duration = std::time::Duration::from_millis(1500));
    assert_eq!(
        report.to_string(),
        "a < b: FAILED\n    $: 2 was expected, and it is 1\necho {}: ok\n1 passed, 1 failed\n"
    );
    let xml = report.to_junit();
    assert!(xml.contains(r#"<testsuite name="platools" tests="2" failures="1" time="3.000">"#), "{xml}");
    assert!(xml.contains(r#"<testcase classname="echo" name="a &lt; b" time="1.500">"#), "{xml}");
    assert!(xml.contains(r#"<failure message="$: 2 was expected, and it is 1"/>"#), "{xml}");
    assert_eq!(
        (report.to_json()["failed"].as_u64(), report.to_json()["cases"][1]["passed"].as_bool()),
        (Some(1), Some(true))
    );
    let coverage = batch.coverage(&registry());
    assert_eq!(coverage.to_string(), "echo: 2 cases, without fail\n1 of 1 tools have a case\n");
    assert!(!coverage.is_complete());
}
