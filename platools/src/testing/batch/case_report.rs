//! [`CaseReport`]: holds the outcome of one case of a batch.

use std::time::Duration;

/// The outcome of a case.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CaseReport {
    /// The name of the case, or its tool and params.
    pub name: String,
    /// The tool.
    pub tool: String,
    /// The time that the call took.
    pub duration: Duration,
    /// The reason why the case failed; `None` if it passed.
    pub failure: Option<String>,
}
