//! [`log`]: writes findings as a log of SARIF 2.1.0. Tools have names and no lines, so places are logical locations.

use serde_json::{Value, json};

use super::finding::Finding;
use super::rule::{Rule, Severity};

pub(super) fn log(findings: &[Finding], allowed: &[(Finding, String)]) -> Value {
    let suppressed = allowed.iter().map(|(finding, reason)| {
        let mut result = result(finding);
        result["suppressions"] = json!([{ "kind": "external", "justification": reason }]);
        result
    });
    let results: Vec<_> = findings.iter().map(result).chain(suppressed).collect();
    let driver = json!({
        "name": "platools doctor",
        "version": env!("CARGO_PKG_VERSION"),
        "rules": Rule::ALL.iter().map(|rule| declared(*rule)).collect::<Vec<_>>(),
    });
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{ "tool": { "driver": driver }, "results": results }],
    })
}

fn declared(rule: Rule) -> Value {
    json!({
        "id": rule.code(),
        "shortDescription": { "text": rule.description() },
        "defaultConfiguration": { "level": level(rule) },
    })
}

fn result(finding: &Finding) -> Value {
    let mut result = json!({
        "ruleId": finding.rule.code(),
        "level": level(finding.rule),
        "message": { "text": finding.message },
    });
    let place = finding.place();
    if !place.is_empty() {
        let kind = if finding.param.is_some() { "parameter" } else { "function" };
        let location = json!({ "fullyQualifiedName": place, "kind": kind });
        result["locations"] = json!([{ "logicalLocations": [location] }]);
    }
    result
}

fn level(rule: Rule) -> &'static str {
    match rule.severity() {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "note",
    }
}
