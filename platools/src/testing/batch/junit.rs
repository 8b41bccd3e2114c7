//! [`document`]: writes the outcome of a batch in the XML of JUnit.

use std::time::Duration;

use super::case_report::CaseReport;

pub(super) fn document(cases: &[CaseReport]) -> String {
    let failures = cases.iter().filter(|case| case.failure.is_some()).count();
    let total: Duration = cases.iter().map(|case| case.duration).sum();
    let counts = format!("tests=\"{}\" failures=\"{failures}\" time=\"{:.3}\"", cases.len(), total.as_secs_f64());
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites {counts}>\n  <testsuite name=\"platools\" {counts}>\n"
    );
    cases.iter().for_each(|case| out.push_str(&element(case)));
    out.push_str("  </testsuite>\n</testsuites>\n");
    out
}

fn element(case: &CaseReport) -> String {
    let head = format!(
        "    <testcase classname=\"{}\" name=\"{}\" time=\"{:.3}\"",
        escaped(&case.tool),
        escaped(&case.name),
        case.duration.as_secs_f64()
    );
    match &case.failure {
        None => format!("{head}/>\n"),
        Some(failure) => format!("{head}>\n      <failure message=\"{}\"/>\n    </testcase>\n", escaped(failure)),
    }
}

/// The text as the value of an attribute. Characters that XML 1.0 does not have are replaced.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            '\r' => out.push_str("&#13;"),
            '\t' => out.push_str("&#9;"),
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            _ => out.push(character),
        }
    }
    out
}
