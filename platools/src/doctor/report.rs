//! [`DoctorReport`]: holds the findings of a check, for people, as JSON and as SARIF.

use std::fmt;

use serde_json::{Value, json};

use super::finding::Finding;
use super::rule::{Rule, Severity};
use super::sarif;

/// Findings that an author allows.
#[derive(Debug, Clone)]
pub(super) struct Allowance {
    /// `None`: all tools.
    pub(super) tool: Option<String>,
    pub(super) rule: Rule,
    pub(super) reason: String,
}

impl Allowance {
    fn covers(&self, finding: &Finding) -> bool {
        self.rule == finding.rule && self.tool.as_ref().is_none_or(|tool| finding.tool.as_ref() == Some(tool))
    }
}

/// The findings of a check.
#[derive(Debug, Clone)]
pub struct DoctorReport {
    tool_count: usize,
    findings: Vec<Finding>,
    /// Each with the reason for it.
    allowed: Vec<(Finding, String)>,
}

impl DoctorReport {
    pub(super) fn new(tool_count: usize, all: Vec<Finding>, allowances: &[Allowance]) -> Self {
        let mut is_used = vec![false; allowances.len()];
        let (mut findings, mut allowed) = (Vec::new(), Vec::new());
        for finding in all {
            match allowances.iter().position(|allowance| allowance.covers(&finding)) {
                Some(index) => {
                    is_used[index] = true;
                    allowed.push((finding, allowances[index].reason.clone()));
                }
                None => findings.push(finding),
            }
        }
        let unused = allowances.iter().zip(is_used).filter(|(_, is_used)| !is_used);
        findings.extend(unused.map(|(allowance, _)| unused_allowance(allowance)));
        findings.sort_by_key(|finding| (std::cmp::Reverse(finding.severity()), finding.rule));
        Self { tool_count, findings, allowed }
    }

    /// The findings that are not allowed, the severest first.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// The findings that are allowed, each with the reason.
    pub fn allowed(&self) -> impl Iterator<Item = (&Finding, &str)> {
        self.allowed.iter().map(|(finding, reason)| (finding, reason.as_str()))
    }

    /// Returns true if there is an error.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.count(Severity::Error) > 0
    }

    /// Fails a test if there is an error.
    ///
    /// # Panics
    /// There is an error. The message has the report.
    #[track_caller]
    pub fn assert_healthy(&self) {
        assert!(!self.has_errors(), "the doctor has found errors\n{self}");
    }

    /// Fails a test if there is an error or a warning.
    ///
    /// # Panics
    /// There is an error or a warning. The message has the report.
    #[track_caller]
    pub fn assert_no_warnings(&self) {
        let is_clean = !self.has_errors() && self.count(Severity::Warning) == 0;
        assert!(is_clean, "the doctor has found errors or warnings\n{self}");
    }

    /// The report as JSON: `tool_count`, and `errors`, `warnings` and `info` with the `code`, the `message`, the `tool` and the `param` of each finding,
    /// as the SDK for Python writes them; and `allowed`, with a `reason` beside.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let of = |severity| self.findings.iter().filter(|finding| finding.severity() == severity).map(json).collect();
        let list = |severity| -> Vec<Value> { of(severity) };
        let allowed = self.allowed.iter().map(|(finding, reason)| {
            let mut finding = json(finding);
            finding["reason"] = reason.as_str().into();
            finding
        });
        json!({
            "tool_count": self.tool_count,
            "errors": list(Severity::Error),
            "warnings": list(Severity::Warning),
            "info": list(Severity::Info),
            "allowed": allowed.collect::<Vec<_>>(),
        })
    }

    /// The report as a log of [SARIF 2.1.0](https://docs.oasis-open.org/sarif/sarif/v2.1.0/), which code hosts show. Allowed findings are
    /// suppressed results.
    #[must_use]
    pub fn to_sarif(&self) -> Value {
        sarif::log(&self.findings, &self.allowed)
    }

    fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity() == severity).count()
    }
}

/// Writes a line with the counts, and each finding as a line.
impl fmt::Display for DoctorReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counted = |count: usize, noun: &str| format!("{count} {noun}{}", if count == 1 { "" } else { "s" });
        writeln!(
            f,
            "{}: {}, {}, {} info, {} allowed",
            counted(self.tool_count, "tool"),
            counted(self.count(Severity::Error), "error"),
            counted(self.count(Severity::Warning), "warning"),
            self.count(Severity::Info),
            self.allowed.len(),
        )?;
        self.findings.iter().try_for_each(|finding| writeln!(f, "{finding}"))
    }
}

fn json(finding: &Finding) -> Value {
    json!({ "code": finding.rule.code(), "message": finding.message, "tool": finding.tool, "param": finding.param })
}

fn unused_allowance(allowance: &Allowance) -> Finding {
    let message = format!("`{}` is allowed and was not found; remove the allowance", allowance.rule);
    let finding = Finding::new(Rule::UnusedAllowance, message);
    Finding { tool: allowance.tool.clone(), ..finding }
}
