//! [`BatchReport`]: holds the outcome of each case of a batch.

use std::fmt;

use serde_json::{Value, json};

use super::case_report::CaseReport;
use super::junit;

/// The outcome of a batch.
#[derive(Debug, Clone)]
pub struct BatchReport {
    pub(super) cases: Vec<CaseReport>,
}

impl BatchReport {
    pub(super) fn new(cases: Vec<CaseReport>) -> Self {
        Self { cases }
    }

    /// The outcome of each case, in order.
    #[must_use]
    pub fn cases(&self) -> &[CaseReport] {
        &self.cases
    }

    /// The number of cases that failed.
    #[must_use]
    pub fn failed(&self) -> usize {
        self.cases.iter().filter(|case| case.failure.is_some()).count()
    }

    /// Fails a test if a case failed.
    ///
    /// # Panics
    /// A case failed. The message has all that did.
    #[track_caller]
    pub fn assert_passed(&self) {
        assert!(self.failed() == 0, "cases of the batch failed\n{self}");
    }

    /// The report in the XML of JUnit, which CI systems read.
    #[must_use]
    pub fn to_junit(&self) -> String {
        junit::document(&self.cases)
    }

    /// The report as JSON.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let case = |case: &CaseReport| {
            let ms = case.duration.as_secs_f64() * 1e3;
            json!({ "name": case.name, "tool": case.tool, "duration_ms": ms, "passed": case.failure.is_none(), "error": case.failure })
        };
        let failed = self.failed();
        let cases: Vec<_> = self.cases.iter().map(case).collect();
        json!({ "passed": cases.len() - failed, "failed": failed, "cases": cases })
    }
}

/// Writes each case as a line, the reason below one that failed, and the counts last.
impl fmt::Display for BatchReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for case in &self.cases {
            let end = if case.failure.is_some() { "FAILED" } else { "ok" };
            writeln!(f, "{}: {end}", case.name)?;
            if let Some(failure) = &case.failure {
                writeln!(f, "    {failure}")?;
            }
        }
        writeln!(f, "{} passed, {} failed", self.cases.len() - self.failed(), self.failed())
    }
}
