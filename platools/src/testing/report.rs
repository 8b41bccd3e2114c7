//! [`TestReport`]: holds a report that a tool made during a call: progress or a line of log.

use crate::tool::{RecordedReport, ReportRecorder};
use platools_protocol::LogLevel;

/// A report of a call to its caller.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum TestReport {
    /// Progress of the call, made by [`Context::progress`](crate::Context::progress).
    Progress {
        /// The part that is done, in the unit of the tool.
        done: f64,
        /// The total in the same unit, if the tool knows it.
        total: Option<f64>,
        /// The present step in words, if the tool names it.
        message: Option<String>,
    },
    /// A line of log, made by [`Context::log`](crate::Context::log).
    Log {
        /// Its severity.
        level: LogLevel,
        /// Its text.
        message: String,
    },
}

impl TestReport {
    /// The reports that were recorded so far.
    pub(super) fn all(recorder: &ReportRecorder) -> Vec<Self> {
        recorder.reports().into_iter().map(Self::from).collect()
    }
}

impl From<RecordedReport> for TestReport {
    fn from(report: RecordedReport) -> Self {
        match report {
            RecordedReport::Progress(report) => {
                let (done, total, message) = (report.done, report.total, report.message);
                Self::Progress { done, total, message }
            }
            RecordedReport::Log(entry) => Self::Log { level: entry.level, message: entry.message },
        }
    }
}
