//! [`ReportRecorder`]: records every report of a call for a test. A platform gets only the reports that it has time for.

use std::sync::{Arc, Mutex, PoisonError};

use super::report::{LogEntry, ProgressReport};

/// The reports of one call, in order. Clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct ReportRecorder(Arc<Mutex<Vec<RecordedReport>>>);

/// A report of a call.
#[derive(Debug, Clone)]
pub(crate) enum RecordedReport {
    Progress(ProgressReport),
    Log(LogEntry),
}

impl ReportRecorder {
    pub(super) fn record(&self, report: RecordedReport) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(report);
    }

    /// The reports so far.
    pub(crate) fn reports(&self) -> Vec<RecordedReport> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
